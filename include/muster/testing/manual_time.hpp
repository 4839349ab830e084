#pragma once

#include <algorithm>             // remove
#include <chrono>                // nanoseconds
#include <condition_variable>    // until_waiting
#include <cstddef>               // size_t
#include <mutex>                 // mutex
#include <vector>                // who waits

#include <muster/core/waiter.hpp>    // waiter, wait_point

namespace muster::testing {

/// Time that stands still until a test moves it: `context cx{time};`.
///
/// Shape      two ways. `manual_time time;`: waits block until `advance` reaches their end, `until_waiting(n)` lets a test hold
///            on until n calls wait. `manual_time time{manual_time::jumping};`: a wait with an end moves the time there and
///            returns, so that a single thread can run through retries and delays at once.
/// Default    it starts one hour after the epoch of the steady clock.
/// Threads    any number; executors leave it in place of their own waiters.
/// Lifetime   outlives the contexts that name it.
class manual_time {
public:
    static constexpr bool rules_time = true;
    enum class way { blocking, jumping };
    static constexpr way jumping = way::jumping;

    explicit manual_time(way how = way::blocking) : way_(how) {}
    manual_time(manual_time const&) = delete;
    manual_time& operator=(manual_time const&) = delete;

    [[nodiscard]] instant now() const {
        std::lock_guard lock(mutex_);
        return now_;
    }

    /// Moves the time and ends the waits that are due.
    void advance(std::chrono::nanoseconds by) {
        std::lock_guard lock(mutex_);
        now_ = later(now_, by);
        for (auto const& each : waiting_)
            if (each.until <= now_) each.point->nudge();
    }

    /// Blocks (in real time) until so many calls wait here; gives how many do.
    std::size_t until_waiting(std::size_t calls) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return waiting_.size() >= calls; });
        return waiting_.size();
    }
    [[nodiscard]] std::size_t waiting() const {
        std::lock_guard lock(mutex_);
        return waiting_.size();
    }

    /// How long each wait that had an end was asked to be, in order.
    [[nodiscard]] std::vector<std::chrono::nanoseconds> waits() const {
        std::lock_guard lock(mutex_);
        return waits_;
    }

    /// For the library: waits until woken or until the time is there.
    bool wait_until(wait_point& point, instant until) {
        std::unique_lock lock(mutex_);
        if (until != never) waits_.push_back(until - now_);
        if (way_ == way::jumping && until != never) {
            lock.unlock();
            auto const over = point.block_until(instant::min());    // woken or stopped before: then no time passes
            lock.lock();
            if (!over) now_ = std::max(now_, until);
            return point.woken();
        }
        waiting_.push_back({&point, until});
        changed_.notify_all();
        while (now_ < until) {
            lock.unlock();
            auto const over = point.block_until(never);
            lock.lock();
            if (over) break;
        }
        std::erase_if(waiting_, [&](auto const& each) { return each.point == &point; });
        return point.woken();
    }

private:
    struct wait {
        wait_point* point;
        instant until;
    };
    way const way_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    instant now_ = instant{} + std::chrono::hours{1};
    std::vector<wait> waiting_;
    std::vector<std::chrono::nanoseconds> waits_;
};

static_assert(waiter<manual_time>);

}  // namespace muster::testing
