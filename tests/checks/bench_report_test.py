"""A target is met or it is not: the verdict of ./bench/run is on the figure as it was measured, never on a rounded one."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "bench"))
import report


def target(op, value):
    return report.parse(f'{{"name": "speed_up", "what": "8 workers", "op": "{op}", "value": {value}}}')


def figure(median):
    return report.parse(f'{{"name": "speed_up", "median": {median}, "spread": 0.1, "unit": "x", "n": 7}}')


class Verdict(unittest.TestCase):
    def assert_met(self, met, median, op, value):
        self.assertEqual(met, report.is_met(target(op, value), figure(median)), f"{median} {op} {value}")

    def test_at_least(self):
        self.assert_met(True, "4.3", ">=", "4.3")
        self.assert_met(True, "4.31", ">=", "4.3")
        self.assert_met(False, "4.29", ">=", "4.3")
        self.assert_met(False, "4.2999999999999999", ">=", "4.3")     # as a double it would be 4.3

    def test_at_most(self):
        self.assert_met(True, "1.1", "<=", "1.1")
        self.assert_met(True, "1", "<=", "1.1")
        self.assert_met(False, "1.1000000000000001", "<=", "1.1")

    def test_less_than(self):
        self.assert_met(True, "1.0999", "<", "1.1")
        self.assert_met(False, "1.1", "<", "1.1")

    def test_no_figure_is_no_success(self):
        self.assertFalse(report.is_met(target("<=", "1.1"), None))
        self.assert_met(False, "NaN", "<=", "1.1")
        self.assert_met(False, "NaN", ">=", "1.1")

    def test_shortfalls_are_listed(self):
        targets = [target(">=", "4.3")]
        self.assertEqual([], report.shortfalls(targets, {"speed_up": figure("4.3")}))
        self.assertEqual(["speed_up is 4.29, should be >= 4.3: 8 workers"], report.shortfalls(targets, {"speed_up": figure("4.29")}))
        self.assertEqual(["speed_up was not measured, should be >= 4.3: 8 workers"], report.shortfalls(targets, {}))

    def test_short_runs_are_not_judged(self):
        self.assertEqual("not judged", report.row(figure("1"), target(">=", "4.3"), short=True)[-1])
        self.assertEqual("MISSED", report.row(figure("4.29"), target(">=", "4.3"), short=False)[-1])
        self.assertEqual("met", report.row(figure("4.3"), target(">=", "4.3"), short=False)[-1])


if __name__ == "__main__":
    unittest.main()
