#pragma once

#include <array>          // counts
#include <chrono>         // system_clock
#include <cstddef>        // size_t
#include <cstdint>        // int64_t, uint64_t
#include <map>            // kinds
#include <optional>       // finished
#include <string>         // texts
#include <type_traits>    // is_void
#include <utility>        // move
#include <vector>         // runs, facts

#include <muster/adapt/sqlite.hpp>                        // sqlite_database, sqlite_statement
#include <muster/core/context.hpp>                        // context
#include <muster/core/outcome.hpp>                        // outcome
#include <muster/workloads/llm/detail/fact_tables.hpp>    // is_new_store
#include <muster/workloads/llm/node_result.hpp>           // fact
#include <muster/workloads/llm/node_state.hpp>            // node_state
#include <muster/workloads/llm/token_usage.hpp>           // token_usage

namespace muster::llm {

using wall_time = std::chrono::system_clock::time_point;

/// A run as it is stored.
struct stored_run {
    std::int64_t id = 0;
    std::string digest{};
    std::string model{};
    wall_time started{};
    std::optional<wall_time> finished{};
    friend bool operator==(stored_run const&, stored_run const&) = default;
};

/// A node as it is stored, with the facts of its answer.
struct stored_node {
    std::uint64_t node = 0;
    std::string name{};
    node_state state = node_state::pending;
    std::uint64_t attempts = 0;
    std::string kind{};              ///< of the failure; of the last attempt's where the node is to be sent again
    std::string text{};
    std::string finish_reason{};
    bool partial = false;
    std::string answer{};
    std::uint64_t answer_bytes = 0;  ///< before it was cut
    wall_time changed{};
    token_usage usage{};             ///< of all attempts
    std::vector<fact> facts{};
    friend bool operator==(stored_node const&, stored_node const&) = default;
};

/// What became of a run, counted.
struct run_summary {
    std::array<std::uint64_t, node_states> nodes{};    ///< by state
    std::map<std::string, std::uint64_t> kinds{};      ///< of those that failed or were stopped
    std::uint64_t attempts = 0;
    std::uint64_t partial = 0;
    token_usage usage{};                               ///< of all attempts

    [[nodiscard]] std::uint64_t count(node_state which) const noexcept { return nodes[static_cast<std::size_t>(which)]; }
    [[nodiscard]] std::uint64_t total() const noexcept {
        std::uint64_t sum = 0;
        for (auto const each : nodes) sum += each;
        return sum;
    }
    friend bool operator==(run_summary const&, run_summary const&) = default;
};

/// Reads the file of a fact_store, of this process or of another, also while it is written.
///
/// Shape      each call sees one moment of the file: what was committed before it began.
/// Fails      as sqlite_database; invalid_input for a file that is no store, or of a later version.
/// Threads    one at a time; as many readers as one likes.
/// Cost       0.3 ms to open; 5 us and the bytes of its texts for a node. The writer does not wait for readers.
class fact_reader {
public:
    [[nodiscard]] static outcome<fact_reader> open(context& cx, std::string path);

    /// All runs, the oldest first.
    [[nodiscard]] outcome<std::vector<stored_run>> runs(context& cx);
    /// Calls `f(node)` for each node of a run in the order of their numbers; `f` answers void, or false to leave.
    template <class F>
    outcome<void> for_each_node(context& cx, std::int64_t run, F const& f);
    [[nodiscard]] outcome<run_summary> summary(context& cx, std::int64_t run);
    /// Fails where the file is damaged.
    outcome<void> integrity_check(context& cx) { return db_.integrity_check(cx); }

private:
    explicit fact_reader(sqlite_database db) noexcept : db_(std::move(db)) {}
    static wall_time time_in(sqlite_statement const& row, int column) {
        return wall_time{std::chrono::duration_cast<wall_time::duration>(std::chrono::microseconds{row.integer(column)})};
    }
    static std::uint64_t count_in(sqlite_statement const& row, int column) { return static_cast<std::uint64_t>(row.integer(column)); }
    static token_usage usage_in(sqlite_statement const& row, int first) {
        return {count_in(row, first), count_in(row, first + 1), count_in(row, first + 2), count_in(row, first + 3), count_in(row, first + 4)};
    }
    template <class Work>
    auto at_one_moment(context& cx, Work const& work) -> decltype(work());

    sqlite_database db_;
};

// Implementation

inline outcome<fact_reader> fact_reader::open(context& cx, std::string path) {
    auto db = sqlite_database::open(cx, std::move(path), {.create = false, .read_only = true});
    if (!db) return std::move(db).error();
    auto const fresh = detail::is_new_store(cx, *db);
    if (!fresh) return fresh.error();
    if (*fresh) return failure{cause::invalid_input, db->path() + " is an empty database, and no store of facts"};
    return fact_reader{*std::move(db)};
}

// Several queries of one call see the same rows: a transaction that only reads. It waits for nobody, and nobody for it.
template <class Work>
auto fact_reader::at_one_moment(context& cx, Work const& work) -> decltype(work()) {
    if (auto begun = db_.execute(cx, "BEGIN"); !begun) return std::move(begun).error();
    struct ending {
        sqlite_database& db;
        ~ending() {
            context last;
            (void)db.execute(last, "COMMIT");
        }
    } const guard{db_};
    return work();
}

inline outcome<std::vector<stored_run>> fact_reader::runs(context& cx) {
    auto all = db_.prepare(cx, "SELECT id, digest, model, started, finished FROM run ORDER BY id");
    if (!all) return all.error();
    std::vector<stored_run> out;
    auto const done = all->each(cx, [&](sqlite_statement const& row) {
        out.push_back({row.integer(0), std::string{row.text(1)}, std::string{row.text(2)}, time_in(row, 3),
                       row.is_null(4) ? std::nullopt : std::optional{time_in(row, 4)}});
    });
    if (!done) return done.error();
    return out;
}

template <class F>
outcome<void> fact_reader::for_each_node(context& cx, std::int64_t run, F const& f) {
    return at_one_moment(cx, [&]() -> outcome<void> {
        auto nodes = db_.prepare(cx, "SELECT node, name, state, attempts, kind, text, finish_reason, partial, answer, answer_bytes, changed "
                                     "FROM node WHERE run = ? ORDER BY node");
        if (!nodes) return nodes.error();
        auto used = db_.prepare(cx, "SELECT total(prompt), total(completion), total(total), total(cached), total(reasoning) FROM usage "
                                    "WHERE run = ? AND node = ?");
        if (!used) return used.error();
        auto facts = db_.prepare(cx, "SELECT name, value FROM fact WHERE run = ? AND node = ? ORDER BY place");
        if (!facts) return facts.error();
        outcome<void> inner;
        auto const done = nodes->each(cx, [&](sqlite_statement const& row) {
            stored_node out;
            out.node = count_in(row, 0);
            out.name = row.text(1);
            out.state = static_cast<node_state>(row.integer(2));
            out.attempts = count_in(row, 3);
            out.kind = row.text(4);
            out.text = row.text(5);
            out.finish_reason = row.text(6);
            out.partial = row.integer(7) != 0;
            out.answer = row.text(8);
            out.answer_bytes = count_in(row, 9);
            out.changed = time_in(row, 10);
            inner = used->each(cx, [&](sqlite_statement const& sums) { out.usage = usage_in(sums, 0); }, run, out.node);
            if (!inner) return false;
            inner = facts->each(cx, [&](sqlite_statement const& one) {
                out.facts.push_back({std::string{one.text(0)}, std::string{one.text(1)}});
            }, run, out.node);
            if (!inner) return false;
            if constexpr (std::is_void_v<decltype(f(out))>) {
                f(out);
                return true;
            } else {
                return static_cast<bool>(f(out));
            }
        }, run);
        return done ? inner : done;
    });
}

inline outcome<run_summary> fact_reader::summary(context& cx, std::int64_t run) {
    return at_one_moment(cx, [&]() -> outcome<run_summary> {
        run_summary out;
        auto states = db_.prepare(cx, "SELECT state, coalesce(kind, ''), count(*), sum(partial) FROM node WHERE run = ? GROUP BY 1, 2");
        if (!states) return states.error();
        auto done = states->each(cx, [&](sqlite_statement const& row) {
            auto const state = static_cast<node_state>(row.integer(0));
            out.nodes[static_cast<std::size_t>(row.integer(0))] += count_in(row, 2);
            out.partial += count_in(row, 3);
            if (state == node_state::failed || state == node_state::stopped) out.kinds[std::string{row.text(1)}] += count_in(row, 2);
        }, run);
        if (!done) return done.error();
        auto attempts = db_.prepare(cx, "SELECT count(*) FROM attempt WHERE run = ?");
        if (!attempts) return attempts.error();
        done = attempts->each(cx, [&](sqlite_statement const& row) { out.attempts = count_in(row, 0); }, run);
        if (!done) return done.error();
        auto used = db_.prepare(cx, "SELECT total(prompt), total(completion), total(total), total(cached), total(reasoning) FROM usage WHERE run = ?");
        if (!used) return used.error();
        done = used->each(cx, [&](sqlite_statement const& row) { out.usage = usage_in(row, 0); }, run);
        if (!done) return done.error();
        return out;
    });
}

}  // namespace muster::llm
