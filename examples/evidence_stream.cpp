// The quality of evidence, as it comes: each line of JSON is read, analysed, given 0 to 100 points, and stored once, with an alert where it has few,
// whatever is killed on the way. What is no evidence becomes a dead letter, which can be replayed.
//
//   evidence_stream evidence.jsonl                                     into evidence.db; the same command again goes on where it was committed
//   evidence_stream --follow --database ci.db /var/log/evidence.jsonl  as it grows, also when it is rotated, until Ctrl-C
//   collector | evidence_stream --database ci.db -                     standard input is kept in ci.db.spool first, and read from there
//   evidence_stream --replay --database ci.db --sources ci-linux,ci-new   what was dead, once more
//   evidence_stream --demo build/evidence                              20,000 generated lines, a kill -9 in the middle, a replay, and a check
//
// Ends 0 when the source is at its end and every line is stored or a dead letter; 1 where it could not go on, or --check found other numbers; 2
// for a wrong command line; 130 or 143 after Ctrl-C or TERM: then what was finished is committed, and it says where it goes on.
// ctest: --demo build/evidence

#include <algorithm>      // max
#include <charconv>       // numbers of the command line
#include <chrono>         // times
#include <csignal>        // raise
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <cstdio>         // stderr
#include <exception>      // exception
#include <filesystem>     // folders
#include <fstream>        // figures
#include <iterator>       // istreambuf_iterator
#include <optional>       // failures
#include <stop_token>     // the end of standard input
#include <string>         // texts
#include <string_view>    // lines
#include <thread>         // standard input
#include <utility>        // move
#include <vector>         // alerts

#include <sys/stat.h>    // stat
#include <unistd.h>      // STDIN_FILENO

#include <CLI/CLI.hpp>    // the command line

#include "command_line.hpp"
#include "evidence/generated_set.hpp"
#include "evidence/quality.hpp"
#include "evidence/spool.hpp"
#include "evidence/store.hpp"

#include <muster/adapt/dead_letter_table.hpp>
#include <muster/adapt/parse_json.hpp>
#include <muster/adapt/sqlite_journal.hpp>
#include <muster/flow/dead_letters.hpp>
#include <muster/flow/file_lines.hpp>
#include <muster/flow/run.hpp>
#include <muster/muster.hpp>
#include <muster/observe/interrupts.hpp>
#include <muster/observe/progress.hpp>
#include <muster/observe/tally.hpp>
#include <muster/observe/terminal.hpp>
#include <muster/observe/verdict.hpp>
#include <muster/os/atomic_file.hpp>
#include <muster/process/command_runner.hpp>

using namespace muster;
using namespace std::chrono_literals;

namespace {

constexpr int incomplete = 1;

struct arguments {
    std::string file, database = "evidence.db", name, spool, now, report, letters, stage, check, demo, on_failure = "bury", kill_at;
    std::vector<std::string> sources;
    std::uint64_t generate = 0, seed = 1, largest = 0;
    std::size_t batch = 1'000, jobs = 0;
    int threshold = 60;
    double window = 3'600, fresh = 86'400, stale = 604'800;
    bool follow = false, replay = false, json = false, quiet = false, power_safe = false;
};

arguments read(int argc, char** argv) {
    arguments said;
    CLI::App app{"The quality of evidence: each line of a file is a JSON object with id, source, time and fields; it is analysed, scored and stored once. "
                 "The score is 35 x completeness + 30 x validity + 20 x consistency + 15 x freshness. Success is the share of the lines that were "
                 "stored; efficiency the time that calls of the stages took, over the time of the whole run and the number of workers. "
                 "Ends 0 at the end of the source, 1 where it could not go on, 2 for a wrong command line, 130 after Ctrl-C."};
    app.add_option("file", said.file, "the lines; -: standard input, which cannot be read again: what was copied to the spool counts once, and "
                                      "what a killed process had not yet copied is for the sender to send again");
    app.add_option("-d,--database", said.database, "the SQLite file for evidence, alerts, dead letters and offsets; else evidence.db");
    app.add_option("--name", said.name, "by which the database knows the file; else its path");
    app.add_flag("--follow", said.follow, "the file grows: waits for more until Ctrl-C. Where it is renamed to FILE.1 and made anew, the rest of "
                                          "FILE.1 is read first; one that is cut in place ends the run");
    app.add_option("--spool", said.spool, "where standard input is kept; else the database's name with .spool");
    app.add_option("--sources", said.sources, "the sources that are known, with commas; a line of another one is a dead letter; else any")
        ->delimiter(',')->allow_extra_args(false);
    app.add_option("--threshold", said.threshold, "points below which there is an alert; else 60")->check(CLI::Range(0, 101));
    app.add_option("--alert-window", said.window, "seconds of a source for which one alert is enough; else 3600")->check(CLI::Range(1.0, 1e9));
    app.add_option("--fresh", said.fresh, "seconds of age that cost nothing; else a day")->check(CLI::Range(0.0, 1e9));
    app.add_option("--stale", said.stale, "seconds of age at which nothing is left of freshness; else 7 days")->check(CLI::Range(0.0, 1e9));
    app.add_option("--now", said.now, "the time that ages are counted from, as 2026-01-01T00:00:00Z, so that a score is the same whenever it is given; else the clock");
    app.add_option("--batch", said.batch, "lines of a commit; else 1000")->check(CLI::Range(1, 1'000'000));
    app.add_option("--jobs", said.jobs, "workers; else the cores that the machine grants")->check(CLI::Range(1, 1'000));
    app.add_option("--on-failure", said.on_failure, "what becomes of a line that is no evidence: bury, a dead letter; skip, it is counted; stop, the run ends")
        ->check(CLI::IsMember({"bury", "skip", "stop"}));
    app.add_flag("--power-safe", said.power_safe, "each commit waits for the disk, so that a power cut takes none");
    app.add_option("--largest-database", said.largest, "bytes at which the database counts as full")->check(CLI::Range(65'536.0, 4e12));
    app.add_flag("--replay", said.replay, "gives the dead letters to the stages again, in one transaction; those that are stored then are noted");
    app.add_option("--stage", said.stage, "with --replay: only those of this stage");
    app.add_option("--dead-letters", said.letters, "a file for the dead letters that are open at the end, as lines of JSON");
    app.add_option("--report", said.report, "a file for the report, as JSON");
    app.add_flag("--json", said.json, "the report as JSON on standard output");
    app.add_flag("-q,--quiet", said.quiet, "no progress, no alerts, and no report but of what went wrong");
    app.add_option("--generate", said.generate, "writes so many lines to the file, with all that can be wrong with them, and what is in them to FILE.figures")
        ->check(CLI::Range(1, 100'000'000));
    app.add_option("--seed", said.seed, "of --generate; else 1");
    app.add_option("--check", said.check, "a file of figures: compares the database with them at the end");
    app.add_option("--demo", said.demo, "shows all of this with 20,000 generated lines in a folder, where an evidence.db is replaced");
    app.add_option("--kill-at", said.kill_at, "POINT:N, for tests: dies of SIGKILL at the N-th after_read, after_process, before_commit or after_commit");
    parse(app, argc, argv);
    bool const has_work = !said.file.empty() || said.replay || !said.check.empty() || !said.demo.empty();
    if (!has_work) refuse("give a file, or - for standard input; see --help");
    if (said.generate != 0 && (said.file.empty() || said.file == "-")) refuse("--generate writes to a file: give its name");
    if (said.follow && said.file == "-") refuse("--follow is for files: standard input is read to its end");
    if (said.replay && !said.file.empty()) refuse("--replay reads the database: give no file");
    if (said.stale <= said.fresh) refuse("--stale is more than --fresh");
    if (said.spool.empty()) said.spool = said.database + ".spool";
    if (said.name.empty()) said.name = said.file;
    return said;
}

evidence::rules rules_of(arguments const& said) {
    evidence::rules out;
    if (!said.now.empty()) {
        auto const when = evidence::time_of(said.now);
        if (!when) refuse("--now is as 2026-01-01T00:00:00Z, and not " + json_text(said.now));
        out.now = *when;
    }
    auto const seconds = [](double count) { return std::chrono::seconds{static_cast<std::int64_t>(count)}; };
    out.fresh = seconds(said.fresh);
    out.stale = std::max(seconds(said.stale), out.fresh + 1s);
    out.threshold = said.threshold;
    out.window = seconds(said.window);
    out.sources = said.sources;
    for (auto const& each : out.sources)
        if (!evidence::is_name(each)) refuse("--sources names sources of 1 to 120 letters, digits and -_.:/@+, and not " + json_text(each));
    return out;
}

// Dies where a test wants it to.
class killer {
public:
    explicit killer(std::string_view where) {
        if (where.empty()) return;
        auto const colon = where.find(':');
        auto const name = where.substr(0, colon);
        constexpr std::string_view names[]{"after_read", "after_process", "before_commit", "after_commit"};
        for (std::size_t i = 0; i < std::size(names); ++i)
            if (names[i] == name) point_ = static_cast<run_point>(i);
        auto const digits = colon == where.npos ? std::string_view{} : where.substr(colon + 1);
        auto const read = std::from_chars(digits.data(), digits.data() + digits.size(), left_);
        if (!point_ || read.ec != std::errc{} || read.ptr != digits.data() + digits.size() || left_ == 0)
            refuse("--kill-at is as before_commit:3, and not " + json_text(where));
    }
    void at(run_point where) {
        if (point_ == where && --left_ == 0) std::raise(SIGKILL);
    }

private:
    std::optional<run_point> point_;
    std::uint64_t left_ = 0;
};

/// What this process did, and what is in the database after it.
struct report {
    std::uint64_t lines = 0, stored = 0, failed = 0, commits = 0;
    std::optional<std::uint64_t> resumed_at{}, reached{};    // bytes of the source
    std::chrono::nanoseconds took{}, busy{};
    std::size_t workers = 1;
    bool stopped = false;
    evidence::totals all{};

    [[nodiscard]] double success() const { return lines == 0 ? 100.0 : 100.0 * static_cast<double>(stored) / static_cast<double>(lines); }
    [[nodiscard]] double efficiency() const {
        auto const time = static_cast<double>(took.count()) * static_cast<double>(workers);
        return time > 0 ? 100.0 * static_cast<double>(busy.count()) / time : 0.0;
    }
    void add(run_result const& one) {
        stored += one.out;
        failed += one.failed();
        lines = stored + failed;
        commits += one.commits;
        stopped = stopped || one.stopped;
        if (one.reached.empty()) return;
        if (!resumed_at) resumed_at = one.resumed[0];
        reached = one.reached[0];
    }
    void write_json(json_writer& to) const {
        to.object([&] {
            to.member("lines", lines).member("stored", stored).member("failed", failed).member("success_percent", success());
            to.member("took_s", took).member("busy_s", busy).member("workers", workers).member("efficiency_percent", efficiency());
            to.member("lines_per_s", took.count() > 0 ? static_cast<double>(lines) / std::chrono::duration<double>{took}.count() : 0.0);
            to.member("commits", commits).member("resumed_at", resumed_at).member("reached", reached).member("stopped", stopped);
            to.member("database", all);
        });
    }
    [[nodiscard]] std::string text(std::string const& database) const {
        auto const n = [](auto count) { return std::to_string(count); };
        auto out = n(lines) + " lines" + (resumed_at && *resumed_at != 0 ? ", from byte " + n(*resumed_at) : "") + ": " + n(stored) + " stored, " + n(failed) +
                   " failed: success " + rounded_down(success(), 1) + " %, time " + duration_text(took - took % 1ms) + ", efficiency " +
                   rounded_down(efficiency(), 0) + " % of " + n(workers) + (workers == 1 ? " worker\n" : " workers\n");
        out += database + " has " + n(all.stored) + " pieces of evidence, " + n(all.low) + " of them low, " + n(all.alerts) + " alerts, " + n(all.copies) +
               " copies, " + n(all.conflicts) + " of them with other fields, " + n(all.dead) + " dead letters and " + n(all.replayed) + " that were replayed";
        for (auto const& each : all.worst) out += "\n  " + each.name + ": " + n(each.pieces) + " pieces, mean score " + rounded_down(each.mean_score, 1);
        return out;
    }
};

/// The pipeline over one database.
class session {
public:
    session(arguments const& said, interrupts const& signals, terminal& screen)
        : said_(said), by_(rules_of(said)), cx_(signals.token()), screen_(screen), death_(said.kill_at),
          bar_(screen, {.title = "evidence", .quiet = said.quiet || said.json || said.replay, .stop = signals.token()}) {}

    outcome<report> operator()() {
        auto const began = cx_.now();
        auto done = said_.replay ? replay() : said_.file == "-" ? standard_input() : !said_.file.empty() ? file() : outcome<void>{};
        bar_.finish();
        out_.took = cx_.now() - began;
        out_.busy = sums_.report().busy;
        if (!done) {
            if (out_.lines != 0) screen_.line("evidence_stream: " + std::to_string(out_.lines) + " lines were committed before that");
            return done.error();
        }
        context calm;
        auto db = sqlite_database::open(calm, said_.database, options(false));
        if (!db) return db.error();
        auto letters = dead_letter_table::make(calm, *db);    // of a database that is empty
        if (!letters) return letters.error();
        if (auto made = evidence::store{alerts_}.prepare(calm, *db); !made) return made.error();
        auto all = evidence::totals::of(calm, *db);
        if (!all) return all.error();
        out_.all = *std::move(all);
        if (!said_.letters.empty())
            if (auto written = write_letters(calm, *letters); !written) return written.error();
        return out_;
    }

private:
    [[nodiscard]] sqlite_options options(bool create) const {
        return {.create = create, .power_safe = said_.power_safe, .busy_timeout = 60s, .largest_file = said_.largest};    // 60 s: a replay holds the lock
    }

    // The five stages, but for the last: the journal stores, in one transaction with the place in the source.
    [[nodiscard]] auto stages() const {
        return pipeline{named{"ingest"}  | [this](std::string_view line) { return evidence::ingest(line, by_); },
                        named{"analyse"} | [this](evidence::piece one) { return evidence::analyse(std::move(one), by_); },
                        named{"score"}   | [](evidence::analysed one) {
                            auto const score = evidence::score_of(one.found);
                            return evidence::scored{std::move(one.what), one.found, score};
                        },
                        named{"alert"}   | [this](evidence::scored one) { return evidence::alert(std::move(one), by_); }};
    }

    outcome<void> open() {
        auto made = sqlite_journal<>::open(cx_, said_.database, options(true), evidence::store{alerts_});
        if (!made) return made.error();
        journal_.emplace(*std::move(made));
        pool_.emplace(said_.jobs);
        out_.workers = pool_->width();
        return {};
    }

    // The lines of a file; what of them was committed is counted, also where it fails.
    outcome<void> take(std::string const& path, std::string const& name, bool follow, context const& cx) {
        run_result so_far;
        std::uint64_t shown = 0;
        run_options const how{.records = said_.batch,
                              .on_failure = said_.on_failure == "bury"   ? failed_record::bury
                                            : said_.on_failure == "skip" ? failed_record::skip
                                                                         : failed_record::stop,
                              .at = [&](run_point where, run_result const& now) {
                                  so_far = now;
                                  death_.at(where);
                                  if (where != run_point::after_commit) return;
                                  auto const bad = now.failed(), all = now.out + bad;
                                  bar_.advance(static_cast<std::size_t>(all - std::exchange(shown, all)));
                                  tell_alerts();
                              }};
        auto const done = guarded<outcome<run_result>>([&]() -> outcome<run_result> {
            file_lines lines{path, {.name = name, .follow = follow}};
            return muster::run(lines, on{*pool_} | observe{sums_} | stages(), *journal_, how, cx);
        });
        out_.add(done ? *done : so_far);
        if (!done) return done.error();
        return {};
    }
    // After their transaction: a kill between the two loses the line, and the table has the alert.
    void tell_alerts() {
        if (!said_.quiet)
            for (auto const& each : alerts_) screen_.line(each);
        alerts_.clear();
    }

    outcome<void> file() {
        if (!std::filesystem::exists(said_.file) && !(said_.follow && std::filesystem::exists(rotated()))) refuse("there is no file " + json_text(said_.file));
        if (auto ready = open(); !ready) return ready;
        return said_.follow ? followed() : take(said_.file, said_.name, false, cx_);
    }

    [[nodiscard]] std::string rotated() const { return said_.file + ".1"; }

    // A file that is renamed and made anew is another source: the journal knows it by a number behind the name, and the number by a table.
    outcome<void> followed() {
        auto& db = journal_->database();
        auto find = db.prepare(cx_, "SELECT generation FROM rotation WHERE name = ?");
        if (!find) return find.error();
        auto next = db.prepare(cx_, "INSERT INTO rotation VALUES (?, 1) ON CONFLICT DO UPDATE SET generation = generation + 1");
        if (!next) return next.error();
        for (;;) {
            std::int64_t generation = 0;
            if (auto found = find->each(cx_, [&](sqlite_statement const& row) { generation = row.integer(0); }, said_.name); !found) return found;
            auto const name = said_.name + (generation == 0 ? "" : '#' + std::to_string(generation));
            struct stat before {};
            bool const was_there = ::stat(said_.file.c_str(), &before) == 0;
            auto done = was_there ? take(said_.file, name, true, cx_) : outcome<void>{failure{cause::unavailable, "there is no file " + said_.file}};
            if (done || cx_.stop_requested()) return done;
            bool const gone = !std::filesystem::exists(said_.file);
            if (!gone && !done.error().is(cause::invalid_input)) return done;
            auto const old = holds_the_rest(name, was_there ? &before : nullptr);
            if (!old) return old.error();
            if (!*old) return done;
            while (!std::filesystem::exists(said_.file))    // until the writer has turned to the new one
                if (auto const waited = cx_.pause(50ms); !waited) {
                    out_.stopped = true;
                    return {};
                }
            screen_.line("evidence_stream: " + said_.file + " was rotated: the rest of " + rotated() + " comes first");
            if (done = take(rotated(), name, false, cx_); !done || cx_.stop_requested()) return done;
            if (done = next->run(cx_, said_.name); !done) return done;
        }
    }

    // Whether the rotated file is the one that was read so far.
    outcome<bool> holds_the_rest(std::string const& name, struct stat const* before) {
        struct stat about {};
        if (::stat(rotated().c_str(), &about) != 0) return false;
        auto const at = journal_->begin(cx_, name, 1);
        if (!at) return at.error();
        if (at->positions[0].offset == 0) return before && before->st_ino == about.st_ino && before->st_dev == about.st_dev;
        auto const fits = guarded<outcome<void>>([&] { return file_lines{rotated(), {.name = name}}.resume(cx_, 0, at->positions[0]); });
        return fits.has_value();
    }

    // Standard input goes to the spool, and the spool through the stages as it grows; when the input is at its end, so is the spool.
    outcome<void> standard_input() {
        if (auto ready = open(); !ready) return ready;
        auto keep = evidence::spool::open(said_.spool, said_.power_safe);
        if (!keep) return keep.error();
        std::stop_source fed;
        std::stop_callback const on_signal{cx_.stop(), [&] { fed.request_stop(); }};
        outcome<bool> ended = false;
        {
            std::jthread const copying{[&] {
                ended = guarded<outcome<bool>>([&] { return keep->copy(STDIN_FILENO, fed.get_token()); });
                fed.request_stop();
            }};
            auto const done = take(said_.spool, said_.spool, true, context{fed.get_token()});
            fed.request_stop();
            if (!done) return done;
        }
        out_.stopped = false;
        // Also where the spool is full: what it has is done with.
        if (!cx_.stop_requested())
            if (auto done = take(said_.spool, said_.spool, false, cx_); !done) return done;
        out_.stopped = out_.stopped || cx_.stop_requested();
        if (!ended) return ended.error();
        return {};
    }

    // One transaction: a piece that is stored is noted, or neither.
    outcome<void> replay() {
        auto db = sqlite_database::open(cx_, said_.database, options(false));
        if (!db) return db.error();
        auto letters = dead_letter_table::make(cx_, *db);
        if (!letters) return letters.error();
        evidence::store into{alerts_};
        if (auto made = into.prepare(cx_, *db); !made) return made;
        auto change = db->begin(cx_);
        if (!change) return change.error();
        struct {
            std::uint64_t lines = 0;
            void put(std::string_view) { ++lines; }
        } unread;
        std::optional<failure> broken;
        auto const flow = observe{sums_} | stages();
        auto const once_more = [&](std::string const& line, context& cx) -> outcome<void> {
            ++out_.lines;
            auto one = flow(line, cx);
            if (!one || broken) return one ? *broken : one.error();
            auto stored = into.put(cx, *one, {});
            if (!stored) broken = stored.error();    // of the database, and not of the piece: nothing is kept
            return stored;
        };
        auto const done = letters->replay<std::string>(cx_, {.stage = said_.stage, .complaints = unread}, once_more);
        if (!done) return done.error();
        if (broken) return *broken;
        death_.at(run_point::before_commit);
        if (auto kept = change->commit(cx_); !kept) return kept;
        death_.at(run_point::after_commit);
        out_.stopped = cx_.stop_requested();
        out_.lines += unread.lines;
        out_.stored = *done;
        out_.failed = out_.lines - out_.stored;
        out_.commits = 1;
        tell_alerts();
        return {};
    }

    outcome<void> write_letters(context& cx, dead_letter_table& from) {
        auto file = atomic_file::open(said_.letters);
        if (!file) return file.error();
        dead_letters to{file->temporary_path()};
        auto const each = [&](dead_letter_table::row const& row) {
            if (!row.replayed) to.put(row.record);
            return to.state().has_value();
        };
        if (auto read = from.each(cx, each); !read) return read;
        if (auto state = to.state(); !state) return state;
        if (auto done = file->commit(); !done) return done.error();
        return {};
    }

    arguments const& said_;
    evidence::rules const by_;
    context cx_;
    terminal& screen_;
    killer death_;
    progress<terminal> bar_;
    std::vector<std::string> alerts_;
    tally sums_;
    std::optional<thread_pool> pool_;
    std::optional<sqlite_journal<evidence::store>> journal_;
    report out_;
};

template <class T>
T need(outcome<T> got) {
    if (!got) refuse(got.error().text());
    return std::move(*got);
}

int generate(arguments const& said) {
    auto file = need(atomic_file::open(said.file));
    evidence::generated_set set{said.seed};
    std::string text;
    for (std::uint64_t i = 0; i < said.generate; ++i) {
        text += set.next();
        if (text.size() < MiB && i + 1 != said.generate) continue;
        if (auto written = file.write(text); !written) refuse(written.error().text());
        text.clear();
    }
    (void)need(file.commit());
    json_writer json{text};
    set.so_far().write_json(json);
    if (auto written = atomic_file::replace(said.file + ".figures", text + '\n'); !written) refuse(written.error().text());
    if (!said.quiet) std::printf("%s\n", text.c_str());
    return 0;
}

// What the figures say of a database that has all of the set: before a replay, or after one that knew the new source.
bool agrees(std::string const& path, evidence::totals const& found) {
    std::ifstream in{path, std::ios::binary};
    if (!in) refuse("cannot read " + json_text(path));
    auto const json = need(parse_json(std::string{std::istreambuf_iterator<char>{in}, {}}));
    bool good = true;
    auto const figure = [&](char const* name) -> std::int64_t {
        if (json.is_object() && json.contains(name) && json[name].is_number_integer()) return json[name].get<std::int64_t>();
        refuse(json_text(path) + " has no figure " + name);
    };
    auto const same = [&](std::string_view what, std::int64_t is, std::int64_t should_be) {
        if (is == should_be) return;
        good = false;
        std::fprintf(stderr, "evidence_stream: there are %lld %s, and %s says %lld\n", static_cast<long long>(is), std::string{what}.c_str(), path.c_str(),
                     static_cast<long long>(should_be));
    };
    auto const replayed = found.replayed == 0 ? 0 : figure("unknown");
    same("replayed lines", found.replayed, replayed);
    same("dead letters", found.dead, figure("poison") + figure("unknown") - replayed);
    same("pieces of evidence", found.stored, figure("stored") + replayed);
    same("copies", found.copies, figure("copies"));
    same("copies with other fields", found.conflicts, figure("conflicts"));
    same("low pieces", found.low, figure("low"));
    same("alerts", found.alerts, figure("alerts"));
    return good;
}

// Shows the whole of it, with processes of this program.
int demo(arguments const& said) {
    std::filesystem::path const folder = said.demo;
    std::filesystem::create_directories(folder);
    auto const lines = (folder / "evidence.jsonl").string(), figures = lines + ".figures", database = (folder / "evidence.db").string();
    for (auto const* const end : {"", "-wal", "-shm"}) std::filesystem::remove(database + end);
    std::string known;
    for (auto const each : evidence::known_sources) known.append(known.empty() ? "" : ",").append(each);
    constexpr std::uint64_t count = 20'000;
    auto const now = evidence::text_of(evidence::generated_set::now(count));
    std::vector<std::string> const run{"--database", database, "--now", now, "--batch", "500", "--quiet"};

    command_runner runner;
    context cx;
    auto const step = [&](std::vector<std::string> arguments, int signal) {
        std::string shown;
        for (auto const& each : arguments) shown += ' ' + each;
        std::printf("$ evidence_stream%s\n", shown.c_str());
        auto const done = runner.run({.program = "/proc/self/exe", .args = std::move(arguments), .any_exit = true}, cx);
        if (signal != 0 && !done && done.error().signal() == signal) return std::puts("killed, as it was asked to"), true;
        if (!done) return std::fprintf(stderr, "evidence_stream: %s\n", to_string(done.error()).c_str()), false;
        std::printf("%s%s", done->out.c_str(), done->err.c_str());
        return signal == 0 && done->exit_code == 0;
    };
    auto const with = [&](std::vector<std::string> more, bool quiet = false) {
        auto out = run;
        if (!quiet) out.pop_back();
        out.insert(out.end(), more.begin(), more.end());
        return out;
    };
    bool const good = step({"--generate", std::to_string(count), "--seed", "7", lines}, 0) &&
                      step(with({"--sources", known, "--kill-at", "before_commit:20", lines}, true), SIGKILL) &&
                      step(with({"--sources", known, "--check", figures, lines}), 0) &&
                      step(with({"--sources", known + "," + std::string{evidence::new_source}, "--check", figures, "--replay"}), 0);
    std::puts(good ? "every line is stored once or a dead letter, as the figures say" : "this is not as it should be");
    return good ? 0 : incomplete;
}

int carry_out(arguments const& said) {
    if (!said.demo.empty()) return demo(said);
    if (said.generate != 0) return generate(said);
    terminal screen;
    interrupts signals{{.say = screen}};
    auto const done = session{said, signals, screen}();
    if (!done) {
        screen.line("evidence_stream: " + to_string(done.error()));
        return signals.interrupted() ? signals.exit_code() : incomplete;
    }
    std::string text;
    json_writer json{text, 2};
    done->write_json(json);
    if (said.json) std::puts(text.c_str());
    if (!said.report.empty())
        if (auto written = atomic_file::replace(said.report, text + '\n'); !written) {
            screen.line("evidence_stream: " + to_string(written.error()));
            return incomplete;
        }
    if (!said.json && !said.quiet) std::fprintf(stderr, "%s\n", done->text(said.database).c_str());
    if (done->stopped && done->reached)
        screen.line("evidence_stream: stopped; what was finished is committed, and the same command goes on at byte " + std::to_string(*done->reached));
    if (signals.interrupted()) return signals.exit_code();
    if (!said.check.empty() && !agrees(said.check, done->all)) return incomplete;
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return carry_out(read(argc, argv));
    } catch (std::exception const& broken) {
        std::fprintf(stderr, "evidence_stream: %s\n", broken.what());
        return incomplete;
    }
}
