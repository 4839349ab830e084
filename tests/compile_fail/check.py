"""A misuse does not compile, says what to write instead, and says it briefly; its twin compiles.

    check.py MISUSE.cpp COMPILER [FLAG...]

The misuse holds one or more lines `// expect: <text>`, each of which must occur in what the compiler says. GCC may take 15 lines
for it, the budget of the architecture; Clang formats its notes otherwise and is not counted. MISUSE.ok.cpp is the twin: the same
code put right, so that the misuse fails for its one reason and for no other. A line `// only: gcc` leaves a pair out for Clang.
"""
import pathlib
import re
import subprocess
import sys

MOST_LINES = 15


def complaints(source, compiler):
    """What the compiler says of the source; None when it accepts it."""
    run = subprocess.run([*compiler, "-std=c++20", "-fsyntax-only", source], capture_output=True, text=True)
    return run.stdout + run.stderr if run.returncode else None


def verdict(misuse, compiler):
    """What is wrong with this pair, one line each."""
    is_gcc = "clang" not in subprocess.run([compiler[0], "--version"], capture_output=True, text=True).stdout
    if not is_gcc and re.search(r"^// only: gcc", misuse.read_text(), re.M):
        return []
    wrong = []
    twin = misuse.with_suffix(".ok.cpp")
    if not twin.exists():
        wrong.append(f"{twin.name} is not there: every misuse has a twin that compiles")
    elif (said := complaints(twin, compiler)) is not None:
        wrong.append(f"{twin.name} should compile:\n{said}")

    expected = re.findall(r"^\s*// expect: (.*\S)", misuse.read_text(), re.M)
    if not expected:
        wrong.append(f"{misuse.name} says nothing after `// expect: `")
    said = complaints(misuse, compiler)
    if said is None:
        return wrong + [f"{misuse.name} compiles"]
    for text in expected:
        if text not in said:
            wrong.append(f"the compiler does not say: {text}\n{said}")
    lines = len(said.splitlines())
    if is_gcc and lines > MOST_LINES:
        wrong.append(f"{lines} lines, at most {MOST_LINES}:\n{said}")
    return wrong


if __name__ == "__main__":
    wrong = verdict(pathlib.Path(sys.argv[1]), sys.argv[2:])
    print("\n".join(wrong) or "refused as it should be")
    sys.exit(bool(wrong))
