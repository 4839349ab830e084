#pragma once

#include <chrono>       // milliseconds
#include <cstddef>      // size_t
#include <cstdint>      // uint64_t
#include <mutex>        // mutex
#include <stdexcept>    // invalid_argument
#include <utility>      // exchange

#include <muster/core/concepts.hpp>          // gate
#include <muster/core/context.hpp>           // context
#include <muster/core/outcome.hpp>           // outcome
#include <muster/gate/detail/line.hpp>       // waiting_line
#include <muster/os/resident_memory.hpp>     // resident_memory

namespace muster {

/// What a memory_gate lets in.
struct memory_gate_options {
    std::uint64_t most = 0;                                           ///< bytes that the process may hold when one more is let in; more than 0
    std::chrono::nanoseconds look = std::chrono::milliseconds{10};    ///< 10 ms: how often it looks again while calls wait; more than 0
    std::uint64_t (*used)() = resident_memory;                        ///< how many bytes there are now
};

/// A gate that lets nobody in while the process holds more memory than it may: what is under way ends first.
///
/// It bounds what begins, not what those inside take: leave room for them. One is always let in, so that work goes on where the bound
/// cannot be kept.
///
/// Order      first come, first served.
/// Waits      until there is memory, or nobody inside; the deadline or a stop ends it.
/// Fails      timed_out, cancelled.
/// Throws     std::invalid_argument for a bound of 0.
/// Threads    any number.
/// Lifetime   outlives its permits.
/// Cost       a look at the memory a call, 3 us, and one every `look` while calls wait.
class memory_gate {
public:
    /// A place inside, until it goes out of scope.
    class permit {
    public:
        permit(permit&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
        permit& operator=(permit&& other) noexcept {
            std::swap(of_, other.of_);
            return *this;
        }
        ~permit() {
            if (of_) of_->release();
        }
        template <class Result>
        void settle(Result const&) const noexcept {}

    private:
        friend memory_gate;
        explicit permit(memory_gate& of) noexcept : of_(&of) {}
        memory_gate* of_;
    };

    explicit memory_gate(std::uint64_t most) : memory_gate(memory_gate_options{.most = most}) {}
    explicit memory_gate(memory_gate_options options) : options_(options) {
        if (options.most == 0 || options.look.count() <= 0 || !options.used)
            throw std::invalid_argument("muster: a memory_gate has a bound of more than 0 bytes, and looks at some time");
    }
    memory_gate(memory_gate const&) = delete;
    memory_gate& operator=(memory_gate const&) = delete;

    outcome<permit> acquire(context& cx, double weight = 1);

    [[nodiscard]] std::size_t inside() const;
    [[nodiscard]] std::size_t waiting() const;
    /// How many calls had to wait.
    [[nodiscard]] std::uint64_t waits() const;

private:
    [[nodiscard]] bool has_room() const { return inside_ == 0 || options_.used() <= options_.most; }
    void release() noexcept {
        std::lock_guard lock(mutex_);
        --inside_;
        line_.call_first();
    }

    memory_gate_options const options_;
    mutable std::mutex mutex_;
    std::size_t inside_ = 0;
    detail::waiting_line line_;
};

// Implementation

inline outcome<memory_gate::permit> memory_gate::acquire(context& cx, double) {
    if (cx.stop_requested()) return cx.interruption();
    std::unique_lock lock(mutex_);
    auto const ready = [&](instant& again) {
        if (has_room()) return true;
        again = later(cx.now(), options_.look);    // memory is given back without a word
        return false;
    };
    auto const enter = [&]() -> outcome<permit> {
        ++inside_;
        return permit{*this};
    };
    return line_.pass(cx, lock, {0, "memory gate"}, ready, enter);
}

inline std::size_t memory_gate::inside() const {
    std::lock_guard lock(mutex_);
    return inside_;
}

inline std::size_t memory_gate::waiting() const {
    std::lock_guard lock(mutex_);
    return line_.size();
}

inline std::uint64_t memory_gate::waits() const {
    std::lock_guard lock(mutex_);
    return line_.joined();
}

static_assert(gate<memory_gate>);

}  // namespace muster
