"""The picture of ./bench/run shows every ratio once, further right the larger it is, and says which targets are missed."""
import pathlib
import sys
import unittest
import xml.etree.ElementTree as xml

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "bench"))
import picture

SVG = "{http://www.w3.org/2000/svg}"


def results(*figures, targets=()):
    return {"name": "fib", "short": False, "machine": {"cpu": "a <cpu> & more", "cpus": 2}, "compiler": "cc", "flags": "-O3",
            "figures": [{"name": name, "median": median, "spread": 0.1, "unit": unit, "n": 5} for name, median, unit in figures],
            "targets": [{"name": name, "what": "", "op": "<=", "value": value} for name, value in targets]}


def drawn(*all_results):
    return xml.fromstring(picture.picture(list(all_results)))


class Picture(unittest.TestCase):
    def dots(self, tree):
        return [float(dot.get("cx")) for dot in tree.iter(SVG + "circle")]

    def colours(self, tree):
        return [line.get("stroke") for line in tree.iter(SVG + "line") if line.get("stroke") in (picture.MET, picture.MISSED)]

    def test_ratios_and_nothing_else(self):
        tree = drawn(results(("a", 2.0, "x"), ("b", 3.0, "ns"), ("c", 0.5, "x"), ("d", float("nan"), "x"), ("e", 0.0, "x")))
        self.assertEqual(2, len(self.dots(tree)))
        self.assertEqual(["a", "c"], [each.text for each in tree.iter(SVG + "text") if each.text in "abcde"])

    def test_further_right_the_larger(self):
        small, middle, large = self.dots(drawn(results(("a", 0.5, "x"), ("b", 1.0, "x"), ("c", 2.0, "x"))))
        self.assertAlmostEqual(middle - small, large - middle, delta=0.2)
        self.assertGreater(middle, small)

    def test_targets_say_whether_they_are_met(self):
        targets = [("a", 2.0), ("b", 2.0)]
        self.assertEqual([picture.MET, picture.MISSED], self.colours(drawn(results(("a", 2.0, "x"), ("b", 2.1, "x"), targets=targets))))

    def test_a_target_far_away_is_on_the_scale(self):
        tree = drawn(results(("a", 1.0, "x"), targets=[("a", 0.001)]))
        self.assertTrue(all(float(line.get("x1")) >= picture.LABELS for line in tree.iter(SVG + "line")))

    def test_a_comparison_without_ratios_has_no_panel(self):
        self.assertEqual([], list(drawn(results(("a", 1.0, "ns"))).iter(SVG + "text")))


if __name__ == "__main__":
    unittest.main()
