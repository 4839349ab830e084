"""Which header may include which: fails on an arrow upward or sideways.

    floors.py INCLUDE_FOLDER

A header includes std, its own folder, and lower floors. A folder is the directory that holds the header; its detail/ is for
itself alone. Third-party headers are named in adapt/ and in workloads only.
"""
import pathlib
import re
import sys

FLOORS = {
    "core": 0,
    "os": 1,
    "shm": 1.5,     # memory and words of os/, shared: below all that would use it
    "exec": 2, "gate": 2, "process": 2, "cache": 2, "policy": 2,
    "observe": 3, "route": 3,
    "flow": 4, "testing": 4,
    "adapt": 5,
    "workloads/formats": 6,
    # every other workload
    "workloads/": 7,
}
UMBRELLA = ""       # a header directly in include/muster/: everything that is std only
HIGHEST_STD_ONLY = 4

# std has no dot in its names. What the operating system gives is listed: <sqlite3.h> looks just like <signal.h>.
STD = re.compile(r"[a-z0-9_]+")
SYSTEM_FOLDER = re.compile(r"(sys|linux|net|netinet|arpa|asm|mach)/[a-z0-9_/]+\.h")
SYSTEM = {name + ".h" for name in (
    "dirent dlfcn elf errno execinfo fcntl fnmatch glob grp ifaddrs immintrin intrin libgen limits link locale netdb poll pthread "
    "pwd sched semaphore signal spawn stdio stdlib string syslog termios time unistd windows winsock2").split()}


def is_third_party(name):
    return not (STD.fullmatch(name) or SYSTEM_FOLDER.fullmatch(name) or name in SYSTEM)


def folder_of(header):
    """'gate' for 'gate/detail/queue.hpp': the folder that answers for a header."""
    parts = pathlib.PurePosixPath(header).parent.parts
    return "/".join(part for part in parts if part != "detail")


def floor_of(folder):
    """The folder's floor, or None when it has none."""
    if folder == UMBRELLA:
        return HIGHEST_STD_ONLY + 0.5
    if folder in FLOORS:
        return FLOORS[folder]
    if re.fullmatch(r"workloads/[a-z0-9_]+", folder):
        return FLOORS["workloads/"]
    return None


def objection(header, included, quoted):
    """Why `header` may not include `included`; None when it may."""
    here = folder_of(header)
    if quoted:
        return "write <muster/...>: a quoted name depends on who includes it"
    if not included.startswith("muster/"):
        if is_third_party(included) and floor_of(here) <= HIGHEST_STD_ONLY + 0.5:
            return "a third-party header: only adapt/ and workloads/ name those"
        return None

    target = included.removeprefix("muster/")
    there = folder_of(target)
    if floor_of(there) is None:
        return f"{there}/ has no floor; give it one in FLOORS"
    if here == there:
        return None
    if "/detail/" in included:
        return f"{there}/detail/ is for {there}/ alone"
    if floor_of(there) == floor_of(here):
        return f"sideways: {here}/ and {there}/ are both on floor {floor_of(here)}"
    if floor_of(there) > floor_of(here):
        return f"upward: {here or 'the umbrella'} is below {there or 'the umbrella'}"
    return None


def check(root):
    """One line for each arrow that should not be, below include folder `root`."""
    found = []
    for path in sorted((root / "muster").rglob("*.hpp")):
        header = path.relative_to(root / "muster").as_posix()
        if floor_of(folder_of(header)) is None:
            found.append(f"muster/{header}: {folder_of(header)}/ has no floor; give it one in FLOORS")
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if match := re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line):
                if why := objection(header, match[2], match[1] == '"'):
                    found.append(f"muster/{header}:{number}: includes {match[2]}: {why}")
    return found


if __name__ == "__main__":
    arrows = check(pathlib.Path(sys.argv[1]))
    print("\n".join(arrows) or "every arrow points down")
    sys.exit(bool(arrows))
