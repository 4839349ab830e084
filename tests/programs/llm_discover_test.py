"""What llm_discover promises as a program: kill -9 and resume, keys that appear nowhere, exit codes, Ctrl-C, a quota that ends.

    PROGRAM=build/dev/examples/llm_discover llm_discover_test.py
"""
import contextlib
import json
import os
import pathlib
import random
import signal
import sqlite3
import subprocess
import tempfile
import unittest

PROGRAM = os.environ["PROGRAM"]
# In the background of a shell Ctrl-C is ignored, and whoever inherits that keeps to it.
signal.signal(signal.SIGINT, signal.default_int_handler)
KEY = "sk-a-key-that-nobody-may-see"


def order(nodes):
    items = "".join(f'<OrderItem OrderItemID="I{i}"><Price>{i}</Price></OrderItem>' for i in range(nodes))
    return f'<OrderViewRS><Response><Order><OrderItems>{items}</OrderItems></Order></Response></OrderViewRS>'


class Discover(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.store = self.folder / "facts.db"
        self.environment = {**os.environ, "OPENAI_API_KEY": KEY, "no_proxy": "*"}

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def discover(self, *arguments):
        return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=100, env=self.environment)

    @contextlib.contextmanager
    def served(self, *arguments):
        """An endpoint; what it was asked is in `asked` afterwards."""
        with subprocess.Popen([PROGRAM, "--serve", *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as endpoint:
            try:
                yield endpoint.stdout.readline().strip()
            finally:
                endpoint.send_signal(signal.SIGINT)
                self.asked = json.loads(endpoint.communicate(timeout=100)[0])

    def rows(self, question):
        with contextlib.closing(sqlite3.connect(self.store)) as store:
            return store.execute(question).fetchall()

    def test_kill_minus_9_and_resume(self):
        document, nodes, in_flight, kills = self.write("order.xml", order(2_000)), 2_000, 8, 20
        moments = random.Random(7)
        with self.served("--latency", 5) as url:
            command = [PROGRAM, "--url", url, "--store", str(self.store), "--in-flight", str(in_flight), "--quiet", str(document)]
            killed = 0
            while killed < kills:
                with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self.environment) as program:
                    try:
                        program.wait(timeout=moments.uniform(0.01, 0.12))
                    except subprocess.TimeoutExpired:
                        program.kill()
                        killed += 1
                    else:
                        break    # done before its time
            last = self.discover(*command[1:])
            self.assertEqual(0, last.returncode, last.stderr)
        self.assertGreater(killed, 3)
        self.assertEqual([("ok",)], self.rows("PRAGMA integrity_check"))
        self.assertEqual([(nodes, nodes)], self.rows("SELECT count(*), count(DISTINCT node) FROM node"))
        self.assertEqual(nodes, self.asked["prompts"])
        self.assertGreaterEqual(self.asked["requests"], nodes)
        self.assertLessEqual(self.asked["requests"], nodes + killed * in_flight)
        again = self.discover(*command[1:])    # the endpoint is gone: nothing is sent
        self.assertEqual(0, again.returncode, again.stderr)

    def test_the_key_appears_nowhere(self):
        document = self.write("order.xml", order(5))
        with self.served() as url:
            done = self.discover("--url", url, "--store", self.store, "--json", document)
        refused = self.discover("--url", "http://127.0.0.1:1/v1", "--store", self.store, "--again", "--attempts", 1, document)
        self.assertEqual((0, 1), (done.returncode, refused.returncode))
        for path in self.folder.iterdir():
            self.assertNotIn(KEY.encode(), path.read_bytes(), path.name)
        for said in done.stdout, done.stderr, refused.stdout, refused.stderr:
            self.assertNotIn(KEY, said)

    def test_a_key_is_asked_for_by_its_name(self):
        del self.environment["OPENAI_API_KEY"]
        done = self.discover("--url", "http://127.0.0.1:1/v1", self.write("order.xml", order(1)))
        self.assertEqual(2, done.returncode)
        self.assertIn("OPENAI_API_KEY", done.stderr)

    def test_wrong_documents_and_command_lines(self):
        bomb = self.write("bomb.xml", '<!DOCTYPE a [<!ENTITY e "e">]><OrderViewRS>&e;</OrderViewRS>')
        half = self.write("half.xml", "<OrderViewRS><Response>")
        for arguments, says in (("--embedded-endpoint", bomb), "DOCTYPE"), (("--embedded-endpoint", half), "half.xml"), \
                (("--embedded-endpoint", self.folder / "none.xml"), "none.xml"), (("--embedded-endpoint",), "document"), \
                ((half,), "--url"), (("--embedded-endpoint", "--in-flight", "0", half), "in-flight"), (("--embedded-endpoint", "--url", "http://h", half), "--url"):
            with self.subTest(arguments):
                done = self.discover(*arguments)
                self.assertEqual((2, ""), (done.returncode, done.stdout))
                self.assertIn(says, done.stderr)

    def test_a_quota_that_ends_stops_the_rest(self):
        document = self.write("order.xml", order(100))
        with self.served("--quota", 20, "--latency", 2) as url:
            done = self.discover("--url", url, "--store", self.store, "--json", document)
        report = json.loads(done.stdout)
        self.assertEqual(1, done.returncode)
        self.assertEqual(20, report["done"])
        self.assertEqual(100, report["done"] + report["failed"] + report["stopped"])
        self.assertIn("quota", report["stopped_because"])
        self.assertLessEqual(self.asked["requests"], 20 + 10)

    def test_a_deadline_keeps_what_is_done(self):
        document = self.write("order.xml", order(2_000))    # 20 s of work: some of it is done in 3, however slow the machine
        done = self.discover("--embedded-endpoint", "--latency", 100, "--deadline", 3, "--store", self.store, "--json", document)
        report = json.loads(done.stdout)
        self.assertEqual(1, done.returncode)
        self.assertGreaterEqual(report["done"], 1)
        self.assertEqual([(report["done"],)], self.rows("SELECT count(DISTINCT node) FROM fact"))

    def test_the_progress_says_what_was_used_and_refused(self):
        document = self.write("order.xml", order(30))
        done = self.discover("--embedded-endpoint", "--latency", 1, document)
        report = self.discover("--embedded-endpoint", "--latency", 1, "--json", document)
        self.assertEqual((0, 0), (done.returncode, report.returncode))
        tokens = json.loads(report.stdout)["usage"]["total"]
        self.assertRegex(done.stderr, rf"asking: 30/30 in [0-9.]+s, [0-9.]+/s, {tokens} tokens, 0 times 429\n")

    def test_ctrl_c_keeps_what_is_done_and_says_what_is_missing(self):
        document = self.write("order.xml", order(2_000))
        with self.served("--latency", 20) as url, subprocess.Popen(
                [PROGRAM, "--url", url, "--store", self.store, document], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                env={**self.environment}) as program:
            while not self.store.exists() or not self.rows("SELECT name FROM sqlite_master WHERE name = 'fact'") or self.rows("SELECT count(*) FROM fact") == [(0,)]:
                self.assertIsNone(program.poll())
            program.send_signal(signal.SIGINT)
            said = program.communicate(timeout=100)[1]
        self.assertEqual(130, program.returncode, said)
        self.assertIn("stopped", said)
        self.assertGreater(self.rows("SELECT count(*) FROM fact"), [(0,)])


if __name__ == "__main__":
    unittest.main()
