"""The table of a run of ./bench/run, and its results as JSON.

    report.py [--check] [--short] BUILD NAME...

Reads BUILD/figures/NAME, a line of JSON for each figure, and bench/NAME/targets.json, a list of
    {"name": "pass_through", "what": "a pass-through chain against the bare call", "op": "<=", "value": 1.1}
A target is met or it is not: figures are compared as they were written, never rounded.
"""
import argparse
import decimal
import json
import operator
import pathlib
import platform
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
COMPARE = {"<": operator.lt, "<=": operator.le, ">=": operator.ge}


def parse(text):
    """JSON with exact decimals: 4.3 is 4.3, not the nearest double."""
    return json.loads(text, parse_float=decimal.Decimal)


def is_met(target, figure):
    """Whether the figure, None when it was not measured, meets the target."""
    if figure is None or figure["median"] != figure["median"]:     # NaN meets nothing
        return False
    return COMPARE[target["op"]](figure["median"], target["value"])


def shortfalls(targets, figures):
    """A sentence for each target that is missed, or whose figure is missing."""
    found = []
    for target in targets:
        figure = figures.get(target["name"])
        if not is_met(target, figure):
            got = "was not measured" if figure is None else f"is {figure['median']}"
            found.append(f"{target['name']} {got}, should be {target['op']} {target['value']}: {target['what']}")
    return found


def shown(number):
    """Enough of a number for a table: 1.021, 0.0432, 123,456."""
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{float(number):.4g}"


def row(figure, target, short):
    """The cells of one line of the table."""
    cells = [figure["name"], f"{shown(figure['median'])} {figure['unit']}", shown(figure["spread"]), str(figure["n"])]
    if target is None:
        return cells + ["", ""]
    verdict = "not judged" if short else "met" if is_met(target, figure) else "MISSED"
    return cells + [f"{target['op']} {target['value']}", verdict]


def print_table(rows):
    rows = [["figure", "median", "spread", "n", "target", ""], *rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for cells in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(cells, widths)).rstrip())


def first_line(*command):
    """What a program says first, or nothing where it is missing."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return ""


def circumstances(build):
    """The machine, the compiler and its flags: without them a figure means little."""
    cache = dict(re.findall(r"^(\w+):\w+=(.*)$", (build / "CMakeCache.txt").read_text(), re.M))
    cpu = [line.split(":", 1)[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "machine": {"cpu": cpu[0] if cpu else platform.machine(), "cpus": len(cpu), "system": platform.platform()},
        "compiler": first_line(cache["CMAKE_CXX_COMPILER"], "--version"),
        "flags": f"{cache['CMAKE_CXX_FLAGS']} {cache['CMAKE_CXX_FLAGS_RELEASE']}".strip(),
        "revision": first_line("git", "-C", str(HERE), "describe", "--always", "--dirty"),
    }


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--check", action="store_true")
    options.add_argument("--short", action="store_true")
    options.add_argument("build", type=pathlib.Path)
    options.add_argument("names", nargs="*")
    options = options.parse_args()

    about = circumstances(options.build)
    print(f"{about['machine']['cpu']} x {about['machine']['cpus']}, {about['compiler']}, {about['flags']}")
    (options.build / "results").mkdir(exist_ok=True)
    rows, short_of = [], []
    for name in options.names:
        file = options.build / "figures" / name
        figures = {figure["name"]: figure for figure in map(parse, file.read_text().splitlines())} if file.exists() else {}
        file = HERE / name / "targets.json"
        targets = {target["name"]: target for target in parse(file.read_text())} if file.exists() else {}

        rows += [row({**figure, "name": f"{name}/{figure['name']}"}, targets.get(figure["name"]), options.short) for figure in figures.values()]
        judged = [target for target in targets.values() if not options.short or target["name"] not in figures]
        short_of += [f"{name}/{sentence}" for sentence in shortfalls(judged, figures)]
        results = {"name": name, "short": options.short, **about, "figures": list(figures.values()), "targets": list(targets.values())}
        (options.build / "results" / f"{name}.json").write_text(json.dumps(results, indent=2, default=float) + "\n")
    print_table(rows)
    if options.check:
        print("\n".join(["Falls short:", *short_of]) if short_of else "Nothing falls short.")
    return bool(options.check and short_of)


if __name__ == "__main__":
    sys.exit(main())
