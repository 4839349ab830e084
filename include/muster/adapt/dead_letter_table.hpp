#pragma once

#include <algorithm>      // clamp
#include <chrono>         // microseconds
#include <cstddef>        // size_t
#include <cstdint>        // int64_t
#include <limits>         // the range of the clock
#include <optional>       // what is not known
#include <string>         // texts
#include <string_view>    // texts
#include <utility>        // move
#include <vector>         // paths

#include <muster/adapt/sqlite.hpp>         // sqlite_database
#include <muster/core/concepts.hpp>        // task_for
#include <muster/core/context.hpp>         // context
#include <muster/core/failure.hpp>         // cause, failure
#include <muster/core/invoke_task.hpp>     // invoke_task
#include <muster/core/outcome.hpp>         // outcome
#include <muster/flow/dead_letter.hpp>     // dead_letter
#include <muster/flow/replay.hpp>          // replay_filter

namespace muster {

/// Dead letters as rows of a table `dead_letter`, in whatever transaction is open on its connection.
///
///     auto dead = dead_letter_table::make(cx, db).value();
///     in_transaction(cx, db, [&] { ...; return dead.put(cx, record); });
///
/// Shape      a column for each member of the record; `at` is microseconds since 1970, `path` positions with dots between, `replayed` null until
///            `done` was said. `id` counts up. A table that was made before there was a column `trace` is given it.
/// Fails      as sqlite_statement; `make` with invalid_input where the table is of another shape.
/// Threads    one at a time, as the connection.
/// Lifetime   of the database, which may move.
class dead_letter_table {
public:
    /// A record and its number.
    struct row {
        std::int64_t id = 0;
        dead_letter record{};
        bool replayed = false;
    };

    /// Makes the table where there is none. One without `trace` that may only be read stays so, and its letters have none.
    [[nodiscard]] static outcome<dead_letter_table> make(context& cx, sqlite_database& in);

    outcome<void> put(context& cx, dead_letter const& what);
    /// Calls `f(row)` for each, oldest first, behind number `after`; `f` answers void, or false to leave.
    template <class F>
    outcome<void> each(context& cx, F const& f, std::int64_t after = 0);
    /// Gives the items that `which` takes to a flow again, oldest first, to where the table ends now, and notes those that it has a value for. Answers
    /// how many; an item that is no T is told to `which.complaints`.
    template <class T, class Task>
    outcome<std::uint64_t> replay(context& cx, replay_filter const& which, Task const& flow);
    /// Notes that this one needs no replay any more; fails with invalid_input where there is no such.
    outcome<void> done(context& cx, std::int64_t id);

private:
    dead_letter_table(std::string path, sqlite_statement insert, sqlite_statement select, sqlite_statement mark, sqlite_statement last)
        : path_(std::move(path)), insert_(std::move(insert)), select_(std::move(select)), mark_(std::move(mark)), last_(std::move(last)) {}
    static row row_of(sqlite_statement const& from);

    std::string path_;
    sqlite_statement insert_, select_, mark_, last_;
};

// Implementation

inline outcome<dead_letter_table> dead_letter_table::make(context& cx, sqlite_database& in) {
    // ANY: text, or a blob where the bytes are no text that SQLite can hold.
    auto const made = in.execute(cx, R"(
        CREATE TABLE IF NOT EXISTS dead_letter(
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            at INTEGER NOT NULL,
            stage ANY,
            path TEXT,
            source ANY,
            partition INTEGER,
            offset INTEGER,
            part INTEGER,
            epoch INTEGER,
            attempts INTEGER NOT NULL,
            cause INTEGER,
            category ANY NOT NULL,
            code INTEGER NOT NULL,
            text ANY NOT NULL,
            form INTEGER NOT NULL,
            fingerprint INTEGER,
            whole INTEGER NOT NULL,
            payload ANY,
            replayed INTEGER,
            trace TEXT
        ) STRICT
    )");
    if (!made) return made.error();
    auto const select_all = [&] {
        return in.prepare(cx, "SELECT id, at, stage, path, source, partition, offset, part, epoch, attempts, cause, category, code, "
                              "text, form, fingerprint, whole, payload, replayed, trace FROM dead_letter WHERE id > ? ORDER BY id");
    };
    auto select = select_all();
    if (!select) {    // without its trace, then: nothing is added to a table that is another's
        auto without = in.prepare(cx, "SELECT id, at, stage, path, source, partition, offset, part, epoch, attempts, cause, category, code, "
                                      "text, form, fingerprint, whole, payload, replayed, NULL FROM dead_letter WHERE id > ? ORDER BY id");
        if (without) {
            // Another process may add it at the same time; then the second of them fails, and finds it there.
            auto const added = in.execute(cx, "ALTER TABLE dead_letter ADD COLUMN trace TEXT");
            select = select_all();
            if (!select && !added) select = std::move(without);
        }
    }
    constexpr sqlite_sql with_trace = "INSERT INTO dead_letter(at, stage, path, source, partition, offset, part, epoch, attempts, cause, category, code, "
                                      "text, form, fingerprint, whole, payload, trace) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    constexpr sqlite_sql read_only = "INSERT INTO dead_letter(at, stage, path, source, partition, offset, part, epoch, attempts, cause, category, code, "
                                     "text, form, fingerprint, whole, payload) SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE ? IS NOT 0";
    auto insert = in.prepare(cx, with_trace);
    if (!insert) insert = in.prepare(cx, read_only);    // takes as many parameters, and fails as a statement that writes
    auto mark = in.prepare(cx, "UPDATE dead_letter SET replayed = 1 WHERE id = ? RETURNING id");
    auto last = in.prepare(cx, "SELECT coalesce(max(id), 0) FROM dead_letter");
    for (auto const* each : {&insert, &select, &mark, &last})
        if (!*each) return failure{cause::invalid_input, "the table dead_letter in " + in.path() + " is of another shape: " + each->error().text()};
    return dead_letter_table{in.path(), *std::move(insert), *std::move(select), *std::move(mark), *std::move(last)};
}

inline outcome<void> dead_letter_table::put(context& cx, dead_letter const& what) {
    std::string path;
    for (auto const each : what.path) (path += path.empty() ? "" : ".") += std::to_string(each);
    auto const or_null = [](std::string const& text) { return text.empty() ? std::nullopt : std::optional<std::string_view>{text}; };
    auto const if_source = [&](std::uint64_t number) { return what.source.empty() ? std::nullopt : std::optional<std::uint64_t>{number}; };
    return insert_.run(cx, std::chrono::duration_cast<std::chrono::microseconds>(what.time.time_since_epoch()).count(), or_null(what.stage), or_null(path),
                       or_null(what.source), if_source(what.partition), if_source(what.offset), if_source(what.part), if_source(what.epoch), what.attempts,
                       what.kind ? std::optional{static_cast<int>(*what.kind)} : std::nullopt, what.category, what.code, what.text,
                       static_cast<int>(what.form), static_cast<std::int64_t>(what.fingerprint),    // its 64 bits, as they are
                       what.whole, what.form == payload_form::none ? std::nullopt : std::optional<std::string_view>{what.payload}, or_null(what.trace));
}

inline dead_letter_table::row dead_letter_table::row_of(sqlite_statement const& from) {
    auto const number = [&](int column) { return static_cast<std::uint64_t>(from.integer(column)); };
    row out;
    out.id = from.integer(0);
    auto& record = out.record;
    // Wide enough for the clock, whoever wrote the row: it counts nanoseconds in 63 bits.
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max() / 1'000;
    record.time = std::chrono::system_clock::time_point{std::chrono::microseconds{std::clamp(from.integer(1), -most, most)}};
    record.stage = from.text(2);
    for (auto const letter : from.text(3)) {
        if (record.path.empty() || letter == '.') record.path.push_back(0);
        if (letter != '.') record.path.back() = record.path.back() * 10 + static_cast<std::size_t>(letter - '0');
    }
    record.source = from.text(4);
    record.partition = number(5);
    record.offset = number(6);
    record.part = number(7);
    record.epoch = number(8);
    record.attempts = static_cast<unsigned>(number(9));
    if (auto const kind = from.integer(10); kind >= 1 && kind <= static_cast<int>(cause::forbidden)) record.kind = static_cast<cause>(kind);
    record.category = from.text(11);
    record.code = static_cast<int>(from.integer(12));
    record.text = from.text(13);
    auto const form = from.integer(14);
    record.form = form >= 0 && form <= static_cast<int>(payload_form::wire) ? static_cast<payload_form>(form) : payload_form::none;
    record.fingerprint = number(15);
    record.whole = number(16);
    record.payload = from.text(17);
    out.replayed = !from.is_null(18);
    record.trace = from.text(19);
    return out;
}

template <class F>
outcome<void> dead_letter_table::each(context& cx, F const& f, std::int64_t after) {
    return select_.each(cx, [&](sqlite_statement const& found) { return f(row_of(found)); }, after);
}

template <class T, class Task>
outcome<std::uint64_t> dead_letter_table::replay(context& cx, replay_filter const& which, Task const& flow) {
    static_assert(detail::is_task_for<Task, T const&>, "muster: replay calls f(item) or f(item, context&) through const&");
    constexpr std::size_t page = 100;    // the statement is not open while the flow runs: it may write here itself
    std::int64_t last = 0, after = 0;
    if (auto found = last_.each(cx, [&](sqlite_statement const& found_row) { last = found_row.integer(0); }); !found) return found.error();
    std::uint64_t count = 0;
    for (std::vector<row> rows;; rows.clear()) {
        auto const gather = [&](row each) {
            if (each.id > last) return false;
            rows.push_back(std::move(each));
            return rows.size() < page;
        };
        if (auto read = each(cx, gather, after); !read) return read.error();
        if (rows.empty()) return count;
        after = rows.back().id;
        for (auto const& each : rows) {
            if ((each.replayed && !which.again) || !which.takes(each.record)) continue;
            if (cx.stop_requested()) return count;
            auto const item = each.record.item<T>();
            if (!item) {
                if (which.complaints) which.complaints.put(path_ + ": dead letter " + std::to_string(each.id) + ": " + item.error().text());
                continue;
            }
            if (!invoke_task(flow, cx, *item)) continue;
            if (auto noted = done(cx, each.id); !noted) return noted.error();
            ++count;
        }
    }
}

inline outcome<void> dead_letter_table::done(context& cx, std::int64_t id) {
    bool found = false;
    if (auto done = mark_.each(cx, [&](sqlite_statement const&) { found = true; }, id); !done) return done;
    if (!found) return failure{cause::invalid_input, "there is no dead letter " + std::to_string(id) + " in " + path_};
    return {};
}

}  // namespace muster
