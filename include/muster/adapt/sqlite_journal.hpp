#pragma once

#include <algorithm>      // find_if
#include <concepts>       // integral
#include <cstddef>        // byte
#include <cstdint>        // int64_t
#include <optional>       // statements
#include <span>           // blobs
#include <string>         // paths
#include <string_view>    // names
#include <type_traits>    // is_arithmetic
#include <utility>        // move
#include <vector>         // rows

#include <muster/adapt/dead_letter_table.hpp>    // dead_letter_table
#include <muster/adapt/detail/row_proof.hpp>     // row_proof
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

/// The journal of durable runs in a SQLite database: output, dead letters, the states of operators and offsets in one transaction.
///
///     auto journal = sqlite_journal<>::open(cx, "orders.db").value();
///     run(lines, flow, journal);
///
/// Shape      its tables: muster_journal, muster_source, muster_offset, muster_state, dead_letter, and those of the store. Any number of sources
///            share one file; tables of your own may be beside them.
/// Default    a write-ahead log that is not synchronised at each commit: a kill of the process takes nothing, a power cut may take the last
///            commits, which are then done again; offset and output stay together. sqlite_options::power_safe synchronises each.
/// Waits      for the locks of other connections, as sqlite_statement.
/// Fails      as sqlite_statement: exhausted for a full disk, unavailable where it cannot be opened, invalid_input for a file that is corrupt or
///            of another version of its tables. `begin` with invalid_input where a row that says how far a source was read, or what an
///            operator remembers, is not as it was written, or is gone: each carries a hash. `commit` with cause::rejected
///            where a later run has begun on its source. Nothing is written then.
/// Threads    one run at a time.
/// Cost       a commit: three statements, one for each output, one for each key that with_state was given, one for each other operator, whose
///            state is written as a whole, and an fsync where it is power_safe.
template <class Store = sqlite_out_table>
class sqlite_journal {
public:
    static constexpr bool keeps_states = true;

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
    static constexpr std::int64_t version = 2;
    struct source_row {
        std::int64_t id = 0, epoch = 0, partitions = 0;
        std::string name;
        [[nodiscard]] std::int64_t proof() const { return detail::row_proof{}.text(name).number(epoch).number(partitions).signed_value(); }
    };

    sqlite_journal(sqlite_database db, Store into) : db_(std::move(db)), into_(std::move(into)) {}
    outcome<void> create(context& cx);
    outcome<void> prepare(context& cx);
    outcome<std::vector<source_row>> sources(context& cx);
    outcome<void> positions(context& cx, std::vector<source_row> const& known, journal_start& start, std::uint64_t partitions);
    outcome<void> states(context& cx, journal_start& start);
    outcome<void> move(context& cx, std::uint64_t partition, source_position const& to);
    [[nodiscard]] std::int64_t proof_of(journal_state const& of) const {
        return detail::row_proof{}.text(source_).number(of.place).number(of.shape).bytes(of.key).bytes(*of.bytes).signed_value();
    }
    [[nodiscard]] failure damaged(std::string const& what) const {
        return {cause::invalid_input, db_.path() + " is corrupt: " + what + ": nothing was written to it; take a copy that is whole"};
    }
    template <class T>
    outcome<void> write(context& cx, journal_entry<T> const& entry);

    sqlite_database db_;    // before the statements: they go first
    Store into_;
    std::optional<dead_letter_table> dead_;
    std::optional<sqlite_statement> sources_, take_, enter_, epoch_, positions_, move_, states_, keep_, forget_;
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
    auto find = in.prepare(cx, "SELECT id FROM muster_source WHERE +name = ?");    // the table, and not its index: it is short, and proven
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
        number_ = 0;
        if (auto found = find_->each(cx, [&](sqlite_statement const& row) { number_ = row.integer(0); }, from.source); !found) return found;
        if (number_ == 0) return failure{cause::invalid_input, "no run of \"" + std::string{from.source} + "\" was begun on this journal"};
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
    // Without a row it is a new one; a version that is no number is one that nobody knows.
    auto const found = db_.integer(cx, "SELECT iif(count(*) = 0, 0, iif(typeof(max(version)) = 'integer', max(version), -1)) FROM muster_journal");
    if (!found) return found.error();
    if (*found == version) return {};
    if (*found != 0)
        return failure{cause::invalid_input, db_.path() + " is a journal of version " + std::to_string(*found) + ", and this program knows " +
                                                 std::to_string(version) + ": it was written by another version of muster"};
    // Tables that are there without their version are not taken: what they say is not known.
    return db_.execute(cx, R"(
        INSERT INTO muster_journal(version) VALUES (2);
        CREATE TABLE muster_source(
            id INTEGER PRIMARY KEY,
            name ANY NOT NULL UNIQUE,
            epoch INTEGER NOT NULL,
            partitions INTEGER NOT NULL,
            proof INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE muster_offset(
            source INTEGER NOT NULL REFERENCES muster_source(id),
            partition INTEGER NOT NULL,
            offset INTEGER NOT NULL,
            mark ANY NOT NULL,
            proof INTEGER NOT NULL,
            PRIMARY KEY (source, partition)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE muster_state(
            source INTEGER NOT NULL REFERENCES muster_source(id),
            place INTEGER NOT NULL,
            key BLOB NOT NULL,
            shape INTEGER NOT NULL,
            payload BLOB NOT NULL,
            proof INTEGER NOT NULL,
            PRIMARY KEY (source, place, key)
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
        {sources_, "SELECT id, name, epoch, partitions, proof FROM muster_source"},
        {take_, "UPDATE muster_source SET epoch = ?, partitions = ?, proof = ? WHERE id = ?"},
        {enter_, "INSERT INTO muster_source(name, epoch, partitions, proof) VALUES (?, ?, ?, ?)"},
        {epoch_, "SELECT epoch FROM muster_source WHERE id = ?"},
        {positions_, "SELECT source, partition, offset, mark, proof FROM muster_offset"},
        {move_, "INSERT INTO muster_offset(source, partition, offset, mark, proof) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT DO UPDATE SET offset = excluded.offset, mark = excluded.mark, proof = excluded.proof"},
        {states_, "SELECT place, key, shape, payload, proof FROM muster_state WHERE source = ? ORDER BY place, key"},
        {forget_, "DELETE FROM muster_state WHERE source = ? AND place = ? AND key = ?"},
        {keep_, "INSERT INTO muster_state(source, place, key, shape, payload, proof) VALUES (?, ?, ?, ?, ?, ?) "
                "ON CONFLICT DO UPDATE SET shape = excluded.shape, payload = excluded.payload, proof = excluded.proof"},
    };
    for (auto const& each : all) {
        auto statement = db_.prepare(cx, each.text);
        if (!statement) return statement.error();
        each.to.emplace(*std::move(statement));
    }
    return into_.prepare(cx, db_);
}

// All of them, not ours alone: a name that has changed would else be a source that nobody has read yet.
template <class Store>
outcome<std::vector<typename sqlite_journal<Store>::source_row>> sqlite_journal<Store>::sources(context& cx) {
    std::vector<source_row> all;
    std::optional<std::int64_t> wrong;
    auto const look = [&](sqlite_statement const& found) {
        all.push_back({.id = found.integer(0), .epoch = found.integer(2), .partitions = found.integer(3), .name = std::string{found.text(1)}});
        if (all.back().proof() != found.integer(4)) wrong = all.back().id;
    };
    if (auto const done = sources_->each(cx, look); !done) return done.error();
    if (wrong) return damaged("row " + std::to_string(*wrong) + " of muster_source is not as it was written");
    return all;
}

template <class Store>
outcome<journal_start> sqlite_journal<Store>::begin(context& cx, std::string_view source, std::uint64_t partitions) {
    auto change = db_.begin(cx);
    if (!change) return change.error();
    auto known = sources(cx);
    if (!known) return known.error();
    source_row ours{.partitions = 0, .name = std::string{source}};
    for (auto const& each : *known)
        if (each.name == source) ours = each;
    journal_start start;
    start.positions.resize(static_cast<std::size_t>(partitions));
    source_ = source;
    row_ = ours.id;
    if (auto const done = positions(cx, *known, start, partitions); !done) return done.error();
    auto const first = static_cast<std::uint64_t>(ours.partitions);
    ours.partitions = static_cast<std::int64_t>(std::max(partitions, first));
    start.epoch = static_cast<std::uint64_t>(++ours.epoch);
    if (row_ != 0) {
        if (auto const done = take_->run(cx, ours.epoch, ours.partitions, ours.proof(), row_); !done) return done.error();
        if (db_.changes() != 1) return damaged("row " + std::to_string(row_) + " of muster_source cannot be found by its number");
        if (auto const done = states(cx, start); !done) return done.error();
    } else {
        if (auto const done = enter_->run(cx, source, ours.epoch, ours.partitions, ours.proof()); !done) return done.error();
        row_ = db_.last_row();
    }
    for (auto each = first; each < partitions; ++each)
        if (auto const done = move(cx, each, {}); !done) return done.error();
    if (auto const done = change->commit(cx); !done) return done.error();
    return start;
}

template <class Store>
outcome<void> sqlite_journal<Store>::positions(context& cx, std::vector<source_row> const& known, journal_start& start, std::uint64_t partitions) {
    std::string wrong;
    std::optional<std::int64_t> unknown;
    std::int64_t ours = 0;
    auto const look = [&](sqlite_statement const& found) {
        auto const number = found.integer(0), partition = found.integer(1);
        source_position const at{static_cast<std::uint64_t>(found.integer(2)), std::string{found.text(3)}};
        auto const of = std::find_if(known.begin(), known.end(), [&](source_row const& each) { return each.id == number; });
        if (of == known.end() || found.integer(4) != detail::row_proof{}.text(of->name).number(partition).number(at.offset).text(at.mark).signed_value())
            wrong = "the offset of partition " + std::to_string(partition) + " of source " + std::to_string(number) + " is not as it was written";
        if (number != row_) return;
        ++ours;
        if (partition < 0 || static_cast<std::uint64_t>(partition) >= partitions) {
            if (at.offset != 0) unknown = partition;
        } else {
            start.positions[static_cast<std::size_t>(partition)] = at;
        }
    };
    if (auto const done = positions_->each(cx, look); !done) return done;
    if (!wrong.empty()) return damaged(wrong);
    for (auto const& each : known)
        if (each.id == row_ && each.partitions != ours)
            return damaged("of the " + std::to_string(each.partitions) + " partitions of \"" + source_ + "\" there are offsets of " + std::to_string(ours));
    if (unknown)
        return failure{cause::invalid_input, db_.path() + " knows partition " + std::to_string(*unknown) + " of \"" + source_ + "\", which has " +
                                                 std::to_string(partitions) + ": it is another source"};
    return {};
}

template <class Store>
outcome<void> sqlite_journal<Store>::states(context& cx, journal_start& start) {
    std::string wrong;
    auto const look = [&](sqlite_statement const& found) {
        auto const key = std::as_bytes(std::span{found.text(1)}), bytes = std::as_bytes(std::span{found.text(3)});
        journal_state each{static_cast<std::uint64_t>(found.integer(0)), static_cast<std::uint64_t>(found.integer(2)), {key.begin(), key.end()},
                           std::vector<std::byte>{bytes.begin(), bytes.end()}};
        if (found.integer(4) != proof_of(each)) wrong = "what operator " + std::to_string(each.place + 1) + " remembers is not as it was written";
        start.states.push_back(std::move(each));
    };
    if (auto const done = states_->each(cx, look, row_); !done) return done;
    if (!wrong.empty()) return damaged(wrong);
    return {};
}

template <class Store>
outcome<void> sqlite_journal<Store>::move(context& cx, std::uint64_t partition, source_position const& to) {
    auto const proof = detail::row_proof{}.text(source_).number(partition).number(to.offset).text(to.mark).signed_value();
    return move_->run(cx, row_, partition, to.offset, to.mark, proof);
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
    for (auto const& each : entry.states) {
        std::span<std::byte const> const key{each.key};
        auto const shape = static_cast<std::int64_t>(each.shape);    // its 64 bits, as they are
        auto done = each.bytes ? keep_->run(cx, row_, each.place, key, shape, std::span<std::byte const>{*each.bytes}, proof_of(each))
                               : forget_->run(cx, row_, each.place, key);
        if (!done) return done;
    }
    if (!entry.next) return {};
    return move(cx, entry.partition, *entry.next);
}

static_assert(journal_for<sqlite_journal<>, std::string>);
static_assert(journal_for<sqlite_journal<>, no_output>);

}  // namespace muster
