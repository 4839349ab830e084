#include <muster/flow/run.hpp>

#include "catch.hpp"
#include "faulty_files.hpp"
#include "forked.hpp"
#include "killed_child.hpp"
#include "statement_fault.hpp"
#include "temporary_folder.hpp"

#include <atomic>        // a writer that is told to end
#include <csignal>       // SIGXFSZ
#include <cstdint>       // numbers
#include <filesystem>    // copies, permissions
#include <fstream>       // what is appended
#include <functional>    // what happens to a file
#include <random>        // pieces
#include <string>        // records
#include <thread>        // a writer beside
#include <vector>        // what happens

#include <sys/resource.h>    // setrlimit
#include <unistd.h>          // truncate, setuid

#include <muster/adapt/sqlite_journal.hpp>    // sqlite_journal
#include <muster/core/pipeline.hpp>           // pipeline
#include <muster/flow/file_lines.hpp>         // file_lines
#include <muster/flow/with_state.hpp>         // with_state
#include <muster/testing/manual_time.hpp>     // manual_time

// What becomes of a run when its journal, its disk or its source is not as it should be: it fails in words that name the file, and once all is
// well again a run ends with each record there once. The table of the outputs takes any row twice, so that only the journal
// keeps them from being there twice; and with each goes how many of its kind an operator has counted.

using namespace muster;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

constexpr std::int64_t records = 200;
constexpr std::size_t batch = 20;
constexpr std::int64_t few = 30;    // two batches, where each statement and write has its fault
bool is_bad(std::int64_t number) { return number % 97 == 5; }

struct counted {
    std::int64_t number, nth;    // of its last digit, which an operator counts
};
auto plainly() {
    return sqlite_store{"CREATE TABLE IF NOT EXISTS seen(number INTEGER, nth INTEGER)", "INSERT INTO seen VALUES (?, ?)",
                        [](auto const& row, counted const& one, origin const&) { return row(one.number, one.nth); }};
}
outcome<std::int64_t> check(std::string_view line) {
    auto const number = std::stoll(std::string{line});
    if (is_bad(number)) return failure{cause::invalid_input, "97 goes into " + std::to_string(number) + " with 5 left"};
    return number;
}
auto const flow = pipeline{check, with_state{[](std::int64_t number) { return number % 10; }, std::int64_t{0},
                                             [](std::int64_t& n, std::int64_t number) { return counted{number, ++n}; }}};
std::string lines(std::int64_t from = 0, std::int64_t until = records, std::string const& more = {}) {
    std::string out;
    for (auto i = from; i < until; ++i) out += std::to_string(i) + more + '\n';
    return out;
}

struct place {
    temporary_folder const folder;
    std::string const journal = folder / "journal.db", in = folder.put("in", lines());
    std::int64_t wanted = records;

    outcome<run_result> attempt(run_options options = {}, sqlite_options const& how = {}, file_lines_options from = {}, context const& cx = context{}) const {
        context opening;
        auto to = sqlite_journal<>::open(opening, journal, how, plainly());
        if (!to) return to.error();
        from.name = "in";
        if (options.records == 1'000) options.records = batch;
        return run(file_lines{in, from}, flow, *to, options, cx);
    }
    [[nodiscard]] std::int64_t asked(sqlite_sql what) const {
        context cx;
        return sqlite_database::open(cx, journal).value().integer(cx, what).value();
    }
    /// A run to the end, and then every record once.
    void completes(sqlite_options const& how = {}) const {
        auto const done = attempt({}, how);
        if (!done) FAIL(done.error().text());
        CHECK(whole());
    }
    [[nodiscard]] bool whole() const {
        std::int64_t rows = 0, sum = 0, dead = 0, counts[10]{};
        for (std::int64_t i = 0; i < wanted; ++i) is_bad(i) ? ++dead : (++rows, sum += i * ++counts[i % 10]);
        return asked("SELECT count(*) FROM seen") == rows && asked("SELECT count(DISTINCT number) FROM seen") == rows &&
               asked("SELECT total(number * nth) FROM seen") == sum && asked("SELECT count(*) FROM dead_letter") == dead &&
               asked("SELECT count(DISTINCT payload) FROM dead_letter") == dead;
    }
    /// A run whose process dies behind some commits: a log is left beside the journal.
    void dies_after(std::uint64_t commits, sqlite_options const& how = {}) const {
        REQUIRE(in_child([&] {
                    run_options options;
                    options.at = [&](run_point where, run_result const& so_far) {
                        if (where == run_point::after_commit && so_far.commits == commits) ::_exit(42);
                    };
                    return attempt(options, how) ? 0 : 1;
                }) == exits(42));
    }
    void names_journal(failure const& what) const {
        INFO(what.text());
        CHECK(what.text().find(journal) != std::string::npos);
    }
};

/// Bytes of a file, put back with changes.
struct journal_bytes {
    explicit journal_bytes(place const& at) : at_(at), file(temporary_folder::read(at.journal)), log(temporary_folder::read(at.journal + "-wal")) {}
    void put(std::string const& new_file, std::string const& new_log) const {
        for (auto const* end : {"", "-wal", "-shm", "-journal"}) std::filesystem::remove(at_.journal + end);
        at_.folder.put("journal.db", new_file);
        if (!new_log.empty()) at_.folder.put("journal.db-wal", new_log);
    }

private:
    place const& at_;

public:
    std::string const file, log;
};

}  // namespace

TEST_CASE("run: a fault at any statement of the journal ends it, and after that all is there once", "[adapt][run][faults]") {
    statement_fault const faults;
    long told = 0;
    for (long k = 1;; ++k) {
        place at;
        at.wanted = few;
        at.folder.put("in", lines(0, few));
        statement_fault::set(k);
        auto const done = at.attempt();
        bool const reached = statement_fault::seen >= k;
        statement_fault::set(-1);
        INFO("statement " << k);
        if (!reached) {
            CHECK(done);
            CHECK(at.whole());
            break;
        }
        // The pragmas of a connection pass over an interruption.
        if (!done) ++told, at.names_journal(done.error());
        at.completes();
    }
    CHECK(told > 50);
}

TEST_CASE("run: a disk that fails at any write ends it, and after that all is there once", "[adapt][run][faults]") {
    faulty_files const files;
    for (auto const how : {faulty_files::fault::full, faulty_files::fault::broken}) {
        for (bool const write_ahead : {true, false}) {
            long told = 0;
            for (long k = 0;; ++k) {
                place at;
                at.wanted = few;
                at.folder.put("in", lines(0, few));
                faulty_files::set(how, k);
                auto const done = at.attempt({}, {.write_ahead = write_ahead});
                bool const reached = faulty_files::writes > k;
                faulty_files::set(faulty_files::fault::none, -1);
                INFO("write " << k);
                if (!done) {
                    ++told;
                    at.names_journal(done.error());
                    CHECK(done.error().is(how == faulty_files::fault::full ? cause::exhausted : cause::unavailable));
                }
                at.completes({.write_ahead = write_ahead});
                if (!reached) break;
            }
            CHECK(told > 10);
        }
    }
}

TEST_CASE("run: a process that dies at any write of its journal leaves what the next one completes", "[adapt][run][faults][forks]") {
    faulty_files const files;
    for (bool const write_ahead : {true, false}) {
        long deaths = 0;
        for (long k = 0;; ++k) {
            place at;
            at.wanted = few;
            at.folder.put("in", lines(0, few));
            auto const end = in_child([&] {
                faulty_files::set(faulty_files::fault::kill, k);
                return at.attempt({}, {.write_ahead = write_ahead}) ? 0 : 1;
            });
            if (end == exits(0)) break;
            ++deaths;
            REQUIRE(end == exits(42));
            INFO("write " << k);
            at.completes({.write_ahead = write_ahead});
        }
        CHECK(deaths > 10);
    }
}

TEST_CASE("run: a file that may not grow ends it, wherever that is", "[adapt][run][faults][forks]") {
    for (rlim_t const most : {0u, 4'096u, 30'000u, 60'000u, 90'000u}) {
        place at;
        auto const end = in_child([&] {
            std::signal(SIGXFSZ, SIG_IGN);
            rlimit const limit{most, most};
            if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
            auto const done = at.attempt();
            if (done) return 2;
            return done.error().text().find(at.journal) == std::string::npos ? 3 : 0;
        });
        INFO(most << " bytes");
        CHECK(end == exits(0));
        at.completes();
    }
}

TEST_CASE("run: wherever a byte of the journal has changed, no run begins elsewhere than where it was committed", "[adapt][run][faults]") {
    sqlite_options const how{.write_ahead = false};
    place at;
    at.dies_after(5, how);
    auto const committed = static_cast<std::uint64_t>(at.asked("SELECT offset FROM muster_offset"));
    journal_bytes const good{at};
    std::mt19937 dice{7};
    std::size_t refused = 0, tried = 0;
    for (std::size_t i = 0; i < good.file.size(); i += soak() ? 1 : 1 + dice() % 61) {
        auto bad = good.file;
        auto const bit = dice() % 8;
        bad[i] = static_cast<char>(static_cast<unsigned char>(bad[i]) ^ 1U << bit);
        good.put(bad, {});
        auto const done = at.attempt({}, how);
        ++tried;
        INFO("bit " << bit << " of byte " << i);
        if (done) {
            REQUIRE(done->resumed == std::vector{committed});
            CHECK(done->in == 100);
        } else {
            ++refused;
            at.names_journal(done.error());
        }
    }
    CHECK(refused > tried / 20);
    good.put(good.file, {});
    at.completes(how);
}

TEST_CASE("run: a journal that was cut is refused or empty, and a copy in its place goes on", "[adapt][run][faults]") {
    sqlite_options const how{.write_ahead = false};
    place at;
    at.dies_after(5, how);
    auto const committed = static_cast<std::uint64_t>(at.asked("SELECT offset FROM muster_offset"));
    journal_bytes const good{at};
    for (std::size_t size = 0; size < good.file.size(); size += size % 4'096 == 0 ? 1 : size % 4'096 == 1 ? 1'999 : 4'096 - size % 4'096) {
        good.put(good.file.substr(0, size), {});
        auto const done = at.attempt({}, how);
        INFO(size << " of " << good.file.size() << " bytes");
        if (!done) {
            at.names_journal(done.error());
        } else if (size < 512) {    // an empty file is a database in which nothing is: output and offset are gone together
            CHECK(at.whole());
        } else {
            CHECK(done->resumed == std::vector{committed});
        }
    }
    good.put(good.file, {});
    at.completes(how);
}

TEST_CASE("run: a log that was cut, changed or lost takes output and offset back together", "[adapt][run][faults][forks]") {
    place at;
    at.dies_after(5);
    journal_bytes const good{at};
    REQUIRE(good.log.size() > 50'000);
    std::mt19937 dice{11};
    std::size_t resumed = 0;
    for (int i = 0; i < (soak() ? 2'000 : 150); ++i) {
        auto log = good.log;
        auto const where = dice() % log.size();
        if (i % 3 == 0) log.resize(where);
        else if (i % 3 == 1) log[where] = static_cast<char>(log[where] ^ 0x10);
        else log.replace(where, log.size() - where, log.size() - where, '\0');    // as a file that was grown and never written
        good.put(good.file, log);
        INFO("byte " << where << " of " << log.size() << ", kind " << i % 3);
        auto const done = at.attempt();
        REQUIRE(done);
        resumed += done->resumed[0] != 0;
        CHECK(at.whole());
    }
    CHECK(resumed > 10);
    good.put(good.file, {});
    at.completes();
}

TEST_CASE("run: a file that is no journal, or one of another program, is refused and stays as it was", "[adapt][run][faults]") {
    context cx;
    auto const refused = [&](auto const& make) {
        place at;
        make(at);
        auto const before = temporary_folder::read(at.journal);
        auto const done = at.attempt({}, {.write_ahead = false});
        INFO(before.size() << " bytes, of which the first are " << before.substr(0, 20));
        REQUIRE(!done);
        at.names_journal(done.error());
        CHECK(done.error().is(cause::invalid_input));
        CHECK(temporary_folder::read(at.journal) == before);
        std::filesystem::remove(at.journal);
        at.completes();
    };
    auto const with = [&](sqlite_sql schema) {
        refused([&](place const& at) { sqlite_database::open(cx, at.journal, {.write_ahead = false}).value().execute(cx, schema).value(); });
    };
    refused([](place const& at) { at.folder.put("journal.db", lines()); });
    refused([](place const& at) { at.folder.put("journal.db", "SQLite format 3\0"s); });
    refused([](place const& at) { at.folder.put("journal.db", std::string(10'000, '\0')); });
    with("CREATE TABLE muster_source(name TEXT, at INTEGER)");
    with("CREATE TABLE muster_offset(x)");
    with("CREATE TABLE dead_letter(id INTEGER PRIMARY KEY, letter TEXT)");
    with("CREATE TABLE muster_state(x)");
    with("CREATE TABLE seen(a INTEGER, b INTEGER, c INTEGER)");
    with("CREATE TABLE muster_journal(version TEXT NOT NULL); INSERT INTO muster_journal VALUES ('of another')");
    with("CREATE TABLE muster_journal(version INTEGER NOT NULL); INSERT INTO muster_journal VALUES (1)");
    with("CREATE TABLE muster_journal(version INTEGER NOT NULL); INSERT INTO muster_journal VALUES (2)");    // and no other table
    // An empty file is a new one, and a database of another program may hold a journal beside its own.
    place empty;
    empty.folder.put("journal.db", "");
    empty.completes();
    place shared;
    sqlite_database::open(cx, shared.journal).value().execute(cx, "CREATE TABLE theirs(x)").value();
    shared.completes();
}

TEST_CASE("run: rows of the journal that are gone or another's are refused", "[adapt][run][faults]") {
    context cx;
    place at;
    at.dies_after(5);
    auto const refused = [&](sqlite_sql damage, std::string const& said) {
        auto db = sqlite_database::open(cx, at.journal).value();
        journal_bytes const good{at};
        db.execute(cx, damage).value();
        auto const done = at.attempt();
        REQUIRE(!done);
        CHECK(done.error().is(cause::invalid_input));
        CHECK(done.error().text() == at.journal + " is corrupt: " + said + ": nothing was written to it; take a copy that is whole");
    };
    auto const once = [&](sqlite_sql damage, std::string const& said, sqlite_sql repair) {
        refused(damage, said);
        sqlite_database::open(cx, at.journal, {.foreign_keys = false}).value().execute(cx, repair).value();
    };
    once("UPDATE muster_offset SET offset = 0", "the offset of partition 0 of source 1 is not as it was written", "UPDATE muster_offset SET offset = 290");
    once("UPDATE muster_state SET payload = zeroblob(8) WHERE key = x'0300000000000000'", "what operator 1 remembers is not as it was written",
         "UPDATE muster_state SET payload = x'0a00000000000000' WHERE key = x'0300000000000000'");
    once("UPDATE muster_offset SET mark = ''", "the offset of partition 0 of source 1 is not as it was written", "DELETE FROM muster_offset");
    refused("SELECT 1", "of the 1 partitions of \"in\" there are offsets of 0");
}

TEST_CASE("run: a journal that may only be read is refused, and goes on when it may be written", "[adapt][run][faults][forks]") {
    place at;
    at.dies_after(5);
    std::filesystem::permissions(at.journal, std::filesystem::perms{0444});
    CHECK(in_child([&] {
              if (::geteuid() == 0 && ::setuid(65'534) != 0) return 1;    // nobody forbids root to write
              auto const done = at.attempt();
              return done || done.error().text().find(at.journal) == std::string::npos ? 2 : 0;
          }) == exits(0));
    std::filesystem::permissions(at.journal, std::filesystem::perms{0644});
    at.completes();
}

TEST_CASE("run: a source that was cut, replaced, or cut and grown again between two runs is refused until it is back", "[adapt][run][faults]") {
    place at;
    at.dies_after(5);    // 290 bytes are committed
    auto const good = temporary_folder::read(at.in);
    auto const other = [&] {
        auto out = good;
        for (auto& each : out)
            if (each == '1') each = '3';
        return out;
    }();
    std::vector<std::string> const bad{"", good.substr(0, 289), good.substr(0, 100) + "x" + good.substr(101), other, other + other,
                                       good.substr(0, 50) + lines(1'000, 1'200)};
    for (auto const& each : bad) {
        at.folder.put("in", each);
        auto const done = at.attempt();
        REQUIRE(!done);
        INFO(done.error().text());
        CHECK(done.error().is(cause::invalid_input));
        CHECK(done.error().text().find(at.in) == 0);
    }
    std::filesystem::remove(at.in);
    CHECK_THROWS_AS(at.attempt(), std::system_error);
    at.folder.put("in", good);
    at.completes();
}

TEST_CASE("run: a source that is cut, written anew or removed while it is read ends the run or is read as it was", "[adapt][run][faults]") {
    struct {
        char const* what;
        std::function<void(std::string const& path, std::string const& good)> does;
        bool seen;    // the run fails
    } const cases[]{
        {"cut to what was read long ago", [](auto& path, auto&) { REQUIRE(::truncate(path.c_str(), 5'000) == 0); }, true},
        {"cut to what was not read yet", [](auto& path, auto&) { REQUIRE(::truncate(path.c_str(), 500'003) == 0); }, true},
        {"emptied", [](auto& path, auto&) { REQUIRE(::truncate(path.c_str(), 0) == 0); }, true},
        {"written anew with as many bytes",
         [](auto& path, auto& good) {
             auto bytes = good;
             for (auto& each : bytes)
                 if (each == 'x') each = 'y';
             std::ofstream{path, std::ios::binary} << bytes;
         },
         true},
        {"cut and grown beyond",
         [](auto& path, auto& good) {
             std::ofstream{path, std::ios::binary} << std::string(1'000, 'z') << good;
         },
         true},
        {"removed", [](auto& path, auto&) { std::filesystem::remove(path); }, false},
        {"replaced by another", [](auto& path, auto&) { std::ofstream{path + ".new"} << "other\n"; std::filesystem::rename(path + ".new", path); }, false},
    };
    for (auto const& each : cases) {
        for (std::uint64_t const commits : {1u, 3u}) {
            INFO(each.what << ", after commit " << commits);
            place at;
            at.wanted = 2'000;
            auto const good = lines(0, 2'000, " " + std::string(300, 'x'));
            at.folder.put("in", good);
            run_options options{.records = 100};
            options.at = [&](run_point where, run_result const& so_far) {
                if (where == run_point::after_commit && so_far.commits == commits) each.does(at.in, good);
            };
            auto const done = at.attempt(options);
            CHECK(done.has_value() == !each.seen);
            if (!done) {
                INFO(done.error().text());
                CHECK(done.error().is(cause::invalid_input));
                CHECK(done.error().text().find(at.in) == 0);
            }
            if (!each.seen && std::filesystem::exists(at.in)) CHECK(at.attempt().error().is(cause::invalid_input));    // the other one is not taken for it
            at.folder.put("in", good);
            at.completes();
        }
    }
}

TEST_CASE("run: a source that grows by any pieces while it is read, and whose run is stopped at any time, is read once", "[adapt][run][faults]") {
    int lives = 0;
    for (unsigned seed = 0; seed < 20; ++seed) {
        std::mt19937 dice{seed};
        place at;
        at.folder.put("in", "");
        auto const all = lines();
        std::size_t there = 0;
        auto const grow = [&] {
            auto const more = std::min<std::size_t>(dice() % 120, all.size() - there);
            std::ofstream{at.in, std::ios::app | std::ios::binary} << all.substr(there, more);
            there += more;
        };
        testing::manual_time time{testing::manual_time::jumping};
        for (; at.asked("SELECT count(*) FROM sqlite_schema WHERE name = 'seen'") == 0 || !at.whole(); ++lives) {
            REQUIRE(lives < 1'000);
            std::stop_source stop;
            context cx{stop.get_token(), time};
            auto const until = cx.change_deadline(cx.now() + 50ms + std::chrono::milliseconds{dice() % 500});
            run_options options{.records = 1 + dice() % 30, .linger = 20ms};
            options.at = [&](run_point, run_result const&) {
                grow();
                if (dice() % 40 == 0) stop.request_stop();
            };
            grow();
            auto const done = at.attempt(options, {}, {.follow = true}, cx);
            REQUIRE(done);
        }
    }
    CHECK(lives > 50);
}

TEST_CASE("run: somebody who writes beside it is waited for, and takes nothing away", "[adapt][run][faults]") {
    place at;
    context cx;
    auto db = sqlite_database::open(cx, at.journal).value();
    db.execute(cx, "CREATE TABLE theirs(x)").value();
    std::atomic<bool> over{false};
    std::int64_t written = 0;
    {
        std::jthread const beside{[&] {
            context own;
            auto insert = db.prepare(own, "INSERT INTO theirs VALUES (1)").value();
            while (!over || written == 0) {
                auto change = db.begin(own).value();
                insert.run(own).value();
                std::this_thread::yield();
                change.commit(own).value();
                ++written;
            }
        }};
        at.completes();
        over = true;
    }
    CHECK(at.asked("SELECT count(*) FROM theirs") == written);
}

TEST_CASE("run: somebody who never lets go of the lock ends it at any commit, and it goes on behind", "[adapt][run][faults]") {
    for (std::uint64_t commits = 0; commits < 9; ++commits) {
        place at;
        context cx;
        auto other = sqlite_database::open(cx, at.journal).value();
        std::optional<sqlite_transaction> held;
        run_options options;
        options.at = [&](run_point where, run_result const& so_far) {
            if (where == run_point::before_commit && so_far.commits == commits) held.emplace(other.begin(cx).value());
        };
        auto const done = at.attempt(options, {.busy_timeout = 3ms});
        REQUIRE(!done);
        CHECK(done.error().is(cause::timed_out));
        at.names_journal(done.error());
        held.reset();
        CHECK(at.attempt().value().resumed.at(0) == (commits == 0 ? 0 : 20 * commits * (commits <= 5 ? 3 : 4) - (commits <= 5 ? 10 : 110)));
        CHECK(at.whole());
    }
}
