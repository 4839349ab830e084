"""Says what was skipped, shows how each failed test ended, and ends with `N passed, N failed[, N skipped]`.

    summary.py JUNIT_OF_CTEST CONFIGURE_LOG

A Catch2 executable counts as its test cases, any other ctest test as one.
"""
import re
import sys
import xml.etree.ElementTree as xml


def count(status, output):
    """(passed, failed, reasons of the skipped) of one ctest test, from its status and output."""
    # v2: the line of our own SKIP, whose case Catch2 counts as passed; v3: its own report.
    skipped = re.findall(r"^skipped: (.*)$", output, re.M)
    if whole := re.search(r"^All tests passed \(.* in (\d+) test cases?\)", output, re.M):
        passed, failed = int(whole[1]) - len(skipped), 0
    elif counts := re.search(r"^test cases: .*$", output, re.M):
        number = {word: int(digits) for digits, word in re.findall(r"(\d+) (passed|failed|skipped)", counts[0])}
        passed, failed = number.get("passed", 0) - len(skipped), number.get("failed", 0)
        skipped += re.findall(r"SKIPPED:\n(?:explicitly with message:\n)?\s*(.*)", output)
    elif re.search(r"^No test", output, re.M):
        passed, failed = 0, 0
    elif status in ("run", "fail"):
        return (1, 0, []) if status == "run" else (0, 1, [])
    else:
        return 0, 0, ["all of it"]
    if status == "fail" and failed == 0:     # timed out, or died after its last case
        failed = 1
    return passed, failed, skipped


def excerpt(output, lines=25):
    """The first failure of a failed test and how it ended: with Catch2 the one may be far from the other."""
    said = output.splitlines()
    failure = next((at for at, line in enumerate(said) if "FAILED:" in line), len(said))
    start = max(0, min(failure - 8, len(said) - lines))
    rest = said[start + lines:]
    return said[start:start + lines] + (rest if len(rest) <= 8 else ["..."] + rest[-8:])


def main(results, log):
    passed, failed, skipped = 0, 0, []
    for test in xml.parse(results).getroot().iter("testcase"):
        output = test.findtext("system-out") or ""
        p, f, reasons = count(test.get("status"), output)
        if f > 0:
            print(f"failed {test.get('name')}", *excerpt(output), sep="\n    ")
        passed, failed = passed + p, failed + f
        skipped += [f"{test.get('name')}: {reason}" for reason in reasons]
    left_out = re.findall(r"^-- muster: (.*)$", open(log).read(), re.M)
    skipped += [line.removeprefix("skipped ") for line in left_out if line.startswith("skipped tests/")]
    for line in skipped:
        print("skipped", line)
    print(f"{passed} passed, {failed} failed" + (f", {len(skipped)} skipped" if skipped else ""))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
