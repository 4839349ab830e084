#include <muster/adapt/dead_letter_table.hpp>

#include "catch.hpp"
#include "temporary_folder.hpp"

#include <string>    // payloads
#include <vector>    // records

#include <muster/adapt/transactional.hpp>    // in_transaction

using namespace muster;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

constexpr std::chrono::system_clock::time_point when{1'700'000'000'123'456us};

std::vector<dead_letter_table::row> all(dead_letter_table& of, std::int64_t after = 0) {
    context cx;
    std::vector<dead_letter_table::row> out;
    of.each(cx, [&](dead_letter_table::row each) { out.push_back(std::move(each)); }, after).value();
    return out;
}

}  // namespace

TEST_CASE("dead_letter_table: all that a record holds comes back from its row", "[adapt][dead_letter_table]") {
    temporary_folder const folder;
    context cx;
    auto db = sqlite_database::open(cx, folder / "a.db").value();
    auto dead = dead_letter_table::make(cx, db).value();
    failure what{cause::timed_out, "no answer \0 within 2 s"s};
    std::vector<std::size_t> const path{4, 0, 12};
    what.stamp("fetch", path, 3);
    origin const from{.source = "in\xff", .partition = 1, .offset = 1ULL << 62, .part = 2, .epoch = 3};
    std::vector<dead_letter> const records{dead_letter::of(what, when), dead_letter::of(what, "text"s, when, from),
                                           dead_letter::of(what, "\0\xff"s, when - 60 * 365 * 24h, from), dead_letter::of(what, std::vector{1.5}, when),
                                           dead_letter::of(failure{{-7, std::system_category()}, ""}, ""s, when)};
    for (auto const& each : records) dead.put(cx, each).value();
    auto const rows = all(dead);
    REQUIRE(rows.size() == records.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        INFO(i);
        CHECK(rows[i].record == records[i]);
        CHECK(rows[i].id == static_cast<std::int64_t>(i) + 1);
    }
    CHECK(rows[3].record.item<std::vector<double>>() == std::vector{1.5});
    CHECK(all(dead, 3).size() == 2);
}

TEST_CASE("dead_letter_table: it is part of somebody's transaction, and gone with it", "[adapt][dead_letter_table]") {
    temporary_folder const folder;
    context cx;
    auto db = sqlite_database::open(cx, folder / "a.db").value();
    auto dead = dead_letter_table::make(cx, db).value();
    failure const what{cause::timed_out, ""};
    auto const both = [&](bool good) {
        return in_transaction(cx, db, [&]() -> outcome<void> {
            if (auto put = dead.put(cx, dead_letter::of(what, "item"s, when)); !put) return put;
            return good ? outcome<void>{} : what;
        });
    };
    CHECK_FALSE(both(false));
    CHECK(all(dead).empty());
    CHECK(both(true));
    CHECK(all(dead).size() == 1);
}

TEST_CASE("dead_letter_table: what was replayed is noted", "[adapt][dead_letter_table]") {
    temporary_folder const folder;
    context cx;
    auto db = sqlite_database::open(cx, folder / "a.db").value();
    auto dead = dead_letter_table::make(cx, db).value();
    for (int i = 0; i < 3; ++i) dead.put(cx, dead_letter::of(failure{cause::timed_out, ""}, i, when)).value();
    CHECK(dead.done(cx, 2));
    CHECK(dead.done(cx, 4).error().is(cause::invalid_input));
    auto const rows = all(dead);
    CHECK_FALSE(rows[0].replayed);
    CHECK(rows[1].replayed);
    CHECK_FALSE(rows[2].replayed);
    int seen = 0;
    dead.each(cx, [&](dead_letter_table::row const&) { return ++seen < 2; }).value();    // left early
    CHECK(seen == 2);
}

TEST_CASE("dead_letter_table: a flow gets the items again, and those that it can do now are done with", "[adapt][dead_letter_table]") {
    temporary_folder const folder;
    context cx;
    auto db = sqlite_database::open(cx, folder / "a.db").value();
    auto dead = dead_letter_table::make(cx, db).value();
    failure const what{cause::timed_out, ""};
    for (int i = 0; i < 250; ++i) dead.put(cx, dead_letter::of(i % 2 == 0 ? what : failure{cause::invalid_input, ""}, i, when)).value();
    dead.put(cx, dead_letter::of(what, "no number"s, when)).value();
    kept_lines told;
    std::vector<int> given;
    auto const flow = [&](int item) -> outcome<int> {
        given.push_back(item);
        if (item % 10 != 0) return item;
        dead.put(cx, dead_letter::of(what, item, when)).value();    // for the next time
        return what;
    };
    replay_filter const which{.kind = cause::timed_out, .complaints = told};
    CHECK(dead.replay<int>(cx, which, flow) == 100u);
    CHECK(given.size() == 125);
    CHECK(told.contains("dead letter 251: "));
    CHECK(told.lines().size() == 1);
    given.clear();
    CHECK(dead.replay<int>(cx, which, [&](int item) { given.push_back(item); }) == 50u);    // those that failed, and what they left
    CHECK(dead.replay<int>(cx, which, flow) == 0u);
    CHECK(dead.replay<int>(cx, {.again = true}, [](int) {}) == 275u);
}

TEST_CASE("dead_letter_table: a table that was made before records had a trace is read, and given a column for it where it may be written",
          "[adapt][dead_letter_table]") {
    temporary_folder const folder;
    context cx;
    auto const path = folder / "a.db";
    auto const record = dead_letter::of(failure{cause::timed_out, ""}, "item"s, when, {.source = "in", .offset = 7});
    {
        auto db = sqlite_database::open(cx, path).value();
        auto dead = dead_letter_table::make(cx, db).value();
        dead.put(cx, record).value();
    }
    sqlite_database::open(cx, path).value().execute(cx, "ALTER TABLE dead_letter DROP COLUMN trace").value();
    auto without = record;
    without.trace.clear();
    {
        auto db = sqlite_database::open(cx, path, {.create = false, .read_only = true}).value();
        auto dead = dead_letter_table::make(cx, db).value();
        auto const rows = all(dead);
        REQUIRE(rows.size() == 1);
        CHECK(rows[0].record == without);
        auto const refused = dead.put(cx, record);
        CHECK(refused.error().text().find("readonly") != std::string::npos);
    }
    auto db = sqlite_database::open(cx, path).value();
    auto dead = dead_letter_table::make(cx, db).value();
    dead.put(cx, record).value();
    auto const rows = all(dead);
    REQUIRE(rows.size() == 2);
    CHECK(rows[0].record == without);
    CHECK(rows[1].record == record);
}

TEST_CASE("dead_letter_table: rows that others wrote cannot harm, and a table of another shape is refused", "[adapt][dead_letter_table]") {
    temporary_folder const folder;
    context cx;
    auto db = sqlite_database::open(cx, folder / "a.db").value();
    auto dead = dead_letter_table::make(cx, db).value();
    db.execute(cx, "INSERT INTO dead_letter(at, path, attempts, cause, category, code, text, form, whole) "
                   "VALUES (9223372036854775807, '..x.99999999999999999999999', -1, 99, 7, 1, x'ff', 77, -1)").value();
    auto const rows = all(dead);
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].record.form == payload_form::none);
    CHECK_FALSE(rows[0].record.kind);

    auto other = sqlite_database::open(cx, folder / "b.db").value();
    other.execute(cx, "CREATE TABLE dead_letter(id INTEGER PRIMARY KEY)").value();
    auto const refused = dead_letter_table::make(cx, other);
    CHECK(refused.error().is(cause::invalid_input));
    CHECK(refused.error().text().find("of another shape") != std::string::npos);
}
