#pragma once

#include <algorithm>    // max
#include <chrono>       // duration
#include <cstddef>      // size_t
#include <mutex>        // mutex
#include <stdexcept>    // invalid_argument
#include <string>       // to_string
#include <utility>      // exchange

#include <muster/core/concepts.hpp>                     // gate
#include <muster/core/context.hpp>                      // context
#include <muster/core/failure.hpp>                      // failure
#include <muster/core/outcome.hpp>                      // outcome
#include <muster/gate/detail/concurrency_search.hpp>    // concurrency_search
#include <muster/gate/detail/line.hpp>                  // waiting_line

namespace muster {

/// Failures that say that the other side has too much to do: it refused, it was too slow, or it asked to be left alone.
[[nodiscard]] inline bool says_too_much(failure const& what) noexcept {
    return what.is(cause::rejected) || what.is(cause::timed_out) || what.retry_after().has_value();
}

/// Between what an adaptive_bulkhead may choose, and what it takes for too long.
struct adaptive_bulkhead_options {
    double least = 1;                ///< 1: never lets fewer in; a whole number, at least 1
    double most = 200;               ///< 200: never lets more in; where more never take longer it ends up here
    double start = 4;                ///< 4: before anything is known; they are taken for few
    double tolerance = 1.5;          ///< 1.5: calls may take this many times as long as few at once do; above 1
    std::size_t most_waiting = 0;    ///< 0: any number may wait; else one more is rejected
    bool (*counts)(failure const&) = says_too_much;    ///< which failures are a sign of too much
};

/// A bulkhead that learns how many calls the other side can take at once, from how long they take and whether it refuses.
///
/// It starts low and lets twice as many in until calls take too long, then finds the limit between by halves; it rests there and
/// tries one more from time to time. Calls that have become longer whatever the limit are told from a queue by a cut that does not help.
///
/// Order      right of `retry`, so that each attempt is measured; first come, first served.
/// Waits      until there is room, the deadline or a stop, whichever is first.
/// Fails      cause::rejected where the line is full, timed_out, cancelled; exhausted for an item heavier than the most that
///            it ever lets in. One heavier than the limit of now goes in alone.
/// Throws     std::invalid_argument for bounds that exclude each other.
/// Threads    any number.
/// Lifetime   outlives its permits.
/// Cost       two locks and two looks at the clock a call; every tenth call or so a median of at most 100 numbers.
/// Source     as Vegas (Brakmo and Peterson, 1995) and Netflix's concurrency-limits, latency is taken for a queue; the search by
///            halves is ours.
class adaptive_bulkhead {
public:
    /// A place inside, until it goes out of scope. What is not settled counts for nothing.
    class permit {
    public:
        permit(permit&& other) noexcept
            : of_(std::exchange(other.of_, nullptr)), time_(other.time_), began_(other.began_), era_(other.era_), weight_(other.weight_) {}
        permit& operator=(permit&& other) noexcept {
            std::swap(of_, other.of_);
            std::swap(time_, other.time_);
            std::swap(began_, other.began_);
            std::swap(era_, other.era_);
            std::swap(weight_, other.weight_);
            return *this;
        }
        ~permit() {
            if (of_) of_->release(weight_);
        }
        template <class Result>
        void settle(Result const& result) {
            if (of_) of_->learn(*this, result.has_value() ? nullptr : &result.error());
        }

    private:
        friend adaptive_bulkhead;
        permit(adaptive_bulkhead& of, waiter_ref time, instant began, unsigned long long era, double weight) noexcept
            : of_(&of), time_(time), began_(began), era_(era), weight_(weight) {}
        adaptive_bulkhead* of_;
        waiter_ref time_;
        instant began_;
        unsigned long long era_;
        double weight_;
    };

    adaptive_bulkhead() : adaptive_bulkhead(adaptive_bulkhead_options{}) {}
    explicit adaptive_bulkhead(adaptive_bulkhead_options options)
        : options_(checked(options)), search_(options.least, options.most, options.start, options.tolerance) {}
    adaptive_bulkhead(adaptive_bulkhead const&) = delete;
    adaptive_bulkhead& operator=(adaptive_bulkhead const&) = delete;

    outcome<permit> acquire(context& cx, double weight = 1);

    /// The weight that may be inside now; a whole number.
    [[nodiscard]] double limit() const;
    /// The weight inside now; above the limit for a while after a cut.
    [[nodiscard]] double inside() const;
    /// The most that was ever inside at once.
    [[nodiscard]] double peak() const;
    [[nodiscard]] std::size_t waiting() const;

private:
    static adaptive_bulkhead_options checked(adaptive_bulkhead_options options) {
        auto const whole = [](double number) { return number < 1e9 && number == static_cast<double>(static_cast<long long>(number)); };
        if (!(options.least >= 1) || !(options.most >= options.least) || !(options.start >= 1) || !whole(options.least) ||
            !whole(options.most) || !whole(options.start) || !(options.tolerance > 1) || !options.counts)
            throw std::invalid_argument("muster: adaptive_bulkhead needs whole numbers 1 <= least <= most and start >= 1, tolerance > 1, and counts");
        return options;
    }
    [[nodiscard]] bool fits(double weight) const noexcept { return inside_ + weight <= search_.limit() + 1e-9 || inside_ <= 0; }
    void learn(permit const& of, failure const* error);
    void release(double weight) noexcept {
        std::lock_guard lock(mutex_);
        inside_ -= weight;
        if (inside_ < 1e-9) inside_ = 0;    // sums of fractions drift
        line_.call_first();
    }

    mutable std::mutex mutex_;
    adaptive_bulkhead_options const options_;
    detail::concurrency_search search_;
    double inside_ = 0;
    double peak_ = 0;
    detail::waiting_line line_;
};

// Implementation

inline outcome<adaptive_bulkhead::permit> adaptive_bulkhead::acquire(context& cx, double weight) {
    if (cx.stop_requested()) return cx.interruption();
    if (weight > options_.most + 1e-9)
        return failure{cause::exhausted, "an item of weight " + std::to_string(weight) + " can never enter an adaptive bulkhead for at most " +
                                             std::to_string(options_.most)};
    std::unique_lock lock(mutex_);
    auto const ready = [&](instant&) { return fits(weight); };
    auto const enter = [&]() -> outcome<permit> {
        inside_ += weight;
        peak_ = std::max(peak_, inside_);
        if (inside_ + 1 > search_.limit() + 1e-9) search_.full();
        return permit{*this, cx.waiting(), cx.now(), search_.era(), weight};
    };
    return line_.pass(cx, lock, {options_.most_waiting, "adaptive bulkhead"}, ready, enter);
}

inline void adaptive_bulkhead::learn(permit const& of, failure const* error) {
    auto const too_much = error && options_.counts(*error);
    if (error && !too_much) return;    // says nothing of how much there is to do: a wrong item is refused at once
    auto const took = std::chrono::duration<double>{of.time_.now() - of.began_}.count();
    std::lock_guard lock(mutex_);
    if (too_much) search_.dropped(of.era_);
    else search_.ended(of.era_, took);
    line_.call_first();    // where more may come in now
}

inline double adaptive_bulkhead::limit() const {
    std::lock_guard lock(mutex_);
    return search_.limit();
}

inline double adaptive_bulkhead::inside() const {
    std::lock_guard lock(mutex_);
    return inside_;
}

inline double adaptive_bulkhead::peak() const {
    std::lock_guard lock(mutex_);
    return peak_;
}

inline std::size_t adaptive_bulkhead::waiting() const {
    std::lock_guard lock(mutex_);
    return line_.size();
}

static_assert(gate<adaptive_bulkhead>);

}  // namespace muster
