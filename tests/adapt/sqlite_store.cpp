#include <muster/adapt/sqlite_store.hpp>

#include "catch.hpp"
#include "temporary_folder.hpp"

#include <string>    // outputs

using namespace muster;

namespace {

auto summing() {
    return sqlite_store{"CREATE TABLE IF NOT EXISTS total(name TEXT PRIMARY KEY, sum INTEGER NOT NULL) STRICT",
                        "INSERT INTO total VALUES (?, ?) ON CONFLICT DO UPDATE SET sum = sum + excluded.sum",
                        [](auto const& row, int value, origin const& from) -> outcome<void> {
                            if (value < 0) return {};
                            return row(std::string{from.source}, value);
                        }};
}

}  // namespace

static_assert(sqlite_store_for<decltype(summing()), int>);
static_assert(!sqlite_store_for<int, int>);

TEST_CASE("sqlite_store: each output is one run of the statement, or none", "[adapt][sqlite_store]") {
    temporary_folder const folder;
    context cx;
    auto db = sqlite_database::open(cx, folder / "a.db").value();
    auto into = summing();
    into.prepare(cx, db).value();
    for (int const each : {1, 2, -5, 4}) into.put(cx, each, {.source = "in"}).value();
    CHECK(db.integer(cx, "SELECT sum FROM total WHERE name = 'in'") == 7);
}

TEST_CASE("sqlite_store: a statement that does not fit its tables is refused when it is prepared", "[adapt][sqlite_store]") {
    temporary_folder const folder;
    context cx;
    auto db = sqlite_database::open(cx, folder / "a.db").value();
    sqlite_store into{"CREATE TABLE t(a)", "INSERT INTO other VALUES (?)", [](auto const& row, int value, origin const&) { return row(value); }};
    CHECK(into.prepare(cx, db).error().text().find("no such table: other") != std::string::npos);
}
