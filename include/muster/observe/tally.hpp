#pragma once

#include <atomic>     // the sums
#include <chrono>     // nanoseconds
#include <cstdint>    // int64_t
#include <limits>     // no start yet
#include <mutex>      // the run's own words

#include <muster/core/concepts.hpp>         // observer, call_event
#include <muster/core/context.hpp>          // context
#include <muster/core/run_info.hpp>         // run_info
#include <muster/observe/run_report.hpp>    // run_report

namespace muster {

/// Sums the calls of a run into a `run_report`: `map(items, on{pool} | observe{sums} | work); sums.report()`.
///
/// Order      `observe{sums}` left of `retry`: items; right of it: attempts, which then count as items.
/// Default    width, cores and the reason for a sequential run are those of the first call's run.
/// Threads    any number of calls at once. Ask for the report when the run is over; asked earlier, it is a moment's.
/// Cost       five atomic operations a call, and a mutex once a run.
class tally {
public:
    tally() = default;
    tally(tally const&) = delete;
    tally& operator=(tally const&) = delete;

    void on_call(call_event const& event) noexcept;
    [[nodiscard]] run_report report() const;
    /// Forgets everything, for the next run. Not while one is going on.
    void reset();

private:
    static constexpr std::int64_t none = std::numeric_limits<std::int64_t>::max();

    // Relaxed throughout: sums that are read when the run is over, which orders them.
    std::atomic<std::uint64_t> finished_{0}, failed_{0};
    std::atomic<std::int64_t> busy_{0};
    std::atomic<std::int64_t> begin_{none}, end_{-none};
    std::atomic<bool> knows_run_{false};
    mutable std::mutex mutex_;
    run_info run_;
};

// Implementation

inline void tally::on_call(call_event const& event) noexcept {
    auto const at = event.at.time_since_epoch().count();
    auto const took = event.what == call_event::kind::finished ? event.took.count() : 0;
    auto begin = begin_.load(std::memory_order_relaxed);
    while (at - took < begin && !begin_.compare_exchange_weak(begin, at - took, std::memory_order_relaxed)) {}
    if (!knows_run_.load(std::memory_order_relaxed) && event.call && event.call->run() && !knows_run_.exchange(true)) {
        std::lock_guard lock(mutex_);
        run_ = *event.call->run();
    }
    if (event.what != call_event::kind::finished) return;
    auto end = end_.load(std::memory_order_relaxed);
    while (at > end && !end_.compare_exchange_weak(end, at, std::memory_order_relaxed)) {}
    busy_.fetch_add(took, std::memory_order_relaxed);
    if (event.error) failed_.fetch_add(1, std::memory_order_relaxed);
    finished_.fetch_add(1, std::memory_order_relaxed);
}

inline run_report tally::report() const {
    run_report out;
    {
        std::lock_guard lock(mutex_);
        out.items = run_.items;
        out.configured = run_.configured;
        out.workers = run_.width;
        out.cores = run_.cores;
        out.why = run_.why;
    }
    out.finished = finished_.load(std::memory_order_relaxed);
    out.failed = failed_.load(std::memory_order_relaxed);
    if (out.items < out.finished) out.items = out.finished;    // several runs, or none that said how many
    out.busy = std::chrono::nanoseconds{busy_.load(std::memory_order_relaxed)};
    auto const begin = begin_.load(std::memory_order_relaxed), end = end_.load(std::memory_order_relaxed);
    if (out.finished != 0 && end > begin) out.wall = std::chrono::nanoseconds{end - begin};
    return out;
}

inline void tally::reset() {
    std::lock_guard lock(mutex_);
    finished_ = failed_ = 0;
    busy_ = 0;
    begin_ = none;
    end_ = -none;
    run_ = {};
    knows_run_ = false;
}

static_assert(observer<tally>);

}  // namespace muster
