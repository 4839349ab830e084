#pragma once

#include <string>          // message
#include <system_error>    // error_code

#include <sqlite3.h>    // SQLITE_BUSY, sqlite3_errstr

#include <muster/core/failure.hpp>                // cause, make_error_code
#include <muster/core/travelling_category.hpp>    // travelling_category

namespace muster {

/// The cause that a result code of SQLite amounts to, extended or not.
///
/// unavailable: locked by another, not to be opened, or the disk fails. exhausted: the disk is full, or the file at its bound.
/// invalid_input: what was asked cannot be done however often: a constraint, a wrong statement, a file that is corrupt, no database, or
/// read-only.
[[nodiscard]] inline cause sqlite_cause(int code) noexcept {
    switch (code & 0xff) {    // the low byte of an extended code is its kind
        case SQLITE_FULL: return cause::exhausted;
        case SQLITE_NOMEM: return cause::out_of_memory;
        case SQLITE_INTERRUPT:
        case SQLITE_ABORT: return cause::cancelled;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
        case SQLITE_CANTOPEN:
        case SQLITE_PERM:
        case SQLITE_IOERR:
        case SQLITE_PROTOCOL:
        case SQLITE_SCHEMA: return cause::unavailable;
        default: return cause::invalid_input;
    }
}

/// The category of SQLite's extended result codes; its name is "sqlite". `failure::is` answers for the cause behind each.
[[nodiscard]] inline std::error_category const& sqlite_category() noexcept {
    class category final : public std::error_category {
        char const* name() const noexcept override { return "sqlite"; }
        std::string message(int value) const override { return sqlite3_errstr(value); }
        std::error_condition default_error_condition(int value) const noexcept override {
            return make_error_code(sqlite_cause(value)).default_error_condition();
        }
    };
    static category const instance;
    return instance;
}

inline travelling_category const sqlite_errors_travel{sqlite_category()};

}  // namespace muster
