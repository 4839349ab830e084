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
import time
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

    def lines(self, log):
        return log.read_text().splitlines() if log.exists() else []

    def wait_for(self, program, log, part, times=1):
        until = time.monotonic() + 60
        while sum(part in line for line in self.lines(log)) < times:
            self.assertIsNone(program.poll(), self.lines(log)[-3:])
            self.assertLess(time.monotonic(), until, part)
            time.sleep(0.005)

    def test_the_log_says_each_event_with_its_time(self):
        document, log = self.write("order.xml", order(20)), self.folder / "run.log"
        done = self.discover("--embedded-endpoint", "--latency", 1, "--log", log, "--json", document)
        self.assertEqual(0, done.returncode, done.stderr)
        lines = self.lines(log)
        for line in lines:
            self.assertRegex(line, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z LLM-\d{3} [a-z_]+( [a-z_]+=(\"[^\"]*\"|[a-z0-9.]+))*$")
        self.assertIn(" LLM-100 run_started run=1 nodes=20 to_ask=20 in_flight=10", lines[0])
        self.assertEqual(20, sum(" LLM-110 node_done node=" in line for line in lines))
        self.assertIn(" LLM-101 run_ended complete=true done=20 failed=0 stopped=0 ", lines[-1])
        bad = self.discover("--embedded-endpoint", "--log", self.folder / "none" / "run.log", document)
        self.assertEqual(2, bad.returncode)
        self.assertIn("run.log", bad.stderr)

    def test_settings_act_on_the_next_node_at_a_hang_up(self):
        document, log = self.write("order.xml", order(200)), self.folder / "run.log"
        switches = self.write("muster.conf", "MUSTER_DISABLE_PARALLEL=on\n")
        with self.served("--latency", 30) as url, subprocess.Popen(
                [PROGRAM, "--url", url, "--store", str(self.store), "--in-flight", "8", "--settings", str(switches), "--log", str(log), "--quiet", str(document)],
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=self.environment) as program:
            self.wait_for(program, log, "node_done", 5)
            switches.write_text("MUSTER_MAX_WORKERS=4\n")
            program.send_signal(signal.SIGHUP)
            self.wait_for(program, log, "in_flight_changed in_flight=4")
            self.wait_for(program, log, "node_done", 40)
            switches.write_text("MUSTER_MAX_WORKERS=4\nMUSTER_DISABLE_PARALLEL=1\n")
            program.send_signal(signal.SIGHUP)
            self.wait_for(program, log, "in_flight_changed in_flight=1", 2)
            switches.write_text("MUSTER_MAX_WORKERS=many\n")    # said, and not used: the command line's 8 stand
            program.send_signal(signal.SIGHUP)
            said = program.communicate(timeout=100)[1]
        self.assertEqual(0, program.returncode, said)
        self.assertIn("MUSTER_MAX_WORKERS", said)
        changes = [line.split("in_flight_changed ")[1] for line in self.lines(log) if "in_flight_changed" in line]
        self.assertEqual(['in_flight=1 reason="disabled"', 'in_flight=4 reason="settings"', 'in_flight=1 reason="disabled"', 'in_flight=8 reason="settings"'], changes)
        self.assertTrue(4 <= self.asked["in_flight_peak"] <= 8, self.asked)
        self.assertEqual([(200,)], self.rows("SELECT count(*) FROM node WHERE state = 2"))

    def test_an_env_file_has_what_the_environment_has_not(self):
        document = self.write("order.xml", order(3))
        del self.environment["OPENAI_API_KEY"]
        variables = self.write(".env", f"# ours\nexport OPENAI_API_KEY='{KEY}'\nMUSTER_LLM_IN_FLIGHT=2\n")
        with self.served() as url:
            done = self.discover("--url", url, "--store", self.store, "--env-file", variables, "--log", "-", "--json", document)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertIn("in_flight=2\n", done.stderr)
        self.assertNotIn(KEY, done.stdout + done.stderr)
        for broken in f"OPENAI_API_KEY='{KEY}", f"{KEY}", f"OPENAI_API_KEY=\"{KEY}\\x\"", f"OPENAI_API_KEY='{KEY} a'":
            variables.write_text("# ours\n" + broken + "\n")
            with self.subTest(broken):
                done = self.discover("--url", "http://127.0.0.1:1/v1", "--env-file", variables, document)
                self.assertEqual((2, ""), (done.returncode, done.stdout))
                self.assertIn("OPENAI_API_KEY is no key" if " a" in broken else '.env":2: ', done.stderr)
                self.assertNotIn(KEY, done.stderr)
        self.environment["OPENAI_API_KEY"] = ""    # the environment stands, also where it is empty
        variables.write_text(f"OPENAI_API_KEY={KEY}\n")
        self.assertIn("OPENAI_API_KEY is not set", self.discover("--url", "http://127.0.0.1:1/v1", "--env-file", variables, document).stderr)

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
