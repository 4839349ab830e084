"""The compile-time budgets of the architecture.

    compile_time.py umbrella|stage COMPILER... -I INCLUDE

umbrella  muster.hpp costs at most 1.5 times the std and system headers that it uses
stage     one more distinct four-policy stage costs at most 100 ms at -O0

What is measured is the processor time of the compiler, in pairs that alternate, and of each side of them the least counts: other work
on the machine only ever adds, and more to the larger side, which needs more of the caches that are shared. Where it is over the budget,
more pairs are compiled before it counts.
"""
import pathlib
import re
import resource
import subprocess
import sys
import tempfile

PAIRS = 5
TRIES = 8
UMBRELLA_RATIO = 1.5
STAGE_SECONDS = 0.100
STAGES = 20


def cost(compiler, source):
    """Processor seconds to compile the text `source` at -O0."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "source.cpp")
        path.write_text(source)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run = subprocess.run([*compiler, "-std=c++20", "-O0", "-c", path, "-o", path.with_suffix(".o")])
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if run.returncode:
        sys.exit("what is to be measured does not compile")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def within(compiler, small, large, figure, budget, what):
    pairs = []
    for _ in range(TRIES):
        for _ in range(PAIRS):
            pairs.append((cost(compiler, small), cost(compiler, large)))
            print(f"  {pairs[-1][0]:.3f} s, {pairs[-1][1]:.3f} s: {figure(*pairs[-1]):.3f}")
        found = figure(*map(min, zip(*pairs)))
        print(f"{what}: {found:.3f}, at most {budget}")
        if found <= budget:
            return True
    return False


def headers_used(compiler, header):
    """The headers outside muster that `header` brings in by itself, in the order in which they are opened."""
    tree = subprocess.run([*compiler, "-std=c++20", "-fsyntax-only", "-H", "-x", "c++", "-"], input=f"#include <{header}>\n",
                          capture_output=True, text=True).stderr
    used, path = [], {}
    for depth, name in re.findall(r"^(\.+) (.*)$", tree, re.M):
        path[len(depth)] = name
        if "/muster/" in path.get(len(depth) - 1, "") and "/muster/" not in name:
            used.append(name)
    return used


def umbrella(compiler):
    used = headers_used(compiler, "muster/muster.hpp")
    if not used:
        sys.exit("muster.hpp is not there, or uses no std header")
    print(f"the headers that muster.hpp uses: {' '.join(pathlib.Path(name).name for name in used)}")
    theirs = "".join(f'#include "{name}"\n' for name in used)
    return within(compiler, theirs, "#include <muster/muster.hpp>\n", lambda a, b: b / a, UMBRELLA_RATIO, "umbrella, times its std headers")


def stages(count):
    """A program of `count` four-policy stages, each with a task, and so a type, of its own."""
    calls = "".join(f"""
    {{
        auto ask = deadline{{30s}} | retry{{.attempts = 4, .delay = 200ms}} | limit{{quota}} | deadline{{8s}}
                 | [](int item) {{ return item + {i}; }};
        sum += ask({i}).value();
    }}""" for i in range(count))
    return f"""
#include <muster/muster.hpp>
using namespace muster;
using namespace std::chrono_literals;
int main() {{
    rate_limiter quota{{{{.permits = 50, .per = 1s}}}};
    int sum = 0;{calls}
    return sum;
}}
"""


def stage(compiler):
    return within(compiler, stages(1), stages(1 + STAGES), lambda a, b: (b - a) / STAGES, STAGE_SECONDS, "one more stage, seconds")


if __name__ == "__main__":
    sys.exit(not {"umbrella": umbrella, "stage": stage}[sys.argv[1]](sys.argv[2:]))
