"""The last line of ./tests/run tells the truth: nothing that failed, crashed or was skipped is counted as passed."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import summary

BAR = "=" * 79


class Count(unittest.TestCase):
    def test_all_passed(self):
        self.assertEqual((12, 0, []), summary.count("run", f"{BAR}\nAll tests passed (34 assertions in 12 test cases)\n"))
        self.assertEqual((1, 0, []), summary.count("run", f"{BAR}\nAll tests passed (1 assertion in 1 test case)\n"))

    def test_some_failed(self):
        for counts in "test cases: 12 | 10 passed | 2 failed", "test cases:  12 |  10 passed |   2 failed":
            self.assertEqual((10, 2, []), summary.count("fail", f"{counts}\nassertions: 34 | 32 passed | 2 failed\n"))
        self.assertEqual((0, 3, []), summary.count("fail", "test cases: 3 | 3 failed\nassertions: 3 | 3 failed\n"))

    def test_skipped_of_v2_are_not_passed(self):
        output = "skipped: needs two processors\nAll tests passed (3 assertions in 3 test cases)\n"
        self.assertEqual((2, 0, ["needs two processors"]), summary.count("run", output))

    def test_skipped_of_v3(self):
        output = "needs.cpp:3: SKIPPED:\nexplicitly with message:\n  needs two processors\n\ntest cases: 3 | 2 passed | 1 skipped\n"
        passed, failed, skipped = summary.count("run", output)
        self.assertEqual((2, 0, 1), (passed, failed, len(skipped)))

    def test_died_after_its_last_case(self):
        output = "All tests passed (3 assertions in 3 test cases)\nERROR: LeakSanitizer: detected memory leaks\n"
        self.assertEqual((3, 1, []), summary.count("fail", output))

    def test_killed_before_it_could_count(self):
        self.assertEqual((0, 1, []), summary.count("fail", "a few words"))

    def test_other_tests_count_as_one(self):
        self.assertEqual((1, 0, []), summary.count("run", "every arrow points down\n"))
        self.assertEqual((0, 0, ["all of it"]), summary.count("notrun", ""))

    def test_nothing_ran(self):
        self.assertEqual((0, 0, []), summary.count("run", "No test cases matched '[soak]'\n" + BAR + "\nNo tests ran\n"))


class Excerpt(unittest.TestCase):
    def test_short_output_whole(self):
        self.assertEqual(["a", "b"], summary.excerpt("a\nb\n"))

    def test_first_failure_and_the_end(self):
        said = [f"line {n}" for n in range(200)]
        said[100] = "some.cpp:3: FAILED:"
        shown = summary.excerpt("\n".join(said))
        self.assertEqual("line 92", shown[0])
        self.assertIn("some.cpp:3: FAILED:", shown)
        self.assertEqual("line 199", shown[-1])
        self.assertEqual(25 + 1 + 8, len(shown))

    def test_without_a_failure_the_last_lines(self):
        self.assertEqual([f"line {n}" for n in range(175, 200)], summary.excerpt("\n".join(f"line {n}" for n in range(200))))


if __name__ == "__main__":
    unittest.main()
