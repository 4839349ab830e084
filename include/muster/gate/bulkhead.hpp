#pragma once

#include <algorithm>    // max
#include <cstddef>      // size_t
#include <mutex>        // mutex
#include <stdexcept>    // invalid_argument
#include <utility>      // exchange

#include <muster/core/concepts.hpp>       // gate
#include <muster/core/context.hpp>        // context
#include <muster/core/outcome.hpp>        // outcome
#include <muster/gate/detail/line.hpp>    // waiting_line

namespace muster {

/// What a bulkhead lets in.
struct bulkhead_options {
    double inside = 1;               ///< the weight that may be inside at once; more than 0
    std::size_t most_waiting = 0;    ///< 0: any number may wait; else one more is rejected
};

/// A gate that bounds how much is inside at once: connections to one server, memory, a tunnel that takes one at a time.
///
/// Order      first come, first served: a heavy item at the head is not overtaken by light ones.
/// Waits      until there is room, the deadline or a stop, whichever is first.
/// Fails      cause::rejected where the line is full, timed_out, cancelled; exhausted for an item heavier than the whole.
/// Throws     std::invalid_argument for a bulkhead that lets nothing in.
/// Threads    any number; `resize` acts at once.
/// Lifetime   outlives its permits.
class bulkhead {
public:
    /// A place inside, until it goes out of scope.
    class permit {
    public:
        permit(permit&& other) noexcept : of_(std::exchange(other.of_, nullptr)), weight_(other.weight_) {}
        permit& operator=(permit&& other) noexcept {
            std::swap(of_, other.of_);
            std::swap(weight_, other.weight_);
            return *this;
        }
        ~permit() {
            if (of_) of_->release(weight_);
        }
        template <class Result>
        void settle(Result const&) const noexcept {}

    private:
        friend bulkhead;
        permit(bulkhead& of, double weight) noexcept : of_(&of), weight_(weight) {}
        bulkhead* of_;
        double weight_;
    };

    explicit bulkhead(double inside) : bulkhead(bulkhead_options{.inside = inside}) {}
    explicit bulkhead(bulkhead_options options) : options_(checked(options)) {}
    bulkhead(bulkhead const&) = delete;
    bulkhead& operator=(bulkhead const&) = delete;

    outcome<permit> acquire(context& cx, double weight = 1);

    void resize(double inside);
    /// The weight inside now.
    [[nodiscard]] double inside() const;
    /// The most that was ever inside at once.
    [[nodiscard]] double peak() const;
    [[nodiscard]] std::size_t waiting() const;

private:
    static bulkhead_options checked(bulkhead_options options) {
        if (!(options.inside > 0)) throw std::invalid_argument("muster: a bulkhead lets more than 0 in");
        return options;
    }
    [[nodiscard]] bool fits(double weight) const noexcept { return inside_ + weight <= options_.inside + 1e-9; }
    void release(double weight) noexcept {
        std::lock_guard lock(mutex_);
        inside_ -= weight;
        if (inside_ < 1e-9) inside_ = 0;    // sums of fractions drift
        line_.call_first();
    }

    mutable std::mutex mutex_;
    bulkhead_options options_;
    double inside_ = 0;
    double peak_ = 0;
    detail::waiting_line line_;
};

// Implementation

inline outcome<bulkhead::permit> bulkhead::acquire(context& cx, double weight) {
    if (cx.stop_requested()) return cx.interruption();
    std::unique_lock lock(mutex_);
    auto const never_fits = [&] { return weight > options_.inside + 1e-9; };
    auto const too_heavy = [&] {
        return failure{cause::exhausted, "an item of weight " + std::to_string(weight) + " can never enter a bulkhead for " +
                                             std::to_string(options_.inside)};
    };
    if (never_fits()) return too_heavy();
    auto const ready = [&](instant&) { return fits(weight) || never_fits(); };
    auto const enter = [&]() -> outcome<permit> {
        if (never_fits()) return too_heavy();    // it was resized meanwhile
        inside_ += weight;
        peak_ = std::max(peak_, inside_);
        return permit{*this, weight};
    };
    return line_.pass(cx, lock, {options_.most_waiting, "bulkhead"}, ready, enter);
}

inline void bulkhead::resize(double inside) {
    auto const next = checked(bulkhead_options{.inside = inside}).inside;
    std::lock_guard lock(mutex_);
    options_.inside = next;
    line_.call_first();
}

inline double bulkhead::inside() const {
    std::lock_guard lock(mutex_);
    return inside_;
}

inline double bulkhead::peak() const {
    std::lock_guard lock(mutex_);
    return peak_;
}

inline std::size_t bulkhead::waiting() const {
    std::lock_guard lock(mutex_);
    return line_.size();
}

static_assert(gate<bulkhead>);

}  // namespace muster
