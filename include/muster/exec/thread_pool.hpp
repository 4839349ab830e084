#pragma once

#include <algorithm>    // clamp, max
#include <chrono>       // nanoseconds
#include <concepts>     // invocable
#include <cstddef>      // size_t
#include <cstdint>      // uint64_t
#include <utility>      // move

#include <muster/core/concepts.hpp>       // executor
#include <muster/core/run_info.hpp>       // sequential_reason
#include <muster/core/waiter.hpp>         // waiter_ref
#include <muster/exec/detail/crew.hpp>    // crew
#include <muster/exec/detail/default_width.hpp>    // default_width
#include <muster/exec/join.hpp>           // join, worker
#include <muster/exec/pending.hpp>        // pending
#include <muster/exec/worker_placement.hpp>    // worker_placement

namespace muster {

namespace detail {
struct no_task {
    void operator()() const noexcept {}
};
}  // namespace detail

/// What a thread_pool is made with.
struct thread_pool_options {
    std::size_t workers = 0;    ///< 0: MUSTER_MAX_WORKERS, else the cores that the machine grants (affinity, quota)
    std::size_t spares = 64;    ///< threads that may stand in for workers that wait in a policy
    std::size_t most_workers = 64;    ///< what `resize` can grow to; at least `workers`
    double utilisation = 1;     ///< of its time a worker may be busy: at 0.75 it rests a quarter of it, in pieces of milliseconds
    worker_placement placement{};    ///< where workers are bound to, nowhere by default: see exec/place_workers.hpp
};

/// What one thread of a pool did so far.
struct thread_pool_stats {
    std::uint64_t shared = 0;         ///< forks that an idle worker asked for, of all that were forked
    std::uint64_t taken = 0;          ///< forks of others that were run here
    std::uint64_t parks = 0;          ///< times that it went to sleep for good
    std::uint64_t wakes = 0;          ///< times that it was woken
    std::chrono::nanoseconds busy{};  ///< in work; what callers from outside do themselves is not measured
};

/// A work-stealing pool as wide as the machine: for work that computes.
///
/// Order      none between items; the caller of a verb works too, and idle workers take items one by one or in small chunks. The
///            verbs of several callers take turns; jobs of one priority are begun in the order in which they came, or nearly.
/// Waits      a worker that waits in a policy lends its place to a spare thread. While a verb waits for its last items, its
///            thread runs only work that those items started: nested verbs never deadlock, also under a lock the item holds.
/// Default    as many workers as cores are granted; threads start when work comes. Where none can be started the callers do
///            the work, and `refused()` says so.
/// Threads    any number of callers; from inside and outside.
/// Lifetime   outlives every stage that names it. The destructor runs out what was posted, then joins. A child of fork() has no
///            workers and may not use it; the destructor waits for nobody there.
class thread_pool {
public:
    thread_pool() : thread_pool(thread_pool_options{}) {}
    explicit thread_pool(std::size_t workers) : thread_pool(thread_pool_options{.workers = workers}) {}
    explicit thread_pool(thread_pool_options options) : thread_pool(detail::width_or_default(options.workers, 1), std::move(options)) {}
    /// As wide as these settings say: for a prefix of your own, and to hear of values that break their rule.
    explicit thread_pool(settings const& from) : thread_pool(detail::default_width(1, from.snapshot()), thread_pool_options{}) {}

    [[nodiscard]] std::size_t width() const noexcept { return crew_.width(); }
    /// How many threads were started so far, spares included.
    [[nodiscard]] std::size_t started() const noexcept { return crew_.started(); }
    /// True when the machine refused a thread; work then runs on fewer, in the end on the callers'.
    [[nodiscard]] bool refused() const noexcept { return crew_.refused(); }

    /// Grows or shrinks while it is used; gives the width that it has then. A worker that is too much leaves after what it does now.
    std::size_t resize(std::size_t workers) noexcept { return crew_.resize(workers); }
    /// Starts the workers, makes 256 KiB of each stack memory and lets each of them and the caller call `task()`, which makes what
    /// it keeps for itself and does not throw: the first task then finds all as the later ones do.
    template <class Task = detail::no_task>
    void warm_up(Task const& task = {}) { crew_.warm_up(task); }
    /// Of the thread that was started as number `i`; from `started()` on, of the callers from outside.
    [[nodiscard]] thread_pool_stats stats(std::size_t i) const noexcept {
        auto const now = crew_.stats(i);
        return {now.shared, now.taken, now.parks, now.wakes, now.busy};
    }

    /// How many of `width` calls at once the threads that can be had allow, the caller among them. The first time it starts one.
    std::size_t prepare(std::size_t width) { return crew_.prepare(width); }
    /// Why the pool is one wide, where it was not asked to be: switched off, or one core.
    [[nodiscard]] sequential_reason why_sequential() const noexcept { return plan_.why; }

    /// Calls `body(first, last)` on ranges that cover [0, n), at most `width` at a time, and returns when all have returned.
    /// A batch that was over in less than it costs to wake a thread the last times stays with its caller, unless it takes longer
    /// this time, or one of its items waits.
    template <class Body>
    void bulk(std::size_t n, std::size_t width, Body const& body) { crew_.bulk_if_worth_it(n, width, body); }

    /// Calls `f(worker)`, or `f()`, on this thread, as one of the workers: what it forks by `join` the others take. Gives its outcome;
    /// cause::cancelled where the context's stop ended it at a fork. A deadline is seen by who asks `worker::stop_requested()`.
    template <class F>
    auto run(F const& f, context const& cx = context{}) { return run_in(f, cx); }

    /// Runs `job()` on some worker, later; it must not throw. Those of high priority are begun before all other work that waits,
    /// those of low priority when there is nothing else, and all the same in one of 32 turns of a worker: only urgent jobs without
    /// end keep others from their turn.
    template <class Job>
    void post(Job job, priority how = priority::normal) { crew_.post(std::move(job), how); }

    /// Runs `task()` on some worker; the handle gives its outcome.
    template <class F>
    auto submit(F task, priority how = priority::normal) { return detail::submit_to(*this, std::move(task), how); }

    [[nodiscard]] waiter_ref waiting() noexcept { return waiter_; }

private:
    thread_pool(detail::planned_width plan, thread_pool_options&& options)
        : plan_(plan), crew_({.width = plan.width,
                              .most_width = std::max(plan.width, options.most_workers),
                              .spares = options.spares,
                              .forks = true,
                              .utilisation = std::clamp(options.utilisation, 0.01, 1.0),
                              .placement = std::move(options.placement)}),
          waiter_{&crew_} {}

    template <class F>
    auto run_in(F const& f, context const& cx) {
        constexpr bool with_worker = std::invocable<F const&, worker>;
        auto const call = [&](detail::forked** at) -> decltype(auto) {
            if constexpr (with_worker) return f(worker{at});
            else return f();
        };
        using result = typename detail::normalised<std::remove_cvref_t<std::invoke_result_t<decltype(call) const&, detail::forked**>>>::type;
        return guarded<result>([&]() -> result {
            if constexpr (std::is_void_v<std::invoke_result_t<decltype(call) const&, detail::forked**>>) {
                crew_.enter(cx, call);
                return {};
            } else {
                return crew_.enter(cx, call);
            }
        });
    }

    detail::planned_width const plan_;
    detail::crew crew_;
    detail::crew_waiter waiter_;
};

}  // namespace muster
