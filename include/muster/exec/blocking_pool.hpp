#pragma once

#include <cstddef>    // size_t
#include <utility>    // move

#include <muster/core/concepts.hpp>       // executor
#include <muster/core/run_info.hpp>       // sequential_reason
#include <muster/core/waiter.hpp>         // waiter_ref
#include <muster/exec/detail/crew.hpp>    // crew
#include <muster/exec/detail/default_width.hpp>    // default_width
#include <muster/exec/pending.hpp>        // pending

namespace muster {

/// A wide, lazy pool for work that waits: programs, files, connections.
///
/// Order      none between items; the caller of a verb works too.
/// Default    2 x the granted cores, or MUSTER_MAX_WORKERS; name a width where the other side allows more. Threads start when work comes, and stay.
/// Waits      a thread that waits is simply busy: the width is the bound on calls in flight.
/// Threads    any number of callers; from inside and outside.
/// Lifetime   outlives every stage that names it. The destructor runs out what was posted, then joins.
/// Cost       about 10 KB of memory and 40 us to start a thread.
class blocking_pool {
public:
    explicit blocking_pool(std::size_t width = 0) : blocking_pool(detail::width_or_default(width, 2)) {}
    /// As wide as these settings say: for a prefix of your own, and to hear of values that break their rule.
    explicit blocking_pool(settings const& from) : blocking_pool(detail::default_width(2, from.snapshot())) {}

    [[nodiscard]] std::size_t width() const noexcept { return crew_.width(); }
    [[nodiscard]] std::size_t started() const noexcept { return crew_.started(); }
    /// True when the machine refused a thread; work then runs on fewer, in the end on the callers'.
    [[nodiscard]] bool refused() const noexcept { return crew_.refused(); }

    /// How many of `width` calls at once the threads that can be had allow, the caller among them. The first time it starts one.
    std::size_t prepare(std::size_t width) { return crew_.prepare(width); }
    /// Why the pool is one wide, where it was not asked to be: switched off, or one core.
    [[nodiscard]] sequential_reason why_sequential() const noexcept { return plan_.why; }

    /// Calls `body(first, last)` on ranges that cover [0, n), at most `width` at a time, and returns when all have returned.
    template <class Body>
    void bulk(std::size_t n, std::size_t width, Body const& body) { crew_.bulk(n, width, body); }
    /// The same, for a width that nobody fixed: a batch that was over in less than it costs to wake a thread the last times stays
    /// with its caller, unless it takes longer this time, or one of its items waits.
    template <class Body>
    void bulk_if_worth_it(std::size_t n, std::size_t width, Body const& body) { crew_.bulk_if_worth_it(n, width, body); }

    /// Runs `job()` on some thread, later; it must not throw.
    template <class Job>
    void post(Job job) { crew_.post(std::move(job)); }

    /// Runs `task()` on some thread; the handle gives its outcome.
    template <class F>
    auto submit(F task) { return detail::submit_to(*this, std::move(task)); }

    [[nodiscard]] waiter_ref waiting() noexcept { return waiter_; }

private:
    explicit blocking_pool(detail::planned_width plan) : plan_(plan), crew_(plan.width, 0), waiter_{&crew_} {}

    detail::planned_width const plan_;
    detail::crew crew_;
    detail::crew_waiter waiter_;
};

}  // namespace muster
