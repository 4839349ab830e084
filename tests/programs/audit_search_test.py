"""What audit_search promises on its command line: exit codes, what is said where, and what Ctrl-C leaves behind.

    PROGRAM=build/dev/examples/audit_search audit_search_test.py
"""
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import unittest

PROGRAM = os.environ["PROGRAM"]
# In the background of a shell Ctrl-C is ignored, and whoever inherits that keeps to it.
signal.signal(signal.SIGINT, signal.default_int_handler)
RULES = """root logins:
  regex: 'PermitRootLogin (?P<value>\\w+)'
"""


class AuditSearch(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.rules = self.write("rules.yaml", RULES)
        self.files = self.folder / "files"
        self.files.mkdir()

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def search(self, *arguments):
        return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=100)

    def test_all_was_searched(self):
        self.write("files/a.txt", "x\nPermitRootLogin yes\n")
        done = self.search("--rules", self.rules, self.files)
        self.assertEqual((0, "a.txt:2: root logins: PermitRootLogin yes\n"), (done.returncode, done.stdout))

    def test_what_could_not_be_searched_is_said_and_the_rest_is_there(self):
        self.write("files/a.txt", "PermitRootLogin yes\n")
        done = self.search("--rules", self.rules, self.folder / "not there", self.files)
        self.assertEqual(1, done.returncode)
        self.assertIn("a.txt:1:", done.stdout)
        self.assertIn("not there", done.stderr)

    def test_a_wrong_command_line(self):
        for arguments in (), ("--rules", self.rules), ("--rules", self.rules, "--engine", "grep", self.files), ("--no-such", self.files):
            with self.subTest(arguments):
                done = self.search(*arguments)
                self.assertEqual((2, ""), (done.returncode, done.stdout))
                self.assertNotEqual("", done.stderr)

    def test_rules_that_are_not_there(self):
        done = self.search("--rules", self.folder / "none.yaml", self.files)
        self.assertEqual(2, done.returncode)
        self.assertIn("none.yaml", done.stderr)

    def test_a_wrong_rule_is_named_by_its_place(self):
        wrong = self.write("wrong.yaml", RULES + "open:\n  regex: '(never closed'\n")
        self.write("files/a.txt", "PermitRootLogin yes\n")
        done = self.search("--rules", wrong, self.files)
        self.assertEqual((2, ""), (done.returncode, done.stdout))
        self.assertRegex(done.stderr, r"wrong\.yaml:3:\d+: .*open")
        on_request = self.search("--rules", wrong, "--keep-going", self.files)
        self.assertEqual(0, on_request.returncode)
        self.assertIn("PermitRootLogin yes", on_request.stdout)
        self.assertEqual(2, self.search("--rules", wrong, "--check-rules").returncode)

    def test_output_that_cannot_be_written(self):
        self.write("files/a.txt", "PermitRootLogin yes\n")
        done = self.search("--rules", self.rules, "--csv", self.folder / "no" / "such" / "folder.csv", self.files)
        self.assertEqual(2, done.returncode)
        self.assertIn("folder.csv", done.stderr)

    def test_ctrl_c_keeps_what_is_complete_and_says_what_is_missing(self):
        text = self.write("megabyte", "PermitRootLogin no\n" + ("a line of no interest to anybody\n" * 31_000))
        for i in range(20_000):    # 20 GB to search, and none on the disk
            os.link(text, self.files / f"{i:05}.txt")
        for isolated in [], ["--isolate"]:
            with self.subTest(isolated), subprocess.Popen(
                    [PROGRAM, "--rules", self.rules, "--engine", "pcre2", *isolated, self.files],
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0) as program:
                first = program.stdout.read(1)    # by now it searches
                program.send_signal(signal.SIGINT)
                rest, said = program.communicate(timeout=100)
                self.assertEqual(130, program.returncode, said)
                self.assertIn(b"were not searched", said)
                lines = (first + rest).decode().splitlines()
                for line in lines:
                    self.assertRegex(line, r"^\d{5}\.txt:1: root logins: PermitRootLogin no$")
                self.assertEqual(sorted(set(lines)), lines)    # in order; a file that was being searched may be missing among them
                self.assertLess(len(lines), 20_000)

    def test_ctrl_c_leaves_files_that_are_whole(self):
        text = self.write("megabyte", "PermitRootLogin no\n" + ("a line of no interest to anybody\n" * 31_000))
        for i in range(20_000):
            os.link(text, self.files / f"{i:05}.txt")
        out = self.folder / "found.jsonl"
        with subprocess.Popen([PROGRAM, "--rules", self.rules, "--engine", "pcre2", "--json-lines", out, self.files],
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as program:
            while not program.stderr.readline().startswith("searching"):
                self.assertIsNone(program.poll())
            program.send_signal(signal.SIGINT)
            program.communicate(timeout=100)
            self.assertEqual(130, program.returncode)
        for line in out.read_text().splitlines():
            self.assertEqual("root logins", json.loads(line)["rule"])


if __name__ == "__main__":
    unittest.main()
