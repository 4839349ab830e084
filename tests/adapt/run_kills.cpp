#include <muster/flow/run.hpp>

#include "catch.hpp"
#include "forked.hpp"
#include "killed_child.hpp"
#include "temporary_folder.hpp"

#include <csignal>    // raise
#include <cstdint>    // numbers
#include <cstdlib>    // getenv
#include <fstream>    // the source
#include <map>        // windows
#include <random>     // when
#include <string>     // records
#include <utility>    // exchange
#include <vector>     // counts

#include <sys/wait.h>    // waitpid
#include <unistd.h>      // fork, pipe

#include <muster/adapt/sqlite_journal.hpp>    // sqlite_journal
#include <muster/core/pipeline.hpp>           // pipeline
#include <muster/flow/file_lines.hpp>         // file_lines
#include <muster/flow/tumbling.hpp>           // tumbling
#include <muster/flow/with_state.hpp>         // with_state
#include <muster/os/pipe_ends.hpp>            // pipe_ends

// A run that is killed again and again, at points that have a name and at any instruction, and started again until its source ends: then
// every record is counted. The outputs go into a table that takes any row twice, so that only the journal keeps them from being there
// twice; the same count finds duplicates and losses where the guarantee allows them.

using namespace muster;
using namespace std::chrono_literals;

namespace {

struct size_of_test {
    std::int64_t records, batch;
    int kills;
};
size_of_test size() { return soak() ? size_of_test{200'000, 100, 50} : size_of_test{20'000, 50, 10}; }

auto plainly() {
    return sqlite_store{"CREATE TABLE IF NOT EXISTS seen(number INTEGER)", "INSERT INTO seen VALUES (?)",
                        [](auto const& row, std::int64_t number, origin const&) { return row(number); }};
}
bool is_bad(std::int64_t number) { return number % 97 == 5; }
// With states: how many of its kind there were before each, and the sums of stretches of numbers.
struct two_numbers {
    std::int64_t number, other;
};
auto in_pairs() {
    return sqlite_store{"CREATE TABLE IF NOT EXISTS seen(number INTEGER, other INTEGER)", "INSERT INTO seen VALUES (?, ?)",
                        [](auto const& row, two_numbers const& one, origin const&) { return row(one.number, one.other); }};
}
outcome<std::int64_t> check(std::string_view line) {
    auto const number = std::stoll(std::string{line});
    if (is_bad(number)) return failure{cause::invalid_input, "97 goes into " + std::to_string(number) + " with 5 left"};
    return number;
}

/// How one life ends: in some batch of it at the n-th time that a point is reached, or a while after the batch was begun.
struct end_of_life {
    int batch = 0;
    run_point where = run_point::after_read;
    int times = 1;
    long nanoseconds = 0;    // 0: at the point
};

constexpr std::int64_t kinds = 1'009, stretch = 700;
auto const counts = pipeline{check, with_state{[](std::int64_t number) { return number % kinds; }, std::int64_t{0},
                                               [](std::int64_t& n, std::int64_t number) { return two_numbers{number, ++n}; }}};
auto const sums = pipeline{check,
                           tumbling{{.size = std::chrono::nanoseconds{stretch}}, [](std::int64_t number) { return std::chrono::nanoseconds{number}; },
                                    std::int64_t{0}, [](std::int64_t sum, std::int64_t number) { return sum + number; }},
                           [](auto const& one) { return two_numbers{one.from.count(), one.value}; }};

/// Runs until that end; 0 when the source has ended before.
template <class Flow, class Store>
int live(std::string const& folder, delivery which, end_of_life const* end, Flow const& flow, Store const& store) {
    context cx;
    auto to = sqlite_journal<>::open(cx, folder + "/journal.db", {}, store()).value();
    run_options options{.guarantee = which, .records = static_cast<std::size_t>(size().batch)};
    int batches = 0, times = 0;
    if (end)
        options.at = [&](run_point where, run_result const&) {
            if (where == run_point::after_read) {
                times = 0;
                if (++batches == end->batch && end->nanoseconds != 0) {
                    struct sigevent at_the_end {};
                    at_the_end.sigev_notify = SIGEV_SIGNAL;
                    at_the_end.sigev_signo = SIGKILL;
                    timer_t timer;
                    itimerspec when{};
                    when.it_value.tv_nsec = end->nanoseconds;
                    if (::timer_create(CLOCK_MONOTONIC, &at_the_end, &timer) != 0 || ::timer_settime(timer, 0, &when, nullptr) != 0) ::_exit(3);
                }
            }
            if (batches == end->batch && end->nanoseconds == 0 && where == end->where && ++times == end->times) ::raise(SIGKILL);
        };
    auto const done = run(file_lines{folder + "/in", {.name = "in"}}, flow, to, options);
    return done ? 0 : 1;
}
int live(std::string const& folder, delivery which, end_of_life const* end) { return live(folder, which, end, check, plainly); }

std::int64_t asked(std::string const& folder, sqlite_sql what) {
    context cx;
    return sqlite_database::open(cx, folder + "/journal.db").value().integer(cx, what).value();
}

struct count {
    std::int64_t rows = 0, distinct = 0, sum = 0, dead = 0, distinct_dead = 0;
    friend bool operator==(count const&, count const&) = default;
    [[nodiscard]] std::int64_t duplicates() const { return rows - distinct + dead - distinct_dead; }
    [[nodiscard]] std::int64_t missing() const { return size().records - distinct - distinct_dead; }
};
count counted(std::string const& folder) {
    return {asked(folder, "SELECT count(*) FROM seen"), asked(folder, "SELECT count(DISTINCT number) FROM seen"),
            asked(folder, "SELECT total(number) FROM seen"), asked(folder, "SELECT count(*) FROM dead_letter"),
            asked(folder, "SELECT count(DISTINCT payload) FROM dead_letter")};
}
count all_once() {
    count out;
    for (std::int64_t i = 0; i < size().records; ++i) {
        if (is_bad(i)) ++out.dead;
        else ++out.rows, out.sum += i;
    }
    out.distinct = out.rows;
    out.distinct_dead = out.dead;
    return out;
}

struct killing {
    temporary_folder const folder;
    unsigned const seed = [] {
        auto const* const said = std::getenv("MUSTER_TEST_SEED");
        return said ? static_cast<unsigned>(std::strtoul(said, nullptr, 10)) : std::random_device{}();
    }();
    std::mt19937 chance{seed};
    int kills = 0;       // that ended a life
    int progress = 0;    // of these, how many left more committed than there was

    killing() {
        std::ofstream in{folder / "in"};
        for (std::int64_t i = 0; i < size().records; ++i) in << i << '\n';
    }

    // The named points take turns with moments that nobody chose. Where a batch has two commits, the kills fall between them.
    end_of_life next() {
        auto const longest = static_cast<int>(size().records / size().batch) / size().kills;    // no life may see the end of the source
        end_of_life out{.batch = 1 + static_cast<int>(chance() % static_cast<unsigned>(longest))};
        switch (kills % 6) {
            case 1: out.where = run_point::after_read; break;
            case 2: out.where = run_point::after_process; break;
            case 3: out.where = run_point::before_commit, out.times = 2; break;
            case 4: out.where = run_point::after_commit, out.times = 1; break;
            default: out.nanoseconds = 1 + static_cast<long>(chance() % 600'000);    // a batch is over in about 300 us
        }
        return out;
    }

    count outcome_of(delivery which) {
        kill_again_and_again(which, check, plainly);
        return counted(folder.path());
    }
    template <class Flow, class Store>
    void kill_again_and_again(delivery which, Flow const& flow, Store const& store) {
        auto const at = [&] { return asked(folder.path(), "SELECT total(offset) FROM muster_offset"); };
        REQUIRE(in_child([&] {    // the tables are there from the begin
                    context cx;
                    return sqlite_journal<>::open(cx, folder / "journal.db", {}, store()) ? 0 : 1;
                }) == exits(0));
        while (kills < size().kills) {
            auto const before = at();
            auto end = next();
            if (which == delivery::exactly_once) end.times = 1;    // it has one commit
            auto const how = in_child([&] { return live(folder.path(), which, &end, flow, store); });
            INFO("MUSTER_TEST_SEED=" << seed << ", life " << kills);
            REQUIRE(how == dies_of(SIGKILL));
            ++kills;
            progress += at() > before;
        }
        REQUIRE(in_child([&] { return live(folder.path(), which, nullptr, flow, store); }) == exits(0));
        context cx;
        CHECK(sqlite_database::open(cx, folder / "journal.db").value().integrity_check(cx));
        CHECK(2 * progress > kills);    // else nothing was there to be lost
    }
};

}  // namespace

TEST_CASE("run: exactly once, whenever it is killed: nothing is missing, nothing is there twice", "[adapt][run][forks][kills][soak]") {
    killing test;
    INFO("MUSTER_TEST_SEED=" << test.seed);
    auto const found = test.outcome_of(delivery::exactly_once);
    CHECK(found == all_once());
    if (soak()) WARN("exactly once: " << test.kills << " kills, " << found.rows + found.dead << " of " << size().records << " records, " << found.duplicates()
                                      << " twice, " << found.missing() << " missing");
}

TEST_CASE("run: at least once, whenever it is killed: nothing is missing, and the count finds what is there twice", "[adapt][run][forks][kills][soak]") {
    killing test;
    INFO("MUSTER_TEST_SEED=" << test.seed);
    auto const found = test.outcome_of(delivery::at_least_once);
    CHECK(found.missing() == 0);
    CHECK(found.duplicates() > 0);
    CHECK(found.duplicates() <= test.kills * size().batch);    // no more than the batches in flight
    if (soak()) WARN("at least once: " << test.kills << " kills, " << found.duplicates() << " twice, " << found.missing() << " missing");
}

TEST_CASE("run: at most once, whenever it is killed: nothing is there twice, and the count finds what is missing", "[adapt][run][forks][kills][soak]") {
    killing test;
    INFO("MUSTER_TEST_SEED=" << test.seed);
    auto const found = test.outcome_of(delivery::at_most_once);
    CHECK(found.duplicates() == 0);
    CHECK(found.missing() > 0);
    CHECK(found.missing() <= test.kills * size().batch);
    if (soak()) WARN("at most once: " << test.kills << " kills, " << found.duplicates() << " twice, " << found.missing() << " missing");
}

TEST_CASE("run: what an operator remembers of each key survives any kill, and is of each record once", "[adapt][run][forks][kills][soak]") {
    killing test;
    INFO("MUSTER_TEST_SEED=" << test.seed);
    test.kill_again_and_again(delivery::exactly_once, counts, in_pairs);
    std::vector<std::int64_t> seen(kinds);
    std::int64_t rows = 0, wrong = 0;
    context cx;
    auto db = sqlite_database::open(cx, test.folder / "journal.db").value();
    auto all = db.prepare(cx, "SELECT number, other FROM seen ORDER BY rowid").value();
    all.each(cx, [&](sqlite_statement const& row) {
        ++rows;
        wrong += row.integer(1) != ++seen[static_cast<std::size_t>(row.integer(0) % kinds)];
    }).value();
    CHECK(rows == all_once().rows);
    CHECK(wrong == 0);
    CHECK(asked(test.folder.path(), "SELECT count(*) FROM muster_state") == kinds + 1);
    if (soak()) WARN("states by key: " << test.kills << " kills, " << rows << " records, " << wrong << " counted wrongly");
}

TEST_CASE("run: windows that are open at a kill are given once, with all that was in them", "[adapt][run][forks][kills][soak]") {
    killing test;
    INFO("MUSTER_TEST_SEED=" << test.seed);
    test.kill_again_and_again(delivery::exactly_once, sums, in_pairs);
    std::map<std::int64_t, std::int64_t> wanted, found;
    for (std::int64_t i = 0; i < size().records; ++i)
        if (!is_bad(i)) wanted[i / stretch * stretch] += i;
    context cx;
    auto db = sqlite_database::open(cx, test.folder / "journal.db").value();
    auto all = db.prepare(cx, "SELECT number, other FROM seen").value();
    all.each(cx, [&](sqlite_statement const& row) { found[row.integer(0)] += row.integer(1); }).value();
    CHECK(found == wanted);
    CHECK(asked(test.folder.path(), "SELECT count(*) FROM seen") == static_cast<std::int64_t>(wanted.size()));
    if (soak()) WARN("windows: " << test.kills << " kills, " << found.size() << " windows, " << (found == wanted ? "all right" : "WRONG"));
}

TEST_CASE("run: a process that hung while another took over writes nothing when it wakes", "[adapt][run][forks]") {
    for (auto const which : {delivery::exactly_once, delivery::at_least_once, delivery::at_most_once}) {
        killing test;
        auto hung = pipe_ends::open(), woken = pipe_ends::open();
        auto const child = ::fork();
        if (child == 0) {
            context cx;
            auto to = sqlite_journal<>::open(cx, test.folder / "journal.db", {}, plainly()).value();
            run_options options{.guarantee = which, .records = 100};
            int batches = 0;
            options.at = [&](run_point where, run_result const&) {
                char byte = 0;
                if (where != run_point::after_process || ++batches != 3) return;
                if (::write(hung.write.get(), &byte, 1) != 1 || ::read(woken.read.get(), &byte, 1) != 1) ::_exit(3);
            };
            auto const done = run(file_lines{test.folder / "in", {.name = "in"}}, check, to, options);
            ::_exit(!done && done.error().is(cause::rejected) ? 0 : 1);
        }
        char byte = 0;
        REQUIRE(::read(hung.read.get(), &byte, 1) == 1);
        CHECK(in_child([&] { return live(test.folder.path(), which, nullptr); }) == exits(0));
        REQUIRE(::write(woken.write.get(), &byte, 1) == 1);
        int status = 0;
        ::waitpid(child, &status, 0);
        CHECK(WIFEXITED(status));
        CHECK(WEXITSTATUS(status) == 0);
        if (which == delivery::at_most_once) CHECK(counted(test.folder.path()).missing() == 100);    // of the batch that hung
        else CHECK(counted(test.folder.path()) == all_once());
    }
}
