#pragma once

#include <concepts>    // same_as
#include <optional>    // a statement that is prepared later
#include <utility>     // move

#include <muster/adapt/sqlite.hpp>      // sqlite_database
#include <muster/core/context.hpp>      // context, origin
#include <muster/core/failure.hpp>      // failure
#include <muster/core/outcome.hpp>      // outcome

namespace muster {

/// How a sqlite_journal writes outputs: `prepare(cx, db)` is called once, and `put(cx, value, origin)` for each, inside the transaction of its batch.
template <class S, class T>
concept sqlite_store_for = requires(S& to, context& cx, sqlite_database& in, T const& value, origin const& from) {
    { to.prepare(cx, in) } -> std::same_as<outcome<void>>;
    { to.put(cx, value, from) } -> std::same_as<outcome<void>>;
};

/// Writes each output by one statement, into a table of your own.
///
///     sqlite_store into{"CREATE TABLE IF NOT EXISTS price(order_id INTEGER PRIMARY KEY, cents INTEGER)",
///                       "INSERT INTO price VALUES (?, ?)",
///                       [](auto const& row, priced const& value, origin const&) { return row(value.id, value.cents); }};
///     auto journal = sqlite_journal<>::open(cx, "orders.db", {}, std::move(into)).value();
///
/// Shape      the first text may be several statements, and runs when the journal is opened; `f(row, value, origin)` calls `row(parameters...)`, once
///            or not at all, and answers what that answers. State that the outputs make up, as a sum, is an upsert: it is committed with them.
/// Fails      as sqlite_statement; a value that the table refuses fails its whole batch, so what can be wrong with one is for the flow to find.
/// Cost       one statement an output.
template <class F>
class sqlite_store {
public:
    sqlite_store(sqlite_sql schema, sqlite_sql each, F f) : schema_(schema), each_(each), f_(std::move(f)) {}

    outcome<void> prepare(context& cx, sqlite_database& in) {
        if (auto made = in.execute(cx, schema_); !made) return made;
        auto statement = in.prepare(cx, each_);
        if (!statement) return statement.error();
        statement_.emplace(*std::move(statement));
        return {};
    }
    template <class T>
    outcome<void> put(context& cx, T const& value, origin const& from) {
        return f_([&](auto const&... parameters) { return statement_->run(cx, parameters...); }, value, from);
    }

private:
    sqlite_sql schema_, each_;
    F f_;
    std::optional<sqlite_statement> statement_;
};

}  // namespace muster
