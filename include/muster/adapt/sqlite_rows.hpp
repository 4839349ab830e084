#pragma once

#include <algorithm>       // lower_bound
#include <charconv>        // from_chars
#include <chrono>          // nanoseconds
#include <concepts>        // invocable
#include <cstdint>         // int64_t
#include <iterator>        // prev
#include <optional>        // a statement that is prepared later
#include <string>          // names
#include <string_view>     // names
#include <system_error>    // errc
#include <type_traits>     // invoke_result
#include <utility>         // move
#include <vector>          // numbers

#include <muster/adapt/detail/row_proof.hpp>  // row_proof
#include <muster/adapt/sqlite.hpp>            // sqlite_database
#include <muster/core/context.hpp>            // context
#include <muster/core/failure.hpp>            // cause, failure
#include <muster/core/outcome.hpp>            // outcome
#include <muster/flow/record_source.hpp>      // record_source
#include <muster/flow/source_wait.hpp>        // source_wait

namespace muster {

/// How the rows of a table are read.
struct sqlite_rows_options {
    std::string name{};      ///< by which journals know it; empty: the path of the database
    bool follow = false;     ///< true: rows come in, and are waited for
    bool compare = true;     ///< true: the last row that was read is what it was, or gone; false: rows change after they came in
    std::chrono::nanoseconds poll = std::chrono::milliseconds{10};    ///< 10 ms: how often a table that is followed is looked at
    friend bool operator==(sqlite_rows_options const&, sqlite_rows_options const&) = default;
};

/// The rows of a table as the source of a durable run.
///
///     sqlite_rows orders{db, "SELECT id, customer, cents FROM orders WHERE id >= ? ORDER BY id LIMIT ?", "SELECT max(id) FROM orders",
///                        [](sqlite_statement const& row) { return order{row.integer(0), std::string{row.text(1)}, row.integer(2)}; }};
///
/// Shape      the first query gives rows from a number on, with the number as its first column, rising; the second one the highest number there is.
///            The number is the offset, 0 or more: rows that come in have a higher one than those that were read, as an AUTOINCREMENT
///            gives them. `f(row)` makes the value of it, and owns what it takes. One partition. What one transaction adds is seen whole;
///            but two that write at once are not possible in SQLite, so that no number shows up late.
/// Waits      for rows, in a table that is followed; for the locks of others, as sqlite_statement.
/// Fails      with invalid_input where the highest number is lower than what was read, or the last row that was read, by a hash of its
///            columns, is another one: `resume`, and `read` where it finds no more. `read` with invalid_input for a number below the
///            one that was asked for; as sqlite_statement.
/// Threads    one run at a time, as the connection.
/// Lifetime   refers to the database, which is not the connection of the journal: that one is inside a transaction when it commits.
template <class F>
class sqlite_rows {
public:
    using value_type = std::remove_cvref_t<std::invoke_result_t<F const&, sqlite_statement const&>>;

    sqlite_rows(sqlite_database& in, sqlite_sql rows, sqlite_sql highest, F f, sqlite_rows_options options = {})
        : in_(&in), rows_text_(rows), highest_text_(highest), f_(std::move(f)), options_(std::move(options)) {
        if (options_.name.empty()) options_.name = in.path();
    }

    [[nodiscard]] std::string_view name() const noexcept { return options_.name; }
    [[nodiscard]] std::uint64_t partitions() const noexcept { return 1; }
    outcome<void> resume(context& cx, std::uint64_t partition, source_position const& at);
    outcome<void> read(context& cx, std::uint64_t partition, std::uint64_t offset, read_bounds const& bounds, source_batch<value_type>& into);
    [[nodiscard]] outcome<std::string> mark(std::uint64_t partition, std::uint64_t offset);

private:
    outcome<void> ready(context& cx);
    outcome<std::optional<std::uint64_t>> proof_of(context& cx, std::uint64_t number);
    outcome<void> same(context& cx, std::uint64_t offset);

    sqlite_database* in_;
    sqlite_sql rows_text_, highest_text_;
    F f_;
    sqlite_rows_options options_;
    std::optional<sqlite_statement> rows_;
    std::vector<std::uint64_t> numbers_;    // of the last batch
    struct {
        std::uint64_t number = 0, proof = 0;
        bool known = false;
    } last_;    // a row that was read, and what it was
};

// Implementation

template <class F>
outcome<void> sqlite_rows<F>::ready(context& cx) {
    if (rows_) return {};
    auto rows = in_->prepare(cx, rows_text_);
    if (!rows) return rows.error();
    rows_.emplace(*std::move(rows));
    return {};
}

// Nothing where there is no such row.
template <class F>
outcome<std::optional<std::uint64_t>> sqlite_rows<F>::proof_of(context& cx, std::uint64_t number) {
    std::optional<std::uint64_t> found;
    auto const look = [&](sqlite_statement const& row) {
        if (row.integer(0) != static_cast<std::int64_t>(number)) return;
        detail::row_proof proof;
        for (int i = 0; i < row.columns(); ++i) row.is_null(i) ? proof.number(0) : proof.number(1).text(row.text(i));
        found = static_cast<std::uint64_t>(proof.signed_value());
    };
    if (auto done = rows_->each(cx, look, number, 1); !done) return done.error();
    return found;
}

// Whether the rows before the offset are still those that were read, as far as it can be seen.
template <class F>
outcome<void> sqlite_rows<F>::same(context& cx, std::uint64_t offset) {
    if (offset == 0) return {};
    auto const highest = in_->integer(cx, highest_text_);    // null, where there are no rows, reads as 0
    if (!highest) return highest.error();
    if (*highest < 0 || static_cast<std::uint64_t>(*highest) + 1 < offset)
        return failure{cause::invalid_input, "the rows of " + options_.name + " end at " + std::to_string(*highest) + ", and are fewer than the offset " +
                                                 std::to_string(offset) + " that was committed: they were deleted or replaced"};
    if (!last_.known || !options_.compare) return {};
    auto const now = proof_of(cx, last_.number);
    if (!now) return now.error();
    if (*now && **now != last_.proof)
        return failure{cause::invalid_input, "row " + std::to_string(last_.number) + " of " + options_.name +
                                                 " is not the one that was read: the rows were replaced, or are changed after they came in: then "
                                                 "write sqlite_rows_options::compare = false"};
    return {};
}

template <class F>
outcome<std::string> sqlite_rows<F>::mark(std::uint64_t, std::uint64_t offset) {
    if (!options_.compare) return std::string{};
    auto const behind = std::lower_bound(numbers_.begin(), numbers_.end(), offset);
    if (behind != numbers_.begin()) {
        context cx;    // a commit is not cut short
        auto const number = *std::prev(behind);
        auto const proof = proof_of(cx, number);
        if (!proof) return proof.error();
        last_ = {.number = number, .proof = proof->value_or(0), .known = proof->has_value()};
    }
    return last_.known ? std::to_string(last_.number) + '-' + std::to_string(last_.proof) : std::string{};
}

template <class F>
outcome<void> sqlite_rows<F>::resume(context& cx, std::uint64_t, source_position const& at) {
    if (auto done = ready(cx); !done) return done;
    last_ = {};
    numbers_.clear();
    auto const* const end = at.mark.data() + at.mark.size();
    if (auto const [dash, wrong] = std::from_chars(at.mark.data(), end, last_.number); wrong == std::errc{} && dash != end && *dash == '-')
        last_.known = std::from_chars(dash + 1, end, last_.proof).ec == std::errc{};
    return same(cx, at.offset);
}

template <class F>
outcome<void> sqlite_rows<F>::read(context& cx, std::uint64_t, std::uint64_t offset, read_bounds const& bounds, source_batch<value_type>& into) {
    if (auto done = ready(cx); !done) return done;
    numbers_.clear();
    for (source_wait wait{bounds, options_.poll};;) {
        std::optional<std::int64_t> wrong;
        auto const take = [&](sqlite_statement const& row) {
            auto const number = row.integer(0);
            if (number < 0 || static_cast<std::uint64_t>(number) < into.next) return wrong = number, false;
            into.records.push_back({static_cast<std::uint64_t>(number), f_(row)});
            numbers_.push_back(static_cast<std::uint64_t>(number));
            into.next = static_cast<std::uint64_t>(number) + 1;
            return true;
        };
        if (auto done = rows_->each(cx, take, into.next, bounds.records - into.records.size()); !done) {
            // What came before a stop is a batch.
            if (cx.stop_requested() && (done.error().is(cause::cancelled) || done.error().is(cause::timed_out))) return {};
            return done;
        }
        if (wrong)
            return failure{cause::invalid_input, "a row of " + options_.name + " has number " + std::to_string(*wrong) + " where " +
                                                     std::to_string(into.next) + " or a higher one was asked for"};
        if (into.records.size() >= bounds.records) return {};
        if (auto still = same(cx, into.next); !still) return still;
        into.ended = !options_.follow;
        if (into.ended || !wait.more(cx, into.next != offset)) return {};
    }
}

}  // namespace muster
