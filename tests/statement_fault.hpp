// Interrupts one statement of SQLite, the nth that begins on any connection that was opened while this lives.
#pragma once

#include <atomic>         // counts
#include <string_view>    // statements

#include <sqlite3.h>    // sqlite3_auto_extension

class statement_fault {
public:
    statement_fault() { sqlite3_auto_extension(reinterpret_cast<void (*)()>(&hook)); }
    statement_fault(statement_fault const&) = delete;
    ~statement_fault() { sqlite3_cancel_auto_extension(reinterpret_cast<void (*)()>(&hook)); }

    static void set(long at) {
        armed = at;
        seen = 0;
    }
    static inline std::atomic<long> seen{0}, armed{-1};

private:
    static int hook(sqlite3* db, char**, sqlite3_api_routines const*) {
        sqlite3_trace_v2(db, SQLITE_TRACE_STMT, [](unsigned, void*, void*, void* text) {
            // The end of a transaction is interrupted behind its deed: that is what faulty_files is for.
            std::string_view const sql = static_cast<char const*>(text);
            counts = !sql.starts_with("COMMIT") && !sql.starts_with("ROLLBACK");
            if (counts) ++seen;
            return 0;
        }, nullptr);
        sqlite3_progress_handler(db, 1, [](void*) { return counts && seen == armed ? 1 : 0; }, nullptr);
        return SQLITE_OK;
    }
    static inline std::atomic<bool> counts{false};
};
