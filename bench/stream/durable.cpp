#include "durable.hpp"

#include <cstdio>         // stderr, remove
#include <cstdlib>        // exit
#include <fstream>        // lines
#include <string_view>    // a line

#include <sqlite3.h>    // the rival

#include <measure.hpp>

#include <muster/adapt/sqlite_journal.hpp>
#include <muster/flow/file_lines.hpp>
#include <muster/flow/run.hpp>

namespace bench::stream {

namespace {

void fresh(std::string const& database) {
    for (auto const* ending : {"", "-wal", "-shm"}) std::remove((database + ending).c_str());
}
void must(bool right, char const* what) {
    if (right) return;
    std::fprintf(stderr, "stream: %s\n", what);
    std::exit(1);
}

}  // namespace

void write_lines(std::string const& path, std::size_t lines) {
    std::ofstream out{path};
    for (std::size_t i = 0; i < lines; ++i) {
        auto number = std::to_string(i);
        number.insert(0, 10 - number.size(), '0');
        out << "record number " << number << " of many\n";
    }
}

double bare_sqlite(std::string const& lines, std::string const& database, std::size_t batch, bool power_safe) {
    fresh(database);
    sqlite3* db = nullptr;
    must(sqlite3_open(database.c_str(), &db) == SQLITE_OK, "SQLite cannot open a file");
    auto const say = [&](char const* what) { must(sqlite3_exec(db, what, nullptr, nullptr, nullptr) == SQLITE_OK, what); };
    say("PRAGMA journal_mode = WAL");
    say(power_safe ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
    say("PRAGMA wal_autocheckpoint = 4000");    // as the journal has it
    say("CREATE TABLE out(source INTEGER NOT NULL, partition INTEGER NOT NULL, offset INTEGER NOT NULL, part INTEGER NOT NULL, payload ANY, "
        "PRIMARY KEY(source, partition, offset, part)) STRICT, WITHOUT ROWID");
    say("CREATE TABLE reached(source INTEGER PRIMARY KEY, offset INTEGER)");
    auto const prepared = [&](char const* what) {
        sqlite3_stmt* made = nullptr;
        must(sqlite3_prepare_v3(db, what, -1, SQLITE_PREPARE_PERSISTENT, &made, nullptr) == SQLITE_OK, what);
        return made;
    };
    auto* const insert = prepared("INSERT INTO out VALUES(?, ?, ?, ?, ?)");
    auto* const move = prepared("INSERT INTO reached VALUES(1, ?) ON CONFLICT DO UPDATE SET offset = excluded.offset");
    auto* const begin = prepared("BEGIN IMMEDIATE");
    auto* const commit = prepared("COMMIT");
    auto const step = [](sqlite3_stmt* what) {
        must(sqlite3_step(what) == SQLITE_DONE, "a statement failed");
        sqlite3_reset(what);
    };
    std::size_t count = 0;
    auto const took = seconds([&] {
        std::ifstream in{lines};
        std::string line;
        std::int64_t offset = 0;
        auto const end_batch = [&] {
            sqlite3_bind_int64(move, 1, offset);
            step(move);
            step(commit);
        };
        while (std::getline(in, line)) {
            if (count % batch == 0) step(begin);
            sqlite3_bind_int64(insert, 1, 1);
            sqlite3_bind_int64(insert, 2, 0);
            sqlite3_bind_int64(insert, 3, offset);
            sqlite3_bind_int64(insert, 4, 0);
            sqlite3_bind_text(insert, 5, line.data(), static_cast<int>(line.size()), SQLITE_STATIC);
            step(insert);
            offset += static_cast<std::int64_t>(line.size()) + 1;
            if (++count % batch == 0) end_batch();
        }
        if (count % batch != 0) end_batch();
    });
    for (auto* const one : {insert, move, begin, commit}) sqlite3_finalize(one);
    sqlite3_close(db);
    return static_cast<double>(count) / took;
}

double durable_run(std::string const& lines, std::string const& database, std::size_t batch, bool power_safe) {
    fresh(database);
    muster::context cx;
    muster::file_lines from{lines};
    auto into = muster::sqlite_journal<>::open(cx, database, {.power_safe = power_safe});
    must(into.has_value(), "the journal cannot be opened");
    std::uint64_t count = 0;
    auto const took = seconds([&] {
        auto const done = muster::run(from, [](std::string_view line) { return line; }, *into, {.records = batch});
        must(done.has_value() && done->in == done->out, "the run failed");
        count = done->out;
    });
    return static_cast<double>(count) / took;
}

}  // namespace bench::stream
