#include <muster/adapt/sqlite_journal.hpp>

#include "catch.hpp"
#include "forked.hpp"
#include "temporary_folder.hpp"

#include <array>         // outputs
#include <cstddef>       // byte
#include <filesystem>    // permissions
#include <span>          // bytes
#include <string>        // records
#include <tuple>         // outputs
#include <vector>        // rows

#include <unistd.h>    // setuid

#include <muster/exec/thread_pool.hpp>    // thread_pool
#include <muster/flow/file_lines.hpp>     // file_lines
#include <muster/flow/run.hpp>            // run
#include <muster/policy/on.hpp>           // on

using namespace muster;
using namespace std::string_literals;

namespace {

template <class Store = sqlite_out_table>
sqlite_journal<Store> opened(std::string const& path, sqlite_options const& options = {}, Store into = {}) {
    context cx;
    return sqlite_journal<>::open(cx, path, options, std::move(into)).value();
}
failure refused(std::string const& path, sqlite_options const& options = {}) {
    context cx;
    return sqlite_journal<>::open(cx, path, options).error();
}

template <class Journal>
std::int64_t rows(Journal& of) {
    context cx;
    return of.database().integer(cx, "SELECT count(*) FROM out").value();
}

std::string lines(int n, std::string const& more = {}) {
    std::string out;
    for (int i = 0; i < n; ++i) out += std::to_string(i) + more + '\n';
    return out;
}

auto const whole = [](std::string_view line) { return line; };

}  // namespace

TEST_CASE("sqlite_journal: output, dead letters and offset are there together", "[adapt][sqlite_journal]") {
    temporary_folder const folder;
    auto const in = folder.put("in", lines(100));
    auto to = opened(folder / "a.db");
    thread_pool pool{{.workers = 2}};
    auto const flow = on{pool} | [](std::string_view line) -> outcome<int> {
        auto const number = std::stoi(std::string{line});
        if (number % 10 == 3) return failure{cause::invalid_input, "it ends with 3"};
        return 2 * number;
    };
    auto const done = run(file_lines{in}, flow, to, {.records = 7}).value();
    CHECK(done.in == 100);
    CHECK(done.out == 90);
    CHECK(done.dead == 10);
    CHECK(done.commits == 15);

    context cx;
    CHECK(rows(to) == 90);
    CHECK(to.database().integer(cx, "SELECT sum(payload) FROM out") == 2 * (4'950 - 480));
    std::vector<std::string> dead;
    to.dead().each(cx, [&](dead_letter_table::row const& each) {
        dead.push_back(each.record.item<std::string>().value());
        CHECK(each.record.source == in);
    }).value();
    CHECK(dead == std::vector{"3"s, "13"s, "23"s, "33"s, "43"s, "53"s, "63"s, "73"s, "83"s, "93"s});

    // Another process, another day.
    auto again = opened(folder / "a.db");
    auto const more = run(file_lines{in}, flow, again).value();
    CHECK(more.in == 0);
    CHECK(more.epoch == 2);
    CHECK(more.resumed == done.reached);
    CHECK(rows(again) == 90);
    CHECK(again.database().integrity_check(cx));
}

TEST_CASE("sqlite_journal: outputs of every kind are kept by their origin, and the same again replaces itself", "[adapt][sqlite_journal]") {
    temporary_folder const folder;
    context cx;
    auto to = opened(folder / "a.db");
    auto const epoch = to.begin(cx, "s", 2).value().epoch;
    auto const put = [&](auto value, std::uint64_t offset, std::uint64_t part) {
        std::array const outputs{journal_output<decltype(value)>{{.source = "s", .partition = 1, .offset = offset, .part = part, .epoch = epoch}, value}};
        to.commit(cx, journal_entry<decltype(value)>{.source = "s", .partition = 1, .epoch = epoch, .outputs = outputs}).value();
    };
    put("text"s, 1, 0);
    put("\0\xff"s, 1, 1);
    put(-7, 2, 0);
    put(1.5, 3, 0);
    put(true, 4, 0);
    put(std::tuple{1, "two"s}, 5, 0);
    put("other"s, 1, 0);
    CHECK(rows(to) == 6);
    std::string types;
    auto all = to.database().prepare(cx, "SELECT typeof(payload), payload FROM out ORDER BY partition, offset, part").value();
    all.each(cx, [&](sqlite_statement const& row) { types += std::string{row.text(0)} + ' '; }).value();
    CHECK(types == "text blob integer real integer blob ");
    CHECK(to.database().integer(cx, "SELECT payload = 'other' FROM out WHERE offset = 1 AND part = 0") == 1);
}

TEST_CASE("sqlite_journal: outputs go where the store says, in the same transaction", "[adapt][sqlite_journal]") {
    temporary_folder const folder;
    auto const in = folder.put("in", lines(1'000));
    sqlite_store into{"CREATE TABLE IF NOT EXISTS total(last_digit INTEGER PRIMARY KEY, count INTEGER)",
                            "INSERT INTO total VALUES (?, 1) ON CONFLICT DO UPDATE SET count = count + 1",
                            [](auto const& row, int digit, origin const&) { return row(digit); }};
    auto to = opened(folder / "a.db", {}, std::move(into));
    auto const flow = [](std::string_view line) -> outcome<int> { return line.back() - '0'; };
    CHECK(run(file_lines{in}, flow, to).value().out == 1'000);
    context cx;
    CHECK(to.database().integer(cx, "SELECT count(*) FROM total WHERE count = 100") == 10);
}

TEST_CASE("sqlite_journal: a value that the store refuses fails its batch as a whole", "[adapt][sqlite_journal]") {
    temporary_folder const folder;
    auto const in = folder.put("in", lines(10));
    sqlite_store into{"CREATE TABLE IF NOT EXISTS t(n INTEGER CHECK (n <> 7))", "INSERT INTO t VALUES (?)",
                            [](auto const& row, int number, origin const&) { return row(number); }};
    auto to = opened(folder / "a.db", {}, std::move(into));
    auto const number = [](std::string_view line) { return std::stoi(std::string{line}); };
    auto const done = run(file_lines{in}, number, to, {.records = 3});
    CHECK(done.error().text().find("CHECK constraint failed") != std::string::npos);
    context cx;
    CHECK(to.database().integer(cx, "SELECT count(*) FROM t") == 6);
    CHECK(to.database().integer(cx, "SELECT offset FROM muster_offset") == 12);
}

TEST_CASE("sqlite_journal: a run of an older epoch writes nothing, whatever its entry holds", "[adapt][sqlite_journal]") {
    temporary_folder const folder;
    context cx;
    auto old = opened(folder / "a.db"), fresh = opened(folder / "a.db");
    auto const first = old.begin(cx, "s", 1).value().epoch;
    auto const second = fresh.begin(cx, "s", 1).value().epoch;
    CHECK(second == first + 1);
    std::array const outputs{journal_output<int>{{.source = "s"}, 1}};
    std::array const dead{dead_letter::of(failure{cause::timed_out, ""}, 1, {})};
    source_position const next{5, ""};
    for (auto const& each : {journal_entry<int>{.source = "s", .epoch = first, .outputs = outputs},
                             journal_entry<int>{.source = "s", .epoch = first, .dead = dead},
                             journal_entry<int>{.source = "s", .epoch = first, .next = &next},
                             journal_entry<int>{.source = "s", .epoch = first, .outputs = outputs, .dead = dead, .next = &next}}) {
        auto const done = old.commit(cx, each);
        CHECK(done.error().is(cause::rejected));
        CHECK(done.error().text() == "nothing was written to " + folder / "a.db" + ": another run of \"s\" has taken over, of epoch 2, and this one is of 1");
    }
    CHECK(rows(fresh) == 0);
    CHECK(fresh.database().integer(cx, "SELECT count(*) FROM dead_letter") == 0);
    CHECK(fresh.database().integer(cx, "SELECT total(offset) FROM muster_offset") == 0);
    // It is about this source alone.
    CHECK(old.begin(cx, "other", 1).value().epoch == 1);
    CHECK(fresh.commit(cx, journal_entry<int>{.source = "s", .epoch = second, .next = &next}));
    CHECK(fresh.begin(cx, "s", 1).value().positions.at(0) == next);
}

TEST_CASE("sqlite_journal: what operators remember is given back to the next run of its source, but for what is forgotten", "[adapt][sqlite_journal]") {
    temporary_folder const folder;
    context cx;
    auto const bytes = [](std::string_view text) { return std::vector<std::byte>{std::as_bytes(std::span{text}).begin(), std::as_bytes(std::span{text}).end()}; };
    using states = std::vector<journal_state>;
    auto to = opened(folder / "a.db");
    auto const commit = [&](states const& all) {
        auto const start = to.begin(cx, "s", 1).value();
        to.commit(cx, journal_entry<no_output>{.source = "s", .epoch = start.epoch, .states = all}).value();
        return opened(folder / "a.db").begin(cx, "s", 1).value().states;
    };
    states const first{{0, 7, {}, bytes("two keys")}, {0, 7, bytes("a"), bytes("\0 1")}, {0, 7, bytes("b"), bytes("")}, {1, ~std::uint64_t{0}, {}, bytes("whole")}};
    CHECK(commit(first) == first);
    CHECK(commit({{0, 7, bytes("a"), std::nullopt}, {1, 8, {}, bytes("another")}}) == states{first[0], first[2], {1, 8, {}, bytes("another")}});
    CHECK(to.begin(cx, "other", 1).value().states.empty());
    // The states of a run that was taken over are not written.
    auto const old = to.begin(cx, "s", 1).value().epoch;
    auto fresh = opened(folder / "a.db");
    auto const before = fresh.begin(cx, "s", 1).value().states;
    CHECK(to.commit(cx, journal_entry<no_output>{.source = "s", .epoch = old, .states = first}).error().is(cause::rejected));
    CHECK(fresh.begin(cx, "s", 1).value().states == before);
}

TEST_CASE("sqlite_journal: sources share a file, and one that has fewer partitions than it had is refused", "[adapt][sqlite_journal]") {
    temporary_folder const folder;
    context cx;
    auto to = opened(folder / "a.db");
    REQUIRE(run(file_lines{folder.put("one", lines(10)), {.name = "one"}}, whole, to));
    REQUIRE(run(file_lines{folder.put("two", lines(5)), {.name = "two"}}, whole, to));
    CHECK(rows(to) == 15);
    CHECK(to.begin(cx, "one", 3).value().positions.at(0).offset == 20);
    CHECK(to.begin(cx, "one", 3).value().positions.at(2) == source_position{});
    CHECK(to.begin(cx, "one", 0).error().is(cause::invalid_input));
    CHECK(to.begin(cx, "one", 1).value().epoch == 4);    // a refused one has not taken over
}

TEST_CASE("sqlite_journal: a full disk ends the run, and it goes on when there is room", "[adapt][sqlite_journal]") {
    temporary_folder const folder;
    auto const in = folder.put("in", lines(2'000, std::string(100, 'x')));
    context cx;
    {
        auto to = opened(folder / "a.db", {.largest_file = 100'000});
        auto const done = run(file_lines{in}, whole, to, {.records = 100});
        CHECK(done.error().is(cause::exhausted));
        auto const kept = rows(to);
        CHECK(kept > 0);
        CHECK(kept % 100 == 0);
        CHECK(to.database().integer(cx, "SELECT offset = (SELECT max(offset) + length(payload) + 1 FROM out) FROM muster_offset") == 1);
    }
    auto to = opened(folder / "a.db");
    CHECK(run(file_lines{in}, whole, to, {.records = 100}));
    CHECK(rows(to) == 2'000);
}

TEST_CASE("sqlite_journal: a file that is corrupt, of another version, or not to be written is refused and stays as it was", "[adapt][sqlite_journal]") {
    temporary_folder const folder;
    context cx;
    auto const in = folder.put("in", lines(5'000, std::string(50, 'x')));

    CHECK(refused(folder.put("text.db", lines(1'000))).is(cause::invalid_input));
    CHECK(temporary_folder::read(folder / "text.db") == lines(1'000));
    CHECK(refused(folder / "none/a.db").is(cause::unavailable));

    {
        auto to = opened(folder / "later.db");
        to.database().execute(cx, "UPDATE muster_journal SET version = 3").value();
    }
    CHECK(refused(folder / "later.db").text() ==
          folder / "later.db" + " is a journal of version 3, and this program knows 2: it was written by another version of muster");

    // Pages of the middle are overwritten: nothing is written to such a file.
    {
        auto to = opened(folder / "bad.db", {.write_ahead = false});
        REQUIRE(run(file_lines{in}, whole, to));
    }
    auto bytes = temporary_folder::read(folder / "bad.db");
    for (std::size_t i = 4'096; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7);
    folder.put("bad.db", bytes);
    CHECK(refused(folder / "bad.db", {.write_ahead = false}).is(cause::invalid_input));
    CHECK(temporary_folder::read(folder / "bad.db") == bytes);
}

TEST_CASE("sqlite_journal: where it may only be read, the failure says so", "[adapt][sqlite_journal]") {
    temporary_folder const folder;
    auto const path = folder / "a.db";
    (void)opened(path);
    auto const said = refused(path, {.read_only = true});
    INFO(said.text());
    CHECK(said.is(cause::invalid_input));    // SQLITE_READONLY
    CHECK(said.text().find("readonly") != std::string::npos);
}

TEST_CASE("sqlite_journal: in a folder that may only be read it begins nothing", "[adapt][sqlite_journal][forks]") {
    temporary_folder const folder;
    auto const path = folder / "a.db";
    auto const in = folder.put("in", lines(10));
    (void)opened(path);
    std::filesystem::permissions(folder.path(), std::filesystem::perms{0555});
    CHECK(in_child([&] {
              if (::geteuid() == 0 && ::setuid(65'534) != 0) return 1;    // nobody forbids root to write
              auto const fresh = refused(folder / "b.db");
              if (!fresh.is(cause::unavailable) || fresh.text().find("b.db") == std::string::npos) return 2;
              auto const there = refused(path);
              return there.is(cause::unavailable) || there.is(cause::invalid_input) ? 0 : 3;
          }) == exits(0));
    std::filesystem::permissions(folder.path(), std::filesystem::perms{0755});
    auto to = opened(path);
    CHECK(run(file_lines{in}, whole, to).value().resumed == std::vector<std::uint64_t>{0});
}

TEST_CASE("sqlite_journal: a journal that a lock keeps out waits, and then says so", "[adapt][sqlite_journal]") {
    temporary_folder const folder;
    auto const in = folder.put("in", lines(10));
    auto to = opened(folder / "a.db", {.busy_timeout = std::chrono::milliseconds{5}});
    context cx;
    auto other = sqlite_database::open(cx, folder / "a.db").value();
    {
        auto const held = other.begin(cx).value();
        CHECK(run(file_lines{in}, whole, to).error().is(cause::timed_out));
    }
    CHECK(run(file_lines{in}, whole, to).value().in == 10);
    CHECK(rows(to) == 10);
}
