"""Says what was skipped and ends with `N passed, N failed[, N skipped]`.

    summary.py JUNIT_OF_CTEST CONFIGURE_LOG

A Catch2 executable counts as its test cases, any other ctest test as one.
"""
import re
import sys
import xml.etree.ElementTree as xml


def count(status, output):
    """(passed, failed, reasons of the skipped) of one ctest test, from its status and output."""
    skipped = re.findall(r"^skipped: (.*)$", output, re.M)
    if whole := re.search(r"^All tests passed \(.* in (\d+) test cases?\)", output, re.M):
        passed, failed = int(whole[1]), 0
    elif counts := re.search(r"^test cases: .*$", output, re.M):
        number = lambda word: int((re.search(rf"(\d+) {word}", counts[0]) or [0, 0])[1])
        passed, failed = number("passed"), number("failed")
        if number("skipped"):     # Catch2 v3 takes them out of the passed by itself
            passed += len(skipped)
    elif re.search(r"^No tests? (cases matched|ran)", output, re.M):
        passed, failed = 0, 0
    else:
        return (status == "run", status == "fail", ["the whole test"] if status not in ("run", "fail") else [])
    if status == "fail" and failed == 0:      # timed out, or died after its last case
        failed = 1
    return passed - len(skipped), failed, skipped


def main(results, log):
    passed, failed, skipped = 0, 0, []
    for test in xml.parse(results).getroot().iter("testcase"):
        p, f, reasons = count(test.get("status"), test.findtext("system-out") or "")
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
