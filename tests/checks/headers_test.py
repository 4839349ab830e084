"""Each public header compiles alone: its test, at the same path, includes it before anything else. What no test includes first is compiled here."""
import os
import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).parents[2]
INCLUDE = ROOT / "include"
# muster.hpp has no test of its own; that of xxh64.hpp shows what is inlined where xxhash.h comes first.
ALONE = {"muster/muster.hpp", "muster/workloads/hash/xxh64.hpp"}


def first_include(path):
    found = re.search(r'^#include [<"]([^>"]+)[>"]', path.read_text(), re.M)
    return found and found[1]


class Headers(unittest.TestCase):
    def test_each_is_what_its_test_includes_first(self):
        headers = [path for path in sorted((INCLUDE / "muster").rglob("*.hpp")) if "detail" not in path.parts]
        self.assertGreater(len(headers), 100)
        for path in headers:
            name = str(path.relative_to(INCLUDE))
            if name in ALONE:
                continue
            test = ROOT / "tests" / path.relative_to(INCLUDE / "muster").with_suffix(".cpp")
            with self.subTest(name):
                self.assertTrue(test.exists(), f"{name} has no test at {test.relative_to(ROOT)}")
                self.assertEqual(name, first_include(test))

    def test_the_others_compile_alone(self):
        for name in sorted(ALONE):
            with self.subTest(name):
                run = subprocess.run([os.environ.get("CXX", "c++"), "-std=c++20", "-fsyntax-only", "-I", INCLUDE, "-x", "c++", "-"],
                                     input=f"#include <{name}>\n", text=True, capture_output=True)
                self.assertEqual((0, ""), (run.returncode, run.stderr))


if __name__ == "__main__":
    unittest.main()
