"""What evidence_stream promises as a program: kill -9 and resume, lines of any kind, full disks, files that grow and are rotated, exit codes.

    PROGRAM=build/dev/examples/evidence_stream evidence_stream_test.py
"""
import contextlib
import json
import os
import pathlib
import random
import resource
import signal
import sqlite3
import subprocess
import tempfile
import time
import unittest

PROGRAM = os.environ["PROGRAM"]
# In the background of a shell Ctrl-C is ignored, and whoever inherits that keeps to it.
signal.signal(signal.SIGINT, signal.default_int_handler)
KNOWN = "ci-linux,ci-macos,ci-windows,nightly"
TABLES = ("SELECT * FROM evidence ORDER BY source, id", "SELECT * FROM alert ORDER BY source, window",
          "SELECT stage, offset, part, attempts, cause, text, payload, replayed FROM dead_letter ORDER BY id", "SELECT partition, offset, mark FROM muster_offset")


def piece(number, source="ci-linux", **fields):
    good = {"check": "unit", "result": "passed", "tests": 3, "failures": 0, "duration_s": 0.5, "artifact": "0" * 64}
    return json.dumps({"id": f"e-{number}", "source": source, "time": "2026-01-01T00:00:00Z", "fields": {**good, **fields}}) + "\n"


class Evidence(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.lines = self.folder / "evidence.jsonl"
        self.database = self.folder / "evidence.db"

    def command(self, *arguments, database=None):
        return [PROGRAM, "--database", str(database or self.database), "--now", "2026-01-01T00:10:00Z", *map(str, arguments)]

    def evidence(self, *arguments, database=None, **how):
        return subprocess.run(self.command(*arguments, database=database), capture_output=True, text=True, timeout=100, **how)

    def report(self, *arguments, database=None, code=0, **how):
        done = self.evidence("--json", *arguments, database=database, **how)
        self.assertEqual(code, done.returncode, done.stderr)
        return json.loads(done.stdout)

    def rows(self, question, database=None):
        with contextlib.closing(sqlite3.connect(database or self.database, timeout=30)) as db:
            return db.execute(question).fetchall()

    def tables(self, database):
        return [self.rows(each, database) for each in TABLES]

    def generated(self, lines, seed=3):
        made = subprocess.run([PROGRAM, "--generate", str(lines), "--seed", str(seed), str(self.lines)], capture_output=True, text=True, timeout=100)
        self.assertEqual(0, made.returncode, made.stderr)
        return json.loads(made.stdout)

    def wait_for(self, question, wanted, program, database=None):
        until = time.monotonic() + 60
        while True:
            with contextlib.suppress(sqlite3.OperationalError):    # the tables are not there yet
                if self.rows(question, database)[0][0] >= wanted:
                    return
            self.assertIsNone(program.poll())
            self.assertLess(time.monotonic(), until, question)
            time.sleep(0.005)

    def start(self, *arguments, **how):
        return subprocess.Popen(self.command(*arguments), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **how)

    def test_the_generated_set_is_as_its_figures_say_before_and_after_a_replay(self):
        figures = self.generated(5_000)
        first = self.report("--sources", KNOWN, "--check", f"{self.lines}.figures", self.lines)
        self.assertEqual((figures["lines"], figures["stored"] + figures["copies"]), (first["lines"], first["stored"]))
        self.assertEqual(figures["poison"] + figures["unknown"], first["failed"])
        self.assertAlmostEqual(100 * first["stored"] / first["lines"], first["success_percent"])
        self.assertTrue(0 < first["efficiency_percent"] <= 100, first)
        self.assertGreater(first["database"]["alerts"], 0)
        again = self.report("--replay", "--sources", f"{KNOWN},ci-new", "--check", f"{self.lines}.figures")
        self.assertEqual((figures["unknown"], figures["poison"]), (again["stored"], again["failed"]))
        self.assertEqual(0, self.report("--replay", "--sources", f"{KNOWN},ci-new")["stored"])    # what was replayed is left out
        self.assertEqual(0, self.report(self.lines)["lines"])                                     # and what was committed is not read again
        self.assertEqual([("ingest",)], self.rows("SELECT DISTINCT stage FROM dead_letter WHERE form <> 0"))
        wrong = json.loads(pathlib.Path(f"{self.lines}.figures").read_text())
        wrong["copies"] += 1
        (self.folder / "wrong").write_text(json.dumps(wrong))
        found = self.evidence("--check", self.folder / "wrong")
        self.assertEqual(1, found.returncode)
        self.assertIn("copies", found.stderr)

    def test_kill_minus_9_and_resume_leave_the_tables_of_an_unbroken_run(self):
        self.generated(8_000)
        unbroken, how = self.folder / "unbroken.db", ("--sources", KNOWN, "--batch", 100, self.lines)
        self.report(*how, database=unbroken)
        want, dice, killed = self.tables(unbroken), random.Random(5), 0
        for point in "after_read", "after_process", "before_commit", "after_commit", "before_commit":
            done = self.evidence("--kill-at", f"{point}:{dice.randint(2, 6)}", "--quiet", *how)
            self.assertEqual(-signal.SIGKILL, done.returncode, done.stderr)
        for _ in range(10):    # and at any moment
            with self.start("--quiet", *how) as program:
                try:
                    program.wait(timeout=dice.uniform(0.005, 0.05))
                except subprocess.TimeoutExpired:
                    program.kill()
                    killed += 1
                else:
                    break
        last = self.report(*how)
        self.assertGreater(killed, 0)
        self.assertGreater(last["resumed_at"], 0)
        self.assertEqual(want, self.tables(self.database))
        self.assertEqual([("ok",)], self.rows("PRAGMA integrity_check"))

    def test_a_replay_that_is_killed_has_done_all_or_nothing(self):
        figures = self.generated(2_000)
        self.report("--sources", KNOWN, self.lines)
        before = self.tables(self.database)
        for point in "before_commit:1", "after_commit:1":
            self.assertEqual(before, self.tables(self.database))
            done = self.evidence("--replay", "--quiet", "--kill-at", point)
            self.assertEqual(-signal.SIGKILL, done.returncode, done.stderr)
        last = self.report("--replay", "--check", f"{self.lines}.figures")
        self.assertEqual((0, figures["poison"]), (last["stored"], last["failed"]))

    def test_ctrl_c_commits_the_open_batch_and_says_where_it_goes_on(self):
        self.generated(20_000)
        for which, code in (signal.SIGINT, 130), (signal.SIGTERM, 143):
            already = self.rows("SELECT offset FROM muster_offset")[0][0] if self.database.exists() else 0    # asked while nobody writes
            with self.start("--batch", 50, "--sources", KNOWN, self.lines) as program:
                self.wait_for("SELECT total(offset) FROM muster_offset", already + 1, program)
                program.send_signal(which)
                said = program.communicate(timeout=100)[1]
            self.assertEqual(code, program.returncode, said)
            at = self.rows("SELECT offset FROM muster_offset")[0][0]
            self.assertIn(f"goes on at byte {at}", said)
        last = self.report("--check", f"{self.lines}.figures", "--sources", KNOWN, self.lines)
        self.assertEqual(at, last["resumed_at"])
        self.assertEqual(self.lines.stat().st_size, last["reached"])

    def test_lines_of_any_kind_are_dead_letters_that_say_why(self):
        huge = '{"id":"' + "x" * (1 << 20) + '"}'
        hostile = {
            huge: "has more than 1048576 bytes", "": "no JSON", "{": "no JSON", "[]": "is an object", "nul": "no JSON", '"text"': "is an object",
            b'{"id":"\xff"}': "UTF-8", b'{"id":"a\x00b"}': "zero byte", "[" * 100_000: "deeper than 64", '{"id":1e999}': "no JSON",
            '{"id":7,"source":"s","time":"2026-01-01T00:00:00Z"}': '"id"', '{"id":"a","time":"2026-01-01T00:00:00Z"}': '"source"',
            '{"id":"a","source":"s"}': '"time"', '{"id":"a","source":"s","time":"2026-02-30T00:00:00Z"}': '"time"',
            '{"id":"a","source":"s","time":"9999-01-01T00:00:00Z"}': '"time"', '{"id":"a","source":"s","time":"2026-01-01 00:00:00"}': '"time"',
            '{"id":"\\u001b[2J","source":"s","time":"2026-01-01T00:00:00Z"}': '"id"', '{"id":"","source":"s","time":"2026-01-01T00:00:00Z"}': '"id"',
            '{"id":"a","id":"b","source":"s","time":"2026-01-01T00:00:00Z"}': "two members",
            '{"id":"a","source":"s","time":"2026-01-01T00:00:00Z","fields":[]}': '"fields"',
            '{"id":"a\'); DROP TABLE evidence; --","source":"s","time":"2026-01-01T00:00:00Z"}': '"id"'}
        odd = [piece(1, tests=2**70), piece(2, tests=-1), piece(3, duration_s=1e308), piece(4, check="x" * 10_000), piece(5, result=None),
               piece(6, artifact={"deep": [[[1]]]}), piece(7, check="\u0000\ud83d\ude00'\""), piece(8, tests=True), piece(9, more="fields")]
        with self.lines.open("wb") as out:
            for line in hostile:
                out.write((line if isinstance(line, bytes) else line.encode()) + b"\n")
            for line in odd:
                out.write(line.encode())
            out.write(piece(10).encode()[:-1])    # a last line without an end
        found = self.report("--dead-letters", self.folder / "dead.jsonl", self.lines)
        self.assertEqual((len(hostile), len(odd) + 1), (found["failed"], found["stored"]))
        letters = [json.loads(line) for line in (self.folder / "dead.jsonl").read_text().splitlines()]
        self.assertEqual(len(hostile), len(letters))
        self.assertEqual(len(hostile), len({letter["trace"] for letter in letters}))
        for (line, why), letter in zip(hostile.items(), letters):
            self.assertIn(why, letter["text"], line[:60])
            self.assertEqual((1, "ingest") if line != huge else (1, None), (letter["attempts"], letter.get("stage")), line[:60])
        scores = dict(self.rows("SELECT id, score FROM evidence"))
        self.assertEqual((100, 100), (scores["e-10"], scores["e-9"]))
        self.assertTrue(all(0 <= each < 100 for name, each in scores.items() if name not in ("e-9", "e-10", "e-7")), scores)

    def test_the_score_is_what_the_help_says(self):
        late = {"time": "2025-12-28T00:10:00Z"}    # four days: half of what lies between one and seven
        lines = [piece(1), json.dumps({**json.loads(piece(2)), **late}) + "\n", piece(3, artifact="none"), piece(4, failures=4), piece(5, result="failed"),
                 json.dumps({"id": "e-6", "source": "s", "time": "2026-01-01T00:00:00Z"}) + "\n", json.dumps({**json.loads(piece(7)), "time": "2026-01-02T00:00:00Z"}) + "\n"]
        self.lines.write_text("".join(lines))
        self.report(self.lines)
        scores = dict(self.rows("SELECT id, score FROM evidence"))
        self.assertEqual({"e-1": 100, "e-2": 93, "e-3": 95, "e-4": 87, "e-5": 93, "e-6": 15, "e-7": 85}, scores)    # of 92.5, 86.67, 93.3
        self.assertEqual([("s", 1, 15, "e-6")], self.rows("SELECT source, pieces, lowest, first FROM alert"))

    def test_one_alert_a_source_and_window_and_none_for_a_copy(self):
        bad = [json.dumps({"id": f"b-{i}", "source": f"s{i % 2}", "time": f"2026-01-01T0{i // 4}:00:00Z"}) + "\n" for i in range(8)]
        self.lines.write_text("".join(bad + bad))
        said = self.evidence(self.lines)
        self.assertEqual(0, said.returncode, said.stderr)
        self.assertEqual(4, said.stderr.count("alert: "), said.stderr)
        self.assertEqual([(4, 8)], self.rows("SELECT count(*), sum(pieces) FROM alert"))
        self.assertEqual([(8, 8, 0)], self.rows("SELECT count(*), sum(copies), sum(conflicts) FROM evidence"))

    def test_what_becomes_of_bad_lines_is_said_by_an_option(self):
        self.lines.write_text(piece(1) + "bad\n" + piece(2))
        skipped = self.report("--on-failure", "skip", self.lines)
        self.assertEqual((3, 2, 1, 0), (skipped["lines"], skipped["stored"], skipped["failed"], skipped["database"]["dead_letters"]))
        stopped = self.evidence("--on-failure", "stop", self.lines, database=self.folder / "stop.db")
        self.assertEqual(1, stopped.returncode)
        self.assertIn("no JSON", stopped.stderr)
        self.assertIn("1 lines were committed", stopped.stderr)

    def test_a_full_database_is_said_and_loses_nothing(self):
        self.generated(3_000)
        unbroken = self.folder / "unbroken.db"
        self.report("--batch", 100, self.lines, database=unbroken)
        full = self.evidence("--largest-database", 300_000, "--batch", 100, "--quiet", self.lines)
        self.assertEqual(1, full.returncode)
        self.assertIn("evidence.db", full.stderr)
        self.assertIn("full", full.stderr)
        committed = self.rows("SELECT offset FROM muster_offset")[0][0]
        self.assertGreater(committed, 0)
        self.assertEqual(committed, self.report("--batch", 100, self.lines)["resumed_at"])
        self.assertEqual(self.tables(unbroken), self.tables(self.database))

    def test_a_full_database_undoes_a_replay(self):
        self.generated(3_000)
        self.report("--sources", "ci-linux", self.lines)
        before = self.tables(self.database)
        full = self.evidence("--replay", "--largest-database", 1 << 20, "--quiet")
        self.assertEqual(1, full.returncode)
        self.assertIn("full", full.stderr)
        self.assertEqual(before, self.tables(self.database))
        self.assertGreater(self.report("--replay")["stored"], 0)

    def test_a_full_disk_under_the_spool_keeps_whole_lines_and_loses_none_of_them(self):
        def no_file_above():
            resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, 1_500_000))

        lines = [piece(i)[:-2] + ', "left": "' + "out" * 1_000 + '"}\n' for i in range(1_000)]    # much of the spool, and little of the database
        full = self.evidence("-", input="".join(lines), preexec_fn=no_file_above, restore_signals=False)    # Python ignores SIGXFSZ, and so does this then
        self.assertEqual(1, full.returncode, full.stderr)
        self.assertIn("cannot keep lines of standard input in", full.stderr)
        kept = pathlib.Path(f"{self.database}.spool").read_text().count("\n")
        self.assertTrue(100 < kept < 900, kept)
        self.assertEqual([(kept, 0)], self.rows("SELECT count(*), sum(copies) FROM evidence"))
        self.report("-", input="".join(lines[kept:]))
        self.assertEqual([(1_000, 0)], self.rows("SELECT count(*), sum(copies) FROM evidence"))
        self.assertEqual([(0,)], self.rows("SELECT count(*) FROM dead_letter"))

    def test_databases_that_cannot_be_used(self):
        self.lines.write_text(piece(1))
        text = self.folder / "text.db"
        text.write_text("this is no database, and long enough to be looked at\n" * 100)
        for database, says in (self.folder / "none" / "a.db", "a.db"), (text, "text.db"), (self.folder, self.folder.name), ("/proc/evidence.db", "/proc/evidence.db"):
            with self.subTest(database):
                done = self.evidence(self.lines, database=database)
                self.assertEqual((1, ""), (done.returncode, done.stdout), done.stderr)
                self.assertIn(says, done.stderr)
        self.assertEqual(1, self.evidence("--replay").returncode)
        self.assertFalse(self.database.exists())    # a replay makes none
        if os.geteuid() != 0:    # root writes anywhere
            self.report(self.lines)
            self.database.chmod(0o444)
            with self.lines.open("a") as out:
                out.write(piece(2))
            done = self.evidence(self.lines)
            self.assertEqual(1, done.returncode)
            self.assertIn("evidence.db", done.stderr)

    def test_reports_that_cannot_be_written_are_said(self):
        self.lines.write_text(piece(1))
        for option in "--report", "--dead-letters":
            done = self.evidence(option, self.folder / "none" / "file", self.lines)
            self.assertEqual(1, done.returncode)
            self.assertIn("none/file", done.stderr)
        done = self.evidence("--report", self.folder / "report.json", self.lines)
        self.assertEqual((0, 1), (done.returncode, json.loads((self.folder / "report.json").read_text())["database"]["stored"]))

    def test_wrong_command_lines(self):
        for arguments, says in ((), "file"), ((self.folder / "none",), "none"), (("--now", "today", "-"), "--now"), (("--follow", "-"), "--follow"), \
                (("--replay", "x"), "--replay"), (("--kill-at", "now:1", "-"), "--kill-at"), (("--kill-at", "after_read:0", "-"), "--kill-at"), \
                (("--batch", "0", "-"), "batch"), (("--stale", "1", "--fresh", "1", "-"), "--stale"), (("--sources", "a,b c", "-"), "--sources"), \
                (("--generate", "3"), "give a file"), (("--generate", "3", "-"), "--generate"), (("--on-failure", "cry", "-"), "on-failure"):
            with self.subTest(arguments):
                done = self.evidence(*arguments, stdin=subprocess.DEVNULL)
                self.assertEqual((2, ""), (done.returncode, done.stdout))
                self.assertIn(says, done.stderr)
        said = self.evidence("--help")
        self.assertEqual(0, said.returncode)
        for word in "efficiency", "spool", "35 x completeness":
            self.assertIn(word, said.stdout)

    def test_a_file_that_grows_is_followed_until_ctrl_c(self):
        self.lines.write_text(piece(1))
        with self.start("--follow", self.lines) as program:
            self.wait_for("SELECT count(*) FROM evidence", 1, program)
            with self.lines.open("a") as out:
                out.write(piece(2) + piece(3)[:20])
                out.flush()
                self.wait_for("SELECT count(*) FROM evidence", 2, program)
                out.write(piece(3)[20:])
            self.wait_for("SELECT count(*) FROM evidence", 3, program)
            program.send_signal(signal.SIGINT)
            said = program.communicate(timeout=100)[1]
        self.assertEqual(130, program.returncode, said)
        self.assertIn(f"goes on at byte {self.lines.stat().st_size}", said)
        self.assertEqual([(0,)], self.rows("SELECT count(*) FROM dead_letter"))

    def rotate(self):
        self.lines.rename(f"{self.lines}.1")

    def test_a_file_that_is_rotated_is_read_to_its_end_and_then_the_new_one(self):
        self.lines.write_text("".join(map(piece, range(5))))
        with self.start("--follow", self.lines) as program:
            self.wait_for("SELECT count(*) FROM evidence", 5, program)
            for round in range(1, 4):
                with self.lines.open("a") as out:
                    out.write("".join(piece(i) for i in range(100 * round, 100 * round + 50)))
                    self.rotate()
                    out.write(piece(100 * round + 50))    # the writer still has the old one
                    out.flush()
                    if round == 2:
                        time.sleep(0.1)    # and for a while there is no file of that name
                self.lines.write_text(piece(1_000 + round))
                self.wait_for("SELECT count(*) FROM evidence", 5 + 52 * round, program)
            program.send_signal(signal.SIGINT)
            said = program.communicate(timeout=100)[1]
        self.assertEqual(130, program.returncode, said)
        self.rotate()    # and while nobody looks
        self.lines.write_text(piece(2_000))
        with self.start("--follow", self.lines) as program:
            self.wait_for("SELECT count(*) FROM evidence", 162, program)
            program.send_signal(signal.SIGINT)
            said = program.communicate(timeout=100)[1]
        self.assertIn("was rotated", said)
        self.assertEqual([(162, 0)], self.rows("SELECT count(*), sum(copies) FROM evidence"))
        self.assertEqual([(0,)], self.rows("SELECT count(*) FROM dead_letter"))

    def test_a_file_that_was_cut_or_replaced_ends_the_run(self):
        before = "".join(map(piece, range(200)))
        for follow in (), ("--follow",):
            with self.subTest(follow):
                self.database.unlink(missing_ok=True)
                self.lines.write_text(before)
                self.report(self.lines)
                self.lines.write_text(before[:1_000])
                done = self.evidence(*follow, self.lines)
                self.assertEqual(1, done.returncode)
                self.assertIn("it was cut or replaced", done.stderr)
                self.lines.write_text(before.replace("unit", "else"))
                done = self.evidence(*follow, self.lines)
                self.assertEqual(1, done.returncode)
                self.assertIn("is not the file that was read", done.stderr)
                self.assertEqual([(200, 0)], self.rows("SELECT count(*), sum(copies) FROM evidence"))
        self.lines.write_text(before)
        with self.start("--follow", self.lines) as program:
            self.lines.write_text(before + piece(300))
            self.wait_for("SELECT count(*) FROM evidence", 201, program)
            self.lines.write_text("")
            said = program.communicate(timeout=100)[1]
        self.assertEqual(1, program.returncode, said)
        self.assertIn("it was cut", said)

    def test_standard_input_is_kept_and_counted_once(self):
        figures = self.generated(3_000)
        with self.lines.open() as lines:
            first = self.report("--sources", KNOWN, "--check", f"{self.lines}.figures", "-", stdin=lines)
        self.assertEqual(figures["lines"], first["lines"])
        self.assertEqual(0, self.report("-", stdin=subprocess.DEVNULL)["lines"])
        more = self.report("-", input=piece("new") + piece("newer")[:-1])
        self.assertEqual((2, 2), (more["lines"], more["stored"]))

    def test_what_a_killed_process_has_spooled_is_not_lost(self):
        with self.start("--kill-at", "before_commit:3", "--batch", 10, "-", stdin=subprocess.PIPE) as program:
            with contextlib.suppress(BrokenPipeError):
                for i in range(100):
                    program.stdin.write(piece(i))
                    program.stdin.flush()
            self.assertEqual(-signal.SIGKILL, program.wait(timeout=100))
        spool = pathlib.Path(f"{self.database}.spool")
        kept = spool.read_text().count("\n")
        self.assertGreater(kept, 2)
        with spool.open("a") as out:
            out.write("a line that has no end")
        last = self.report("-", input=piece("after"))
        self.assertEqual([(kept + 1, 0)], self.rows("SELECT count(*), sum(copies) FROM evidence"))
        self.assertEqual((1, 1), (last["failed"], last["database"]["dead_letters"]))

    def test_a_sender_that_pauses_is_stored_meanwhile_and_two_spools_do_not_mix(self):
        with self.start("-", stdin=subprocess.PIPE) as program:
            program.stdin.write(piece(1) + "x" * 3_000_000)
            program.stdin.flush()
            self.wait_for("SELECT count(*) FROM evidence", 1, program)
            second = self.evidence("-", stdin=subprocess.DEVNULL)
            self.assertEqual(1, second.returncode)
            self.assertIn("in use", second.stderr)
            program.stdin.write("\n" + piece(2))
            program.stdin.flush()
            self.wait_for("SELECT count(*) FROM evidence", 2, program)
            program.send_signal(signal.SIGINT)
            program.wait(timeout=100)    # before its input is closed, which would end it, too
            said = program.stderr.read()
        self.assertEqual(130, program.returncode, said)
        self.assertIn("goes on at byte", said)
        self.assertEqual([(1,)], self.rows("SELECT count(*) FROM dead_letter WHERE text LIKE '%has more than 1048576 bytes%'"))
        self.assertLess(pathlib.Path(f"{self.database}.spool").stat().st_size, 1_100_000)


if __name__ == "__main__":
    unittest.main()
