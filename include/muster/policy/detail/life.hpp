#pragma once

#include <algorithm>      // max, min
#include <chrono>         // nanoseconds
#include <cstdint>        // uint64_t
#include <functional>     // hash
#include <type_traits>    // is_default_constructible
#include <utility>        // move

#include <muster/core/outcome.hpp>             // outcome
#include <muster/core/remembered.hpp>          // remembered
#include <muster/core/waiter.hpp>              // instant, later, never
#include <muster/policy/cached_options.hpp>    // cached_options

// The times of what `cached` remembers.

namespace muster::detail {

/// From 0 to 1, the same for a key each time, so that lives differ by key and a test sees what a run does. A key that std::hash does
/// not know takes it from when its answer was made.
template <class Key>
[[nodiscard]] double share_of(Key const& key, instant made) {
    auto bits = static_cast<std::uint64_t>(made.time_since_epoch().count());
    if constexpr (std::is_default_constructible_v<std::hash<Key>>) bits = std::hash<Key>{}(key);
    // std::hash of a number is the number: the end of SplitMix64 spreads it (Steele, Lea, Flood, OOPSLA 2014)
    bits = (bits ^ (bits >> 30)) * 0xbf58'476d'1ce4'e5b9u;
    bits = (bits ^ (bits >> 27)) * 0x94d0'49bb'1331'11ebu;
    bits ^= bits >> 31;
    return static_cast<double>(bits >> 11) * 0x1p-53;
}

/// A part of a duration.
[[nodiscard]] inline std::chrono::nanoseconds part_of(std::chrono::nanoseconds whole, double share) {
    if (share >= 1) return whole;    // the number as double may be larger than any duration
    return std::chrono::nanoseconds{static_cast<std::chrono::nanoseconds::rep>(static_cast<double>(whole.count()) * share)};
}

/// How long a failure keeps others from trying.
[[nodiscard]] inline std::chrono::nanoseconds pause_after(cached_options const& say, failure const& why) {
    return std::max(say.failures_for, why.retry_after().value_or(std::chrono::nanoseconds{0}));
}

/// An answer or a failure with its times; `began` is when somebody began to make it.
template <class Key, class V>
[[nodiscard]] remembered<V> remember(cached_options const& say, Key const& key, outcome<V> answer, instant began, instant now) {
    remembered<V> out{std::move(answer), now, never, never, never};
    if (!out.answer.has_value()) {
        out.renew_from = out.fresh_until = out.given_until = later(now, pause_after(say, out.answer.error()));
    } else if (say.fresh_for != say.fresh_for.max()) {
        auto life = say.fresh_for;
        if (say.jitter > 0) life -= part_of(life, say.jitter * share_of(key, now));
        out.renew_from = out.fresh_until = later(now, life);
        out.given_until = later(out.fresh_until, say.stale_for);
        if (say.ahead > 0) out.renew_from -= std::max(part_of(life, say.ahead), std::min<std::chrono::nanoseconds>(now - began, life / 2));
    }
    return out;
}

}  // namespace muster::detail
