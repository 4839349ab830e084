#pragma once

#include <algorithm>      // min
#include <array>          // statements
#include <chrono>         // system_clock
#include <cstdint>        // int64_t
#include <memory>         // unique_ptr
#include <optional>       // no text
#include <span>           // nodes
#include <string>         // texts
#include <string_view>    // texts
#include <utility>        // move
#include <vector>         // nodes

#include <muster/adapt/sqlite.hpp>                // sqlite_database
#include <muster/core/context.hpp>                // context
#include <muster/core/failure.hpp>                // cause, failure
#include <muster/core/outcome.hpp>                // outcome
#include <muster/workloads/llm/detail/log_keeper.hpp>    // log_keeper
#include <muster/workloads/llm/node_result.hpp>    // node_result
#include <muster/workloads/llm/node_state.hpp>     // node_state

namespace muster::llm::detail {

inline constexpr std::int64_t fact_schema_version = 1;

/// Refuses a file that is no store, or one of a later version of this library; true when there is nothing in it yet.
inline outcome<bool> is_new_store(context& cx, sqlite_database& db) {
    auto const version = db.integer(cx, "PRAGMA user_version");
    if (!version) return version.error();
    auto const tables = db.integer(cx, "SELECT count(*) FROM sqlite_schema");
    if (!tables) return tables.error();
    if (*version == 0 && *tables == 0) return true;
    auto const whose = db.integer(cx, "PRAGMA application_id");
    if (!whose) return whose.error();
    if (*whose != 0x6d6c6c6d) return failure{cause::invalid_input, db.path() + " is the database of another program, and no store of facts"};
    if (*version == fact_schema_version) return false;
    return failure{cause::invalid_input, db.path() + " has version " + std::to_string(*version) + " of the tables, and this program knows " +
                                             std::to_string(fact_schema_version) + ": it was written by another version of muster"};
}

/// The tables of the store and every statement that changes them; what a statement may not do is refused before anything is written.
class fact_tables {
public:
    using clock = std::chrono::system_clock::time_point (*)();
    using node_number = std::uint64_t;

    struct found_run {
        std::int64_t id = 0;
        bool finished = false;
    };
    struct loaded_run {
        std::vector<node_number> done, failed, interrupted;
    };

    /// `log` keeps the log of `db` short.
    static outcome<fact_tables> make(context& cx, sqlite_database db, std::unique_ptr<log_keeper> log, clock by);

    outcome<sqlite_transaction> begin(context& cx) {
        log_->committed(db_.log_pages());
        return db_.begin(cx);
    }
    [[nodiscard]] log_keeper& log() const noexcept { return *log_; }    // stays in place when this moves

    outcome<found_run> find_run(context& cx, std::string_view digest, std::string_view model, bool again, bool retry_failed);
    outcome<loaded_run> load_run(context& cx, std::int64_t run, bool finished, bool retry_failed);
    outcome<void> add_node(context& cx, std::int64_t run, node_number node, std::string_view name);
    outcome<std::int64_t> begin_attempt(context& cx, std::int64_t run, node_number node);
    outcome<void> record(context& cx, std::int64_t run, node_result const& what, std::size_t whole_answer);
    outcome<std::int64_t> stop_rest(context& cx, std::int64_t run, std::string_view kind, std::string_view text);
    outcome<void> finish(context& cx, std::int64_t run);

private:
    enum statement : std::size_t {
        last_run, new_run, end_run, reopen_run, open_nodes, interrupt_attempts, interrupt_nodes, forget_stopped, forget_failed, list_nodes,
        put_node, name_of_node, state_of_node, send_node, put_attempt, state_of_attempt, end_attempt, end_node, put_usage, drop_facts, put_fact, stop_nodes, statements
    };

    fact_tables(sqlite_database db, std::unique_ptr<log_keeper> log, clock by) : log_(std::move(log)), db_(std::move(db)), now_(by) {}
    outcome<void> create(context& cx);
    outcome<void> prepare_all(context& cx);
    sqlite_statement& use(statement which) { return prepared_[which]; }
    [[nodiscard]] std::int64_t now() const {
        return std::chrono::duration_cast<std::chrono::microseconds>(now_().time_since_epoch()).count();
    }
    static int number_of(node_state which) { return static_cast<int>(which); }
    static std::string called(std::int64_t run, node_number node) { return "node " + std::to_string(node) + " of run " + std::to_string(run); }
    outcome<std::optional<node_state>> state_in(context& cx, statement which, std::int64_t run, node_number node, std::optional<std::uint64_t> attempt);
    outcome<node_state> known_state(context& cx, std::int64_t run, node_number node);

    std::unique_ptr<log_keeper> log_;    // goes last: it moves what is left
    sqlite_database db_;                 // before the statements: they go first
    clock now_;
    std::vector<sqlite_statement> prepared_;
};

// Implementation

// STRICT: a column holds what it says. ANY: text, or a blob where the bytes are no text that SQLite can hold. Times are microseconds since 1970,
// states those of node_state.
inline outcome<void> fact_tables::create(context& cx) {
    return db_.execute(cx, R"(
        PRAGMA application_id = 0x6d6c6c6d;
        CREATE TABLE run(
            id INTEGER PRIMARY KEY,
            digest TEXT NOT NULL,
            model ANY NOT NULL,
            started INTEGER NOT NULL,
            finished INTEGER
        ) STRICT;
        CREATE INDEX run_by_digest ON run(digest);
        CREATE UNIQUE INDEX one_open_run ON run(digest) WHERE finished IS NULL;
        CREATE TABLE node(
            run INTEGER NOT NULL REFERENCES run(id),
            node INTEGER NOT NULL,
            name ANY NOT NULL,
            state INTEGER NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 5),
            attempts INTEGER NOT NULL DEFAULT 0,
            kind ANY,
            text ANY,
            finish_reason ANY,
            partial INTEGER NOT NULL DEFAULT 0,
            answer ANY,
            answer_bytes INTEGER,
            changed INTEGER NOT NULL,
            PRIMARY KEY (run, node)
        ) STRICT;
        CREATE TABLE attempt(
            run INTEGER NOT NULL,
            node INTEGER NOT NULL,
            attempt INTEGER NOT NULL,
            state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 5),
            kind ANY,
            text ANY,
            started INTEGER NOT NULL,
            ended INTEGER,
            PRIMARY KEY (run, node, attempt),
            FOREIGN KEY (run, node) REFERENCES node(run, node)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE usage(
            run INTEGER NOT NULL,
            node INTEGER NOT NULL,
            attempt INTEGER NOT NULL,
            prompt INTEGER NOT NULL,
            completion INTEGER NOT NULL,
            total INTEGER NOT NULL,
            cached INTEGER NOT NULL,
            reasoning INTEGER NOT NULL,
            PRIMARY KEY (run, node, attempt),
            FOREIGN KEY (run, node) REFERENCES node(run, node)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE fact(
            run INTEGER NOT NULL,
            node INTEGER NOT NULL,
            place INTEGER NOT NULL,
            name ANY NOT NULL,
            value ANY NOT NULL,
            PRIMARY KEY (run, node, place),
            FOREIGN KEY (run, node) REFERENCES node(run, node)
        ) STRICT, WITHOUT ROWID;
        PRAGMA user_version = 1;
    )");
}

inline outcome<fact_tables> fact_tables::make(context& cx, sqlite_database db, std::unique_ptr<log_keeper> log, clock by) {
    fact_tables made{std::move(db), std::move(log), by};
    auto fresh = is_new_store(cx, made.db_);
    if (!fresh) return fresh.error();
    if (*fresh) {
        auto change = made.begin(cx);
        if (!change) return change.error();
        fresh = is_new_store(cx, made.db_);    // another may have been first
        if (!fresh) return fresh.error();
        if (*fresh)
            if (auto const done = made.create(cx); !done) return done.error();
        if (auto const done = change->commit(cx); !done) return done.error();
    }
    if (auto const done = made.prepare_all(cx); !done) return done.error();
    return made;
}

inline outcome<void> fact_tables::prepare_all(context& cx) {
    // In the order of `statement`.
    static constexpr std::array<sqlite_sql, statements> texts{{
        "SELECT id, finished FROM run WHERE digest = ? ORDER BY id DESC LIMIT 1",
        "INSERT INTO run(digest, model, started) VALUES (?, ?, ?)",
        "UPDATE run SET finished = ? WHERE id = ? AND finished IS NULL",
        "UPDATE run SET finished = NULL WHERE id = ? AND EXISTS (SELECT 1 FROM node WHERE node.run = run.id AND node.state = 3)",
        "SELECT count(*) FROM node WHERE run = ? AND state NOT IN (2, 3)",
        "UPDATE attempt SET state = 5, ended = ? WHERE run = ? AND state = 1",
        "UPDATE node SET state = 5, changed = ? WHERE run = ? AND state = 1",
        "UPDATE node SET state = 0, changed = ? WHERE run = ? AND state = 4",
        "UPDATE node SET state = 0, changed = ? WHERE run = ? AND state = 3",
        "SELECT node, state FROM node WHERE run = ? AND state IN (2, 3, 5) ORDER BY node",
        "INSERT INTO node(run, node, name, changed) VALUES (?, ?, ?, ?) ON CONFLICT(run, node) DO NOTHING",
        "SELECT name FROM node WHERE run = ? AND node = ?",
        "SELECT state FROM node WHERE run = ? AND node = ?",
        "UPDATE node SET state = 1, attempts = attempts + 1, changed = ? WHERE run = ? AND node = ? RETURNING attempts",
        "INSERT INTO attempt(run, node, attempt, state, started) VALUES (?, ?, ?, 1, ?)",
        "SELECT state FROM attempt WHERE run = ? AND node = ? AND attempt = ?",
        "UPDATE attempt SET state = ?, kind = ?, text = ?, ended = ? WHERE run = ? AND node = ? AND attempt = ?",
        "UPDATE node SET state = ?, kind = ?, text = ?, finish_reason = ?, partial = ?, answer = ?, answer_bytes = ?, changed = ? "
        "WHERE run = ? AND node = ?",
        "INSERT INTO usage(run, node, attempt, prompt, completion, total, cached, reasoning) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT DO UPDATE SET prompt = excluded.prompt, completion = excluded.completion, total = excluded.total, "
        "cached = excluded.cached, reasoning = excluded.reasoning",
        "DELETE FROM fact WHERE run = ? AND node = ?",
        "INSERT INTO fact(run, node, place, name, value) VALUES (?, ?, ?, ?, ?)",
        "UPDATE node SET state = 4, kind = ?, text = ?, changed = ? WHERE run = ? AND state IN (0, 5)",
    }};
    prepared_.reserve(statements);
    for (auto const text : texts) {
        auto each = db_.prepare(cx, text);
        if (!each) return each.error();
        prepared_.push_back(*std::move(each));
    }
    return {};
}

inline outcome<std::optional<node_state>> fact_tables::state_in(context& cx, statement which, std::int64_t run, node_number node,
                                                                std::optional<std::uint64_t> attempt) {
    std::optional<node_state> found;
    auto const look = [&](sqlite_statement const& row) { found = static_cast<node_state>(row.integer(0)); };
    auto const done = attempt ? use(which).each(cx, look, run, node, *attempt) : use(which).each(cx, look, run, node);
    if (!done) return done.error();
    return found;
}

inline outcome<node_state> fact_tables::known_state(context& cx, std::int64_t run, node_number node) {
    auto const found = state_in(cx, state_of_node, run, node, {});
    if (!found) return found.error();
    if (!*found) return failure{cause::invalid_input, called(run, node) + " was never added to it"};
    return **found;
}

inline outcome<fact_tables::found_run> fact_tables::find_run(context& cx, std::string_view digest, std::string_view model, bool again,
                                                              bool retry_failed) {
    found_run found;
    auto const look = [&](sqlite_statement const& row) { found = {row.integer(0), !row.is_null(1)}; };
    if (auto const done = use(last_run).each(cx, look, digest); !done) return done.error();
    if (found.finished && retry_failed && !again) {
        if (auto const done = use(reopen_run).run(cx, found.id); !done) return done.error();
        if (db_.changes() != 0) found.finished = false;
    }
    if (found.id != 0 && !(found.finished && again)) return found;
    if (auto const done = use(new_run).run(cx, digest, model, now()); !done) return done.error();
    return found_run{db_.last_row(), false};
}

inline outcome<fact_tables::loaded_run> fact_tables::load_run(context& cx, std::int64_t run, bool finished, bool retry_failed) {
    if (!finished) {
        if (auto const done = use(interrupt_attempts).run(cx, now(), run); !done) return done.error();
        if (auto const done = use(interrupt_nodes).run(cx, now(), run); !done) return done.error();
        if (auto const done = use(forget_stopped).run(cx, now(), run); !done) return done.error();
        if (retry_failed)
            if (auto const done = use(forget_failed).run(cx, now(), run); !done) return done.error();
    }
    loaded_run out;
    auto const look = [&](sqlite_statement const& row) {
        auto const state = static_cast<node_state>(row.integer(1));
        auto& into = state == node_state::done ? out.done : state == node_state::failed ? out.failed : out.interrupted;
        into.push_back(static_cast<node_number>(row.integer(0)));
    };
    if (auto const done = use(list_nodes).each(cx, look, run); !done) return done.error();
    return out;
}

inline outcome<void> fact_tables::add_node(context& cx, std::int64_t run, node_number node, std::string_view name) {
    if (auto done = use(put_node).run(cx, run, node, name, now()); !done) return done;
    if (db_.changes() != 0) return {};
    std::string before;
    if (auto done = use(name_of_node).each(cx, [&](sqlite_statement const& row) { before = row.text(0); }, run, node); !done) return done;
    if (before == name) return {};
    return failure{cause::invalid_input, called(run, node) + " is \"" + std::string{name} + "\", and was added as \"" + before +
                                             "\": a run has one document, and numbers its nodes in one way"};
}

inline outcome<std::int64_t> fact_tables::begin_attempt(context& cx, std::int64_t run, node_number node) {
    auto const state = known_state(cx, run, node);
    if (!state) return state.error();
    if (*state != node_state::pending && *state != node_state::interrupted)
        return failure{cause::invalid_input, called(run, node) + " is " + std::string{name_of(*state)} + ": it is not sent again"};
    std::int64_t attempt = 0;
    auto const look = [&](sqlite_statement const& row) { attempt = row.integer(0); };
    if (auto const done = use(send_node).each(cx, look, now(), run, node); !done) return done.error();
    if (auto const done = use(put_attempt).run(cx, run, node, attempt, now()); !done) return done.error();
    return attempt;
}

inline outcome<void> fact_tables::record(context& cx, std::int64_t run, node_result const& what, std::size_t whole_answer) {
    auto const state = known_state(cx, run, what.node);
    if (!state) return state.error();
    auto const ended = what.state == node_state::pending ? node_state::failed : what.state;    // of the attempt
    if (what.attempt != 0) {
        auto const attempt = state_in(cx, state_of_attempt, run, what.node, what.attempt);
        if (!attempt) return attempt.error();
        if (!*attempt)
            return failure{cause::invalid_input, called(run, what.node) + " has no attempt " + std::to_string(what.attempt) + " to be recorded"};
        if (**attempt == ended) return {};    // told twice
        if (**attempt != node_state::in_flight)
            return failure{cause::invalid_input, "attempt " + std::to_string(what.attempt) + " of " + called(run, what.node) + " is " +
                                                     std::string{name_of(**attempt)} + " already"};
    } else {
        if (*state == what.state && *state != node_state::pending) return {};
        if (*state != node_state::pending && *state != node_state::interrupted)
            return failure{cause::invalid_input, called(run, what.node) + " is " + std::string{name_of(*state)} + ": it does not end without its attempt"};
    }
    auto const or_null = [](std::string const& text) { return text.empty() ? std::nullopt : std::optional<std::string_view>{text}; };
    auto const kind = or_null(what.kind), text = or_null(what.text);
    bool const answered = what.state == node_state::done || !what.answer.empty();
    if (what.attempt != 0)
        if (auto done = use(end_attempt).run(cx, number_of(ended), kind, text, now(), run, what.node, what.attempt); !done) return done;
    if (auto done = use(end_node).run(cx, number_of(what.state), kind, text, or_null(what.finish_reason), what.partial,
                                      answered ? std::optional<std::string_view>{what.answer} : std::nullopt,
                                      answered ? std::optional<std::size_t>{whole_answer} : std::nullopt, now(), run, what.node);
        !done)
        return done;
    if (what.usage != token_usage{}) {
        auto const& used = what.usage;
        if (auto done = use(put_usage).run(cx, run, what.node, what.attempt, used.prompt, used.completion, used.total, used.cached, used.reasoning); !done)
            return done;
    }
    if (what.attempt != 1)    // those of a part that came earlier
        if (auto done = use(drop_facts).run(cx, run, what.node); !done) return done;
    std::int64_t place = 0;
    for (auto const& each : what.facts)
        if (auto done = use(put_fact).run(cx, run, what.node, ++place, each.name, each.value); !done) return done;
    return {};
}

inline outcome<std::int64_t> fact_tables::stop_rest(context& cx, std::int64_t run, std::string_view kind, std::string_view text) {
    if (auto const done = use(stop_nodes).run(cx, kind, text, now(), run); !done) return done.error();
    return db_.changes();
}

inline outcome<void> fact_tables::finish(context& cx, std::int64_t run) {
    std::int64_t open = 0;
    if (auto done = use(open_nodes).each(cx, [&](sqlite_statement const& row) { open = row.integer(0); }, run); !done) return done;
    if (open != 0)
        return failure{cause::invalid_input, "run " + std::to_string(run) + " cannot be finished: " + std::to_string(open) +
                                                 " of its nodes are neither done nor failed"};
    return use(end_run).run(cx, now(), run);
}

}  // namespace muster::llm::detail
