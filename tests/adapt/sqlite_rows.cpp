#include <muster/adapt/sqlite_rows.hpp>

#include "catch.hpp"
#include "flow/memory_journal.hpp"
#include "temporary_folder.hpp"

#include <string>    // values
#include <vector>    // values

#include <muster/flow/run.hpp>               // run
#include <muster/testing/manual_time.hpp>    // manual_time

using namespace muster;
using namespace std::string_literals;
using muster::testing::manual_time;

namespace {

auto const text_of = [](sqlite_statement const& row) { return std::string{row.text(1)}; };
auto rows_of(sqlite_database& db, sqlite_rows_options options = {}) {
    return sqlite_rows{db, "SELECT id, text FROM t WHERE id >= ? ORDER BY id LIMIT ?", "SELECT max(id) FROM t", text_of, std::move(options)};
}
auto const same = [](std::string const& text) { return text; };

struct fixture {
    temporary_folder const folder;
    context cx;
    sqlite_database db = sqlite_database::open(cx, folder / "a.db").value();
    sqlite_statement add = [&] {
        db.execute(cx, "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, text ANY) STRICT").value();
        return db.prepare(cx, "INSERT INTO t(text) VALUES (?)").value();
    }();
    memory_journal<std::string> to;
};

}  // namespace

static_assert(record_source<decltype(rows_of(std::declval<sqlite_database&>()))>);

TEST_CASE("sqlite_rows: each row is a record by its number, and the next run begins behind the last", "[adapt][sqlite_rows]") {
    fixture at;
    for (auto const* each : {"one", "two", "three"}) at.add.run(at.cx, each).value();
    at.db.execute(at.cx, "DELETE FROM t WHERE id = 2").value();
    CHECK(run(rows_of(at.db), same, at.to, {.records = 1}).value().in == 2);
    CHECK(at.to.values() == std::vector{"one"s, "three"s});
    CHECK(at.to.outputs.at(1).from.offset == 3);
    at.add.run(at.cx, "four").value();
    auto const more = run(rows_of(at.db), same, at.to).value();
    CHECK(more.resumed == std::vector<std::uint64_t>{4});
    CHECK(more.in == 1);
    CHECK(at.to.values().back() == "four");
    CHECK(run(rows_of(at.db), same, at.to).value().in == 0);
}

TEST_CASE("sqlite_rows: a table that rows come into is waited for", "[adapt][sqlite_rows]") {
    fixture at;
    at.add.run(at.cx, "one").value();
    std::stop_source stop;
    manual_time time{manual_time::jumping};
    context cx{stop.get_token(), time};
    run_options options;
    options.at = [&](run_point where, run_result const& so_far) {
        if (where != run_point::after_commit) return;
        if (so_far.commits == 3) stop.request_stop();
        else at.add.run(at.cx, "more").value();
    };
    CHECK(run(rows_of(at.db, {.follow = true}), same, at.to, options, cx).value().stopped);
    CHECK(at.to.values() == std::vector{"one"s, "more"s, "more"s});
}

TEST_CASE("sqlite_rows: rows that are gone, or that come out of order, are a failure", "[adapt][sqlite_rows]") {
    fixture at;
    for (auto const* each : {"one", "two", "three"}) at.add.run(at.cx, each).value();
    REQUIRE(run(rows_of(at.db), same, at.to));
    at.db.execute(at.cx, "DELETE FROM t WHERE id > 1").value();
    auto const said = run(rows_of(at.db), same, at.to);
    CHECK(said.error().is(cause::invalid_input));
    CHECK(said.error().text() ==
          "the rows of " + at.folder / "a.db" + " end at 1, and are fewer than the offset 4 that was committed: they were deleted or replaced");

    at.add.run(at.cx, "four").value();
    sqlite_rows backwards{at.db, "SELECT id, text FROM t WHERE id >= ? ORDER BY id DESC LIMIT ?", "SELECT max(id) FROM t", text_of, {.name = "b"}};
    CHECK(run(backwards, same, at.to).error().text().find("a row of b has number 1 where 5 or a higher one") != std::string::npos);
    sqlite_rows none{at.db, "SELECT id FROM other WHERE id >= ? LIMIT ?", "SELECT 1", text_of, {.name = "c"}};
    CHECK(run(none, same, at.to).error().text().find("no such table: other") != std::string::npos);
}

TEST_CASE("sqlite_rows: rows that were replaced by others are a failure, unless rows may change", "[adapt][sqlite_rows]") {
    fixture at;
    for (auto const* each : {"one", "two", "three"}) at.add.run(at.cx, each).value();
    REQUIRE(run(rows_of(at.db), same, at.to, {.records = 2}));
    at.db.execute(at.cx, "DELETE FROM t WHERE id = 2; UPDATE t SET text = 'first' WHERE id = 1").value();    // rows that were read may go
    CHECK(run(rows_of(at.db), same, at.to).value().in == 0);
    at.db.execute(at.cx, "UPDATE t SET text = 'another' WHERE id = 3; INSERT INTO t(text) VALUES ('four')").value();
    auto const said = run(rows_of(at.db), same, at.to);
    CHECK(said.error().is(cause::invalid_input));
    CHECK(said.error().text().find("row 3 of " + at.folder / "a.db" + " is not the one that was read: the rows were replaced") == 0);
    CHECK(run(rows_of(at.db, {.compare = false}), same, at.to).value().in == 1);
    CHECK(at.to.values() == std::vector{"one"s, "two"s, "three"s, "four"s});
    at.db.execute(at.cx, "DELETE FROM t WHERE id = 4; INSERT INTO t(id, text) VALUES (5, 'five')").value();    // the last one is gone: nobody knows
    CHECK(run(rows_of(at.db), same, at.to).value().in == 1);
}

TEST_CASE("sqlite_rows: a table that is emptied while it is followed is a failure, and no endless wait", "[adapt][sqlite_rows]") {
    fixture at;
    for (auto const* each : {"one", "two", "three"}) at.add.run(at.cx, each).value();
    manual_time time{manual_time::jumping};
    context cx{time};
    run_options options;
    options.at = [&](run_point where, run_result const&) {
        if (where == run_point::after_commit) at.db.execute(at.cx, "DELETE FROM t").value();
    };
    CHECK(run(rows_of(at.db, {.follow = true}), same, at.to, options, cx).error().is(cause::invalid_input));
    CHECK(at.to.values().size() == 3);
}
