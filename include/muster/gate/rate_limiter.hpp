#pragma once

#include <algorithm>    // max
#include <chrono>       // nanoseconds
#include <cstddef>      // size_t
#include <mutex>        // mutex
#include <stdexcept>    // invalid_argument

#include <muster/core/concepts.hpp>       // gate
#include <muster/core/context.hpp>        // context
#include <muster/core/outcome.hpp>        // outcome
#include <muster/gate/detail/line.hpp>            // waiting_line
#include <muster/gate/detail/spent_permit.hpp>    // spent_permit

namespace muster {

/// What a rate_limiter grants: `permits` in each `per`.
struct rate {
    double permits = 1;                                   ///< more than 0; may be a fraction
    std::chrono::nanoseconds per = std::chrono::seconds{1};    ///< more than 0
    double burst = 1;             ///< 1: how many may pass at once after a pause; at least 1, never more than asked for
    std::size_t most_waiting = 0;    ///< 0: any number may wait; else one more is rejected
    friend bool operator==(rate const&, rate const&) = default;
};

/// A gate that spaces calls evenly in time.
///
/// Order      first come, first served; an item that weighs w delays whoever comes after it by w intervals.
/// Waits      until the permit is due, the deadline or a stop, whichever is first.
/// Fails      cause::rejected where the line is full, timed_out, cancelled.
/// Throws     std::invalid_argument for a rate that is not positive.
/// Threads    any number; `retune` acts at once, on those who wait as well.
/// Cost       one lock a call; a call that waits sleeps once.
/// Source     the virtual scheduling form of the generic cell rate algorithm, ITU-T I.371.
class rate_limiter {
public:
    using permit = detail::spent_permit;

    explicit rate_limiter(rate what) : rate_(checked(what)) {}
    rate_limiter(rate_limiter const&) = delete;
    rate_limiter& operator=(rate_limiter const&) = delete;

    outcome<permit> acquire(context& cx, double weight = 1);

    /// Grants another rate from now on; what the last permit has still to pay off shrinks or grows with it.
    void retune(rate what);
    [[nodiscard]] rate tuned() const;
    [[nodiscard]] std::size_t waiting() const;

private:
    static rate checked(rate what) {
        if (!(what.permits > 0) || what.per.count() <= 0 || !(what.burst >= 1))
            throw std::invalid_argument("muster: rate_limiter needs permits > 0, per > 0 and burst >= 1");
        return what;
    }
    [[nodiscard]] std::chrono::nanoseconds interval(double weight) const {    // under the mutex
        auto const exact = static_cast<double>(rate_.per.count()) * weight / rate_.permits;
        return std::chrono::nanoseconds{exact < 9e18 ? static_cast<std::chrono::nanoseconds::rep>(exact) : INT64_MAX};
    }
    /// When the next permit is due at the earliest.
    [[nodiscard]] instant due(instant now) const {
        auto const saved = now - std::min(interval(rate_.burst - 1), std::chrono::nanoseconds{now.time_since_epoch()});
        return std::max(later(granted_, interval(owed_)), saved);
    }

    mutable std::mutex mutex_;
    rate rate_;
    // The last permit by its weight, not by the time it costs: so that another rate holds for what is still to pay off.
    instant granted_{};    // when it was due
    double owed_ = 0;
    detail::waiting_line line_;
};

// Implementation

inline outcome<rate_limiter::permit> rate_limiter::acquire(context& cx, double weight) {
    if (cx.stop_requested()) return cx.interruption();
    std::unique_lock lock(mutex_);
    instant next;
    auto const ready = [&](instant& again) {
        auto const now = cx.now();
        again = next = due(now);
        return next <= now;
    };
    auto const enter = [&]() -> outcome<permit> {
        granted_ = next;
        owed_ = weight;
        return permit{};
    };
    return line_.pass(cx, lock, {rate_.most_waiting, "rate limiter"}, ready, enter);
}

inline void rate_limiter::retune(rate what) {
    auto const next = checked(what);
    std::lock_guard lock(mutex_);
    rate_ = next;
    line_.call_first();
}

inline rate rate_limiter::tuned() const {
    std::lock_guard lock(mutex_);
    return rate_;
}

inline std::size_t rate_limiter::waiting() const {
    std::lock_guard lock(mutex_);
    return line_.size();
}

static_assert(gate<rate_limiter>);

}  // namespace muster
