#pragma once

#include <algorithm>      // min, max
#include <atomic>         // threads that drew
#include <chrono>         // nanoseconds
#include <cstdint>        // uint64_t
#include <string>         // describe
#include <tuple>          // parts
#include <utility>        // move

#include <muster/core/concepts.hpp>         // around_tag, outcome_of
#include <muster/core/context.hpp>          // context
#include <muster/core/duration_text.hpp>    // duration_text
#include <muster/core/stage.hpp>            // operator|

namespace muster {

/// Failures that another attempt may cure: all but a wrong item, a stop, a deadlock, a spent budget and what a sandbox refused.
[[nodiscard]] inline bool is_transient(failure const& what) noexcept {
    return !what.is(cause::invalid_input) && !what.is(cause::cancelled) && !what.is(cause::would_deadlock) &&
           !what.is(cause::exhausted) && !what.is(cause::wrong_shape) && !what.is(cause::forbidden);
}

/// Tries again what failed, after a delay that doubles and is drawn at random (full jitter).
///
/// Order      right of `deadline` and `limit`: one budget, one permit for all attempts; left of them: for each.
/// Waits      between attempts, through the context; at least as long as the failure's `retry_after` asks. It gives up at once
///            when the next attempt would start after the deadline.
/// Fails      with the last failure, its text completed where the attempts ended early; cancelled when stopped in a wait.
/// Threads    any number at once.
/// Cost       none for a call that succeeds at once.
/// Source     M. Brooker, "Exponential Backoff And Jitter", 2015.
struct retry {
    using policy_concept = around_tag;

    unsigned attempts = 3;                                             ///< 3: calls in all, 1 or more
    std::chrono::nanoseconds delay = std::chrono::milliseconds{100};    ///< 100 ms: the first wait is up to this
    double factor = 2;                                                 ///< 2: each further wait is up to this many times longer
    std::chrono::nanoseconds most = std::chrono::seconds{30};          ///< 30 s: no wait is drawn longer
    bool jitter = true;                                                ///< false: the full delay each time
    bool (*when)(failure const&) = is_transient;                       ///< which failures are worth another attempt
    std::uint64_t seed = 0;                                            ///< 0: others in each run; else the same delays each run

    template <class Next, class Item>
    auto around(Next const& next, context& cx, Item&& item) const -> outcome_of<Next, std::remove_cvref_t<Item> const&>;

    /// The longest wait after so many attempts, before jitter.
    [[nodiscard]] std::chrono::nanoseconds wait_after(unsigned tried) const;

    template <template <class...> class Tuple = std::tuple>    // a template: only where it travels does a compiler make the tuple
    [[nodiscard]] constexpr auto parts() const { return Tuple{attempts, delay, factor, most, jitter, when, seed}; }
    [[nodiscard]] std::string describe() const {
        return "retry{attempts " + std::to_string(attempts) + ", delay " + duration_text(delay) + "}";
    }
    friend constexpr bool operator==(retry const&, retry const&) noexcept = default;

    /// The wait itself: as long, or drawn between nothing and that.
    [[nodiscard]] std::chrono::nanoseconds drawn(context const& cx, unsigned tried) const;
};

// Implementation

namespace detail {

/// One step of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): spreads any 64 bits evenly.
[[nodiscard]] constexpr std::uint64_t mixed(std::uint64_t bits) noexcept {
    bits += 0x9e3779b97f4a7c15;
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
    return bits ^ (bits >> 31);
}

/// Bits that differ from call to call, from thread to thread and from process to process: enough for jitter.
[[nodiscard]] inline std::uint64_t jitter_bits() {
    static std::atomic<std::uint64_t> threads{0};
    thread_local std::uint64_t state =
        mixed(static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count())) ^
        mixed(threads.fetch_add(1, std::memory_order_relaxed));    // relaxed: a number alone
    return mixed(state++);
}

}  // namespace detail

inline std::chrono::nanoseconds retry::wait_after(unsigned tried) const {
    if (delay <= delay.zero() || most <= most.zero()) return {};    // at once, however often
    auto exact = static_cast<double>(delay.count());
    for (unsigned i = 1; i < tried && exact < static_cast<double>(most.count()); ++i) exact *= factor;
    return exact < static_cast<double>(most.count())
               ? std::chrono::nanoseconds{static_cast<std::chrono::nanoseconds::rep>(exact)}
               : most;
}

inline std::chrono::nanoseconds retry::drawn(context const& cx, unsigned tried) const {
    auto const longest = wait_after(tried);
    if (!jitter || longest.count() <= 0) return longest;
    auto bits = detail::mixed(seed + tried);
    if (seed == 0) bits = detail::jitter_bits();
    else
        for (auto const position : cx.path()) bits = detail::mixed(bits ^ position);
    auto const share = static_cast<double>(bits >> 11) * 0x1p-53;    // [0, 1)
    return std::chrono::nanoseconds{
        static_cast<std::chrono::nanoseconds::rep>(share * static_cast<double>(longest.count()))};
}

template <class Next, class Item>
auto retry::around(Next const& next, context& cx, Item&& item) const -> outcome_of<Next, std::remove_cvref_t<Item> const&> {
    auto const& same = item;    // more than one call: each gets a const lvalue
    failure before;    // of the attempt before this one
    for (unsigned tried = 1;; ++tried) {
        auto const attempt = cx.change_attempt(tried);
        if (tried > 1) cx.note_retry();
        auto result = next(cx, same);
        if (result.has_value()) [[likely]] return result;

        auto& why = result.error();
        cx.stamp(why);
        if (tried > 1 && why.is(cause::exhausted) && why.attempts() < tried) {    // the budget refused it: the one before says more
            before.note("; no further attempt: " + why.text());
            return before;
        }
        if (tried >= attempts || !when(why)) return result;

        auto wait = drawn(cx, tried);
        if (auto const asked = why.retry_after())
            wait = *asked < std::chrono::nanoseconds::max() - wait ? wait + *asked : std::chrono::nanoseconds::max();
        if (cx.deadline() != never && later(cx.now(), wait) >= cx.deadline()) {
            why.note("; no further attempt: it would start after the deadline");
            return result;
        }
        if (auto paused = cx.stopped() ? outcome<void>{cx.interruption()} : cx.pause(wait); !paused) {
            paused.error().note("; the attempt before: " + why.text());
            cx.stamp(paused.error());
            return std::move(paused).error();
        }
        before = std::move(why);
    }
}

}  // namespace muster
