#include <muster/adapt/sqlite_error.hpp>

#include "catch.hpp"

#include <string>

using namespace muster;

TEST_CASE("sqlite_error: a code of SQLite amounts to a cause, extended or not", "[adapt][sqlite]") {
    auto const of = [](int code) { return failure{std::error_code{code, sqlite_category()}, "tried"}; };
    CHECK(of(SQLITE_BUSY).is(cause::unavailable));
    CHECK(of(SQLITE_BUSY_SNAPSHOT).is(cause::unavailable));
    CHECK(of(SQLITE_LOCKED).is(cause::unavailable));
    CHECK(of(SQLITE_IOERR_WRITE).is(cause::unavailable));
    CHECK(of(SQLITE_FULL).is(cause::exhausted));
    CHECK(of(SQLITE_NOMEM).is(cause::out_of_memory));
    CHECK(of(SQLITE_INTERRUPT).is(cause::cancelled));
    CHECK(of(SQLITE_CONSTRAINT_UNIQUE).is(cause::invalid_input));
    CHECK(of(SQLITE_CORRUPT).is(cause::invalid_input));
    CHECK(of(SQLITE_NOTADB).is(cause::invalid_input));
    CHECK(of(SQLITE_READONLY).is(cause::invalid_input));
    CHECK(to_string(of(SQLITE_FULL)) == "database or disk is full: tried");
}

TEST_CASE("sqlite_error: its codes come out of another process as they were", "[adapt][sqlite]") {
    CHECK(travelling_category::named("sqlite") == &sqlite_category());
}
