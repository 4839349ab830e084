"""No header starts a shell: programs get an argument list, by posix_spawn, in one place; another one starts this program anew."""
import pathlib
import re
import unittest

INCLUDE = pathlib.Path(__file__).parents[2] / "include"
SHELL = re.compile(r"\b(?:std::)?(?:system|popen|wordexp)\s*\(|\bexecl[pe]?\s*\(|/bin/sh|\"sh\"")
STARTS = re.compile(r"::(?:posix_spawnp?|v?fork|execv\w*|clone3?)\s*\(")
MAY_START = {"muster/process/detail/spawn.hpp", "muster/process/detail/fork_server.hpp"}


def code_of(header):
    return re.sub(r"//[^\n]*", "", header.read_text())


class NoShell(unittest.TestCase):
    def test_no_header_starts_a_shell(self):
        for header in INCLUDE.rglob("*.hpp"):
            with self.subTest(header=header.name):
                self.assertIsNone(SHELL.search(code_of(header)))

    def test_two_headers_start_programs(self):
        starting = {str(h.relative_to(INCLUDE)) for h in INCLUDE.rglob("*.hpp") if STARTS.search(code_of(h))}
        self.assertLessEqual(starting, MAY_START)
        self.assertTrue(starting)

    def test_the_patterns_see_what_they_look_for(self):
        for text in ('std::system("ls")', "popen (x)", 'execlp("sh")', '"sh"', '"/bin/sh"'):
            self.assertIsNotNone(SHELL.search(text))
        for text in ("filesystem(x)", "system_failure(error, tried)", "usage.system = 1", "std::system_category()"):
            self.assertIsNone(SHELL.search(text))
        self.assertIsNotNone(STARTS.search("::posix_spawnp(&pid"))


if __name__ == "__main__":
    unittest.main()
