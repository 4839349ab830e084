#pragma once

#include <string>     // describe
#include <utility>    // forward, move

#include <muster/adapt/sqlite.hpp>      // sqlite_database
#include <muster/core/concepts.hpp>     // around_tag, outcome_of
#include <muster/core/context.hpp>      // context
#include <muster/core/stage.hpp>        // operator|

namespace muster {

/// Makes each call one transaction: what it wrote is committed with its value, and rolled back with its failure.
///
///     bulkhead one{1};
///     map(rows, on{pool} | limit{one} | transactional{db} | [&](row const& r, context& cx) { return insert.run(cx, r.name); });
///
/// A connection for each worker comes from `scratch`, which the task alone sees: there the task calls `in_transaction` itself.
///
/// Order      right of `retry`: each attempt begins with nothing written. Right of `limit`: a call that waits there holds no lock.
/// Waits      to begin and to commit, for the write lock of other connections: as sqlite_statement.
/// Fails      as what follows does; as sqlite_database::begin, without calling it; as the commit, and nothing is then written.
/// Threads    one call at a time, as the connection: `limit` by a bulkhead of 1 to the left, where several threads call.
/// Lifetime   refers to the database, which must outlive every stage made from this policy.
/// Cost       two statements a call, and the commit.
class transactional {
public:
    using policy_concept = around_tag;

    explicit constexpr transactional(sqlite_database& in) noexcept : in_(&in) {}
    explicit transactional(sqlite_database&&) = delete;    // a temporary would be gone before the first call

    template <class Next, class Item>
    auto around(Next const& next, context& cx, Item&& item) const -> outcome_of<Next, Item>;

    [[nodiscard]] std::string describe() const { return "transactional"; }
    friend constexpr bool operator==(transactional, transactional) noexcept = default;

private:
    sqlite_database* in_;
};

/// Calls `work()`, which answers an outcome, in a transaction: commits with a value, rolls back with a failure or a throw.
template <class Work>
auto in_transaction(context& cx, sqlite_database& in, Work const& work) -> decltype(work()) {
    auto change = in.begin(cx);
    if (!change) return std::move(change).error();
    auto result = work();
    if (!result) return result;
    if (auto kept = change->commit(cx); !kept) return std::move(kept).error();
    return result;
}

// Implementation

template <class Next, class Item>
auto transactional::around(Next const& next, context& cx, Item&& item) const -> outcome_of<Next, Item> {
    return in_transaction(cx, *in_, [&] { return next(cx, std::forward<Item>(item)); });
}

static_assert(around_policy<transactional>);

}  // namespace muster
