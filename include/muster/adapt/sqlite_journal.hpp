#pragma once

#include <concepts>       // integral
#include <cstddef>        // byte
#include <cstdint>        // int64_t
#include <optional>       // statements
#include <span>           // blobs
#include <string>         // paths
#include <string_view>    // names
#include <type_traits>    // is_arithmetic
#include <utility>        // move

#include <muster/adapt/dead_letter_table.hpp>    // dead_letter_table
#include <muster/adapt/sqlite.hpp>               // sqlite_database
#include <muster/adapt/sqlite_store.hpp>         // sqlite_store_for
#include <muster/core/context.hpp>               // context, origin
#include <muster/core/failure.hpp>               // cause, failure
#include <muster/core/outcome.hpp>               // outcome
#include <muster/core/wire.hpp>                  // encoded
#include <muster/flow/journal.hpp>               // journal_for

namespace muster {

/// Writes outputs to a table `out(source, partition, offset, part, payload)`, whose key is the origin: the same output again replaces itself.
///
/// Shape      texts and numbers are stored as such, every other transportable value as a blob of its bytes on the wire. `source` is the number of its
///            row in muster_source.
class sqlite_out_table {
public:
    outcome<void> prepare(context& cx, sqlite_database& in);
    template <class T>
    outcome<void> put(context& cx, T const& value, origin const& from);

private:
    std::optional<sqlite_statement> find_, upsert_;
    std::string source_;          // the last one that was looked up, and its number
    std::int64_t number_ = 0;
};

/// The journal of durable runs in a SQLite database: output, dead letters and offsets in one transaction.
///
///     auto journal = sqlite_journal<>::open(cx, "orders.db").value();
///     run(lines, flow, journal);
///
/// Shape      its tables: muster_journal, muster_source, muster_offset, dead_letter, and those of the store. Any number of sources share one file;
///            tables of your own may be beside them.
/// Default    a write-ahead log that is not synchronised at each commit: a kill of the process takes nothing, a power cut may take the last
///            commits, which are then done again; offset and output stay together. sqlite_options::power_safe synchronises each.
/// Waits      for the locks of other connections, as sqlite_statement.
/// Fails      as sqlite_statement: exhausted for a full disk, unavailable where it cannot be opened, invalid_input for a file that is corrupt or
///            of a later version of its tables. `commit` with cause::rejected where a later run has begun on its source. Nothing is written then.
/// Threads    one run at a time.
/// Cost       a commit: three statements, one for each output, and an fsync where it is power_safe.
template <class Store = sqlite_out_table>
class sqlite_journal {
public:
    /// Makes the tables where there are none. The kind of store follows from what is given: `sqlite_journal<>::open(cx, path, {}, store)`.
    template <class S = Store>
    [[nodiscard]] static outcome<sqlite_journal<S>> open(context& cx, std::string path, sqlite_options const& options = {}, S into = {});

    outcome<journal_start> begin(context& cx, std::string_view source, std::uint64_t partitions);
    template <class T>
    outcome<void> commit(context& cx, journal_entry<T> const& entry);

    /// For reading what was written; between commits.
    [[nodiscard]] sqlite_database& database() noexcept { return db_; }
    /// What failed.
    [[nodiscard]] dead_letter_table& dead() noexcept { return *dead_; }

private:
    template <class>
    friend class sqlite_journal;
    static constexpr std::int64_t version = 1;

    sqlite_journal(sqlite_database db, Store into) : db_(std::move(db)), into_(std::move(into)) {}
    outcome<void> create(context& cx);
    outcome<void> prepare(context& cx);
    template <class T>
    outcome<void> write(context& cx, journal_entry<T> const& entry);

    sqlite_database db_;    // before the statements: they go first
    Store into_;
    std::optional<dead_letter_table> dead_;
    std::optional<sqlite_statement> take_, epoch_, positions_, move_;
    std::string source_;    // of the run, and its row
    std::int64_t row_ = 0;
};

// Implementation

// The table of outputs

inline outcome<void> sqlite_out_table::prepare(context& cx, sqlite_database& in) {
    if (auto made = in.execute(cx, R"(
            CREATE TABLE IF NOT EXISTS out(
                source INTEGER NOT NULL,
                partition INTEGER NOT NULL,
                offset INTEGER NOT NULL,
                part INTEGER NOT NULL,
                payload ANY,
                PRIMARY KEY (source, partition, offset, part)
            ) STRICT, WITHOUT ROWID
        )");
        !made)
        return made;
    auto find = in.prepare(cx, "SELECT id FROM muster_source WHERE name = ?");
    if (!find) return find.error();
    auto upsert = in.prepare(cx, "INSERT INTO out(source, partition, offset, part, payload) VALUES (?, ?, ?, ?, ?) "
                                 "ON CONFLICT DO UPDATE SET payload = excluded.payload");
    if (!upsert) return upsert.error();
    find_.emplace(*std::move(find));
    upsert_.emplace(*std::move(upsert));
    return {};
}

template <class T>
outcome<void> sqlite_out_table::put(context& cx, T const& value, origin const& from) {
    if (from.source != source_ || number_ == 0) {
        if (auto found = find_->each(cx, [&](sqlite_statement const& row) { number_ = row.integer(0); }, from.source); !found) return found;
        source_ = from.source;
    }
    auto const put = [&](auto const& payload) { return upsert_->run(cx, number_, from.partition, from.offset, from.part, payload); };
    if constexpr (std::convertible_to<T const&, std::string_view>) {
        return put(std::string_view{value});
    } else if constexpr (std::is_arithmetic_v<T>) {
        return put(value);
    } else if constexpr (std::same_as<T, no_output>) {
        return {};
    } else {
        constexpr bool travels = transportable<T>;
        static_assert(travels, "muster: this output cannot be stored: answer a text, a number or a transportable value, or open the journal with a "
                               "sqlite_store of your own");
        if constexpr (travels) return put(std::span<std::byte const>{encoded(value)});
        else return {};
    }
}

// The journal

template <class Store>
template <class S>
outcome<sqlite_journal<S>> sqlite_journal<Store>::open(context& cx, std::string path, sqlite_options const& options, S into) {
    auto db = sqlite_database::open(cx, std::move(path), options);
    if (!db) return db.error();
    sqlite_journal<S> made{*std::move(db), std::move(into)};
    // 16 MB of log between two checkpoints, which are where the disk is waited for: a busy run writes SQLite's own 4 MB several times a second.
    if (auto const done = made.db_.execute(cx, "PRAGMA wal_autocheckpoint = 4000"); !done) return done.error();
    auto change = made.db_.begin(cx);    // two that are opened at once must not make the tables by halves
    if (!change) return change.error();
    if (auto const done = made.create(cx); !done) return done.error();
    if (auto const done = made.prepare(cx); !done) return done.error();
    if (auto const done = change->commit(cx); !done) return done.error();
    return made;
}

template <class Store>
outcome<void> sqlite_journal<Store>::create(context& cx) {
    if (auto made = db_.execute(cx, "CREATE TABLE IF NOT EXISTS muster_journal(version INTEGER NOT NULL) STRICT"); !made) return made;
    auto const found = db_.integer(cx, "SELECT coalesce(max(version), 0) FROM muster_journal");
    if (!found) return found.error();
    if (*found != 0 && *found != version)
        return failure{cause::invalid_input, db_.path() + " is a journal of version " + std::to_string(*found) + ", and this program knows " +
                                                 std::to_string(version) + ": it was written by another version of muster"};
    if (*found == 0)
        if (auto made = db_.execute(cx, "INSERT INTO muster_journal(version) VALUES (1)"); !made) return made;
    return db_.execute(cx, R"(
        CREATE TABLE IF NOT EXISTS muster_source(
            id INTEGER PRIMARY KEY,
            name ANY NOT NULL UNIQUE,
            epoch INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE IF NOT EXISTS muster_offset(
            source INTEGER NOT NULL REFERENCES muster_source(id),
            partition INTEGER NOT NULL,
            offset INTEGER NOT NULL,
            mark ANY NOT NULL,
            PRIMARY KEY (source, partition)
        ) STRICT, WITHOUT ROWID;
    )");
}

template <class Store>
outcome<void> sqlite_journal<Store>::prepare(context& cx) {
    auto dead = dead_letter_table::make(cx, db_);
    if (!dead) return dead.error();
    dead_.emplace(*std::move(dead));
    struct {
        std::optional<sqlite_statement>& to;
        sqlite_sql text;
    } const all[]{
        {take_, "INSERT INTO muster_source(name, epoch) VALUES (?, 1) ON CONFLICT DO UPDATE SET epoch = epoch + 1 RETURNING id, epoch"},
        {epoch_, "SELECT epoch FROM muster_source WHERE id = ?"},
        {positions_, "SELECT partition, offset, mark FROM muster_offset WHERE source = ?"},
        {move_, "INSERT INTO muster_offset(source, partition, offset, mark) VALUES (?, ?, ?, ?) "
                "ON CONFLICT DO UPDATE SET offset = excluded.offset, mark = excluded.mark"},
    };
    for (auto const& each : all) {
        auto statement = db_.prepare(cx, each.text);
        if (!statement) return statement.error();
        each.to.emplace(*std::move(statement));
    }
    return into_.prepare(cx, db_);
}

template <class Store>
outcome<journal_start> sqlite_journal<Store>::begin(context& cx, std::string_view source, std::uint64_t partitions) {
    auto change = db_.begin(cx);
    if (!change) return change.error();
    journal_start start;
    auto const taken = [&](sqlite_statement const& found) {
        row_ = found.integer(0);
        start.epoch = static_cast<std::uint64_t>(found.integer(1));
    };
    if (auto const done = take_->each(cx, taken, source); !done) return done.error();
    start.positions.resize(static_cast<std::size_t>(partitions));
    std::optional<std::int64_t> unknown;
    auto const look = [&](sqlite_statement const& found) {
        auto const partition = static_cast<std::uint64_t>(found.integer(0));
        if (partition >= partitions) return void(unknown = found.integer(0));
        start.positions[static_cast<std::size_t>(partition)] = {static_cast<std::uint64_t>(found.integer(1)), std::string{found.text(2)}};
    };
    if (auto const done = positions_->each(cx, look, row_); !done) return done.error();
    if (unknown)
        return failure{cause::invalid_input, db_.path() + " knows partition " + std::to_string(*unknown) + " of \"" + std::string{source} +
                                                 "\", which has " + std::to_string(partitions) + ": it is another source"};
    if (auto const done = change->commit(cx); !done) return done.error();
    source_ = source;
    return start;
}

template <class Store>
template <class T>
outcome<void> sqlite_journal<Store>::commit(context& cx, journal_entry<T> const& entry) {
    if (entry.source != source_ || row_ == 0)
        return failure{cause::invalid_input, "no run of \"" + std::string{entry.source} + "\" was begun on this journal"};
    auto change = db_.begin(cx);
    if (!change) return change.error();
    if (auto done = write(cx, entry); !done) return done;
    return change->commit(cx);
}

template <class Store>
template <class T>
outcome<void> sqlite_journal<Store>::write(context& cx, journal_entry<T> const& entry) {
    static_assert(std::same_as<T, no_output> || sqlite_store_for<Store, T>, "muster: the store of this journal takes no such output");
    std::int64_t epoch = 0;
    if (auto done = epoch_->each(cx, [&](sqlite_statement const& row) { epoch = row.integer(0); }, row_); !done) return done;
    if (static_cast<std::uint64_t>(epoch) != entry.epoch)
        return failure{cause::rejected, "nothing was written to " + db_.path() + ": another run of \"" + source_ + "\" has taken over, of epoch " +
                                            std::to_string(epoch) + ", and this one is of " + std::to_string(entry.epoch)};
    if constexpr (!std::same_as<T, no_output>)
        for (auto const& each : entry.outputs)
            if (auto done = into_.put(cx, each.value, each.from); !done) return done;
    for (auto const& each : entry.dead)
        if (auto done = dead_->put(cx, each); !done) return done;
    if (!entry.next) return {};
    return move_->run(cx, row_, entry.partition, entry.next->offset, entry.next->mark);
}

static_assert(journal_for<sqlite_journal<>, std::string>);
static_assert(journal_for<sqlite_journal<>, no_output>);

}  // namespace muster
