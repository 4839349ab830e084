#pragma once

#include <chrono>       // nanoseconds
#include <cstddef>      // size_t
#include <cstdint>      // uint64_t
#include <mutex>        // mutex
#include <stdexcept>    // invalid_argument
#include <utility>      // exchange
#include <vector>       // the window

#include <muster/core/concepts.hpp>         // gate
#include <muster/core/context.hpp>          // context
#include <muster/core/duration_text.hpp>    // duration_text
#include <muster/core/outcome.hpp>          // outcome

namespace muster {

/// Failures that say something about the other side; an item that is wrong in itself, or a stop, does not.
[[nodiscard]] inline bool blames_the_other_side(failure const& what) noexcept {
    return !what.is(cause::invalid_input) && !what.is(cause::cancelled) && !what.is(cause::rejected);
}

/// When a circuit_breaker opens, and for how long.
struct circuit_breaker_options {
    std::size_t window = 20;        ///< 20: how many of the last calls are counted
    std::size_t minimum = 10;       ///< 10: how many must be known before it opens; at most `window`
    double failure_rate = 0.5;      ///< 0.5: share of failures at which it opens; above 0, at most 1
    std::chrono::nanoseconds open_for = std::chrono::seconds{30};    ///< 30 s: how long it rejects before it probes
    std::size_t probes = 1;         ///< 1: how many calls are let through to find out; all must succeed
    bool (*counts)(failure const&) = blames_the_other_side;    ///< which failures count
};

/// A gate that stops asking who keeps failing, and asks again carefully.
///
/// Order      left of `retry` it counts items, right of it attempts.
/// Waits      never.
/// Fails      cause::rejected while it is open, with `retry_after` set to the time that is left.
/// Throws     std::invalid_argument for options that could never open or close it.
/// Threads    any number. A call that began before the breaker changed its state no longer counts.
/// Source     M. Nygard, Release It!, "Circuit Breaker".
class circuit_breaker {
public:
    enum class state { closed, open, half_open };

    class permit {
    public:
        permit(permit&& other) noexcept : of_(std::exchange(other.of_, nullptr)), time_(other.time_), era_(other.era_) {}
        permit& operator=(permit&& other) noexcept {
            std::swap(of_, other.of_);
            std::swap(time_, other.time_);
            std::swap(era_, other.era_);
            return *this;
        }
        /// A call that ends without a word counts for nothing, and gives its probe back.
        ~permit() {
            if (of_) of_->forget(era_);
        }
        template <class Result>
        void settle(Result const& result) {
            if (!of_) return;
            of_->learn(era_, time_, result.has_value() ? nullptr : &result.error());
            of_ = nullptr;    // after it: where `counts` throws, the probe is given back
        }

    private:
        friend circuit_breaker;
        permit(circuit_breaker& of, waiter_ref time, std::uint64_t era) noexcept : of_(&of), time_(time), era_(era) {}
        circuit_breaker* of_;
        waiter_ref time_;
        std::uint64_t era_;
    };

    circuit_breaker() : circuit_breaker(circuit_breaker_options{}) {}
    explicit circuit_breaker(circuit_breaker_options options) : options_(checked(options)), failed_(options_.window) {}
    circuit_breaker(circuit_breaker const&) = delete;
    circuit_breaker& operator=(circuit_breaker const&) = delete;

    outcome<permit> acquire(context& cx, double weight = 1);

    /// The state as of the last call; an open breaker turns half open when a call comes after its time.
    [[nodiscard]] state now() const;

private:
    static circuit_breaker_options checked(circuit_breaker_options options) {
        if (options.window == 0 || options.minimum == 0 || options.minimum > options.window || !(options.failure_rate > 0) ||
            options.failure_rate > 1 || options.open_for.count() < 0 || options.probes == 0 || !options.counts)
            throw std::invalid_argument(
                "muster: circuit_breaker needs 1 <= minimum <= window, 0 < failure_rate <= 1, open_for >= 0 and probes >= 1");
        return options;
    }
    void learn(std::uint64_t era, waiter_ref time, failure const* error);
    void forget(std::uint64_t era) noexcept;
    void change(state to);    // under the mutex

    mutable std::mutex mutex_;
    circuit_breaker_options const options_;
    state state_ = state::closed;
    std::uint64_t era_ = 0;           // counts changes of state
    instant until_{};                 // open: when to probe
    std::vector<char> failed_;        // closed: the last calls, a ring; `known_` of them count
    std::size_t known_ = 0;
    std::size_t oldest_ = 0;
    std::size_t failures_ = 0;
    std::size_t probing_ = 0;         // half open: probes under way
    std::size_t succeeded_ = 0;       // half open: probes that came back well
};

// Implementation

inline outcome<circuit_breaker::permit> circuit_breaker::acquire(context& cx, double) {
    std::lock_guard lock(mutex_);
    if (state_ == state::closed) return permit{*this, cx.waiting(), era_};
    auto const now = cx.now();
    if (state_ == state::open && now >= until_) change(state::half_open);
    if (state_ == state::half_open && probing_ + succeeded_ < options_.probes) {
        ++probing_;
        return permit{*this, cx.waiting(), era_};
    }
    if (state_ == state::half_open) return failure{cause::rejected, "the circuit breaker is probing"};
    auto const left = std::chrono::duration_cast<std::chrono::nanoseconds>(until_ - now);
    return failure{cause::rejected, "the circuit breaker is open for another " + duration_text(left)}.retry_after(left);
}

inline void circuit_breaker::change(state to) {
    state_ = to;
    ++era_;
    known_ = oldest_ = failures_ = probing_ = succeeded_ = 0;
}

inline void circuit_breaker::learn(std::uint64_t era, waiter_ref time, failure const* error) {
    auto const bad = error && options_.counts(*error);
    std::lock_guard lock(mutex_);
    if (era != era_) return;
    auto const open = [&] {
        change(state::open);
        until_ = later(time.now(), options_.open_for);
    };
    if (state_ == state::half_open) {
        --probing_;
        if (bad) return open();
        if (error) return;    // a failure that says nothing of the other side: another probe may find out
        if (++succeeded_ >= options_.probes) change(state::closed);
        return;
    }
    if (error && !bad) return;
    if (known_ < options_.window) {
        failed_[known_++] = bad ? 1 : 0;
    } else {
        failures_ -= failed_[oldest_] != 0;
        failed_[oldest_] = bad ? 1 : 0;
        oldest_ = (oldest_ + 1) % options_.window;
    }
    failures_ += bad;
    if (known_ >= options_.minimum && static_cast<double>(failures_) >= options_.failure_rate * static_cast<double>(known_))
        open();
}

inline void circuit_breaker::forget(std::uint64_t era) noexcept {
    std::lock_guard lock(mutex_);
    if (era == era_ && state_ == state::half_open) --probing_;
}

inline circuit_breaker::state circuit_breaker::now() const {
    std::lock_guard lock(mutex_);
    return state_;
}

static_assert(gate<circuit_breaker>);

}  // namespace muster
