"""The harness of tests/compile_fail can fail: for each thing that it promises there is a pair that breaks it."""
import os
import pathlib
import shlex
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "compile_fail"))
import check

COMPILER = shlex.split(os.environ.get("CXX", "c++"))
MISUSE = '// expect: muster: write it so\nstatic_assert(false, "muster: write it so");\n'


class CompileFail(unittest.TestCase):
    def verdict(self, misuse, twin="int x;\n"):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "misuse.cpp")
            path.write_text(misuse)
            if twin:
                path.with_suffix(".ok.cpp").write_text(twin)
            return " ".join(check.verdict(path, COMPILER))

    def test_good_pair(self):
        self.assertEqual("", self.verdict(MISUSE))

    def test_misuse_compiles(self):
        self.assertIn("misuse.cpp compiles", self.verdict("// expect: anything\n"))

    def test_other_words(self):
        self.assertIn("does not say: other words", self.verdict(MISUSE.replace("// expect: muster: write it so", "// expect: other words")))

    def test_nothing_expected(self):
        self.assertIn("says nothing", self.verdict("static_assert(false);\n"))

    def test_twin_does_not_compile(self):
        self.assertIn("should compile", self.verdict(MISUSE, twin="static_assert(false);\n"))

    def test_no_twin(self):
        self.assertIn("is not there", self.verdict(MISUSE, twin=None))

    def test_too_long(self):
        found = self.verdict(MISUSE + "static_assert(false);\n" * 20)
        self.assertEqual("clang" not in COMPILER[0], "at most 15" in found)


if __name__ == "__main__":
    unittest.main()
