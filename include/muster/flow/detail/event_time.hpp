#pragma once

// Event times as whole numbers of ticks, so that windows near the ends of 64 bits are exact.

#include <algorithm>      // clamp
#include <chrono>         // duration, time_point
#include <concepts>       // signed_integral
#include <cstdint>        // int64_t
#include <limits>         // the first and the last time
#include <string>         // time_text
#include <type_traits>    // remove_cvref

#include <muster/core/duration_text.hpp>    // duration_text
#include <muster/core/waiter.hpp>           // in_nanoseconds

namespace muster::detail {

__extension__ using wide_ticks = __int128;    // sums and products of two 64-bit numbers

template <class Time>
struct time_parts {};
template <std::signed_integral Rep, class Period>
struct time_parts<std::chrono::duration<Rep, Period>> {
    using duration = std::chrono::duration<Rep, Period>;
    static constexpr std::int64_t ticks(duration when) { return when.count(); }
    static constexpr duration at(Rep ticks) { return duration{ticks}; }
    using rep = Rep;
};
template <class Clock, std::signed_integral Rep, class Period>
struct time_parts<std::chrono::time_point<Clock, std::chrono::duration<Rep, Period>>> {
    using duration = std::chrono::duration<Rep, Period>;
    using point = std::chrono::time_point<Clock, duration>;
    static constexpr std::int64_t ticks(point when) { return when.time_since_epoch().count(); }
    static constexpr point at(Rep ticks) { return point{duration{ticks}}; }
    using rep = Rep;
};

/// A `std::chrono` time point or duration that counts in whole numbers of up to 64 bits.
template <class Time>
concept event_time = requires { typename time_parts<Time>::duration; } && sizeof(typename time_parts<Time>::rep) <= sizeof(std::int64_t);

template <event_time Time>
constexpr std::int64_t ticks_of(Time when) { return time_parts<Time>::ticks(when); }

/// The time nearest to a number of ticks.
template <event_time Time>
constexpr Time time_at(wide_ticks ticks) {
    using rep = typename time_parts<Time>::rep;
    using range = std::numeric_limits<rep>;
    return time_parts<Time>::at(static_cast<rep>(std::clamp<wide_ticks>(ticks, range::min(), range::max())));
}

/// A length in ticks, rounded up; the largest there is where it is longer.
template <event_time Time>
constexpr std::int64_t ticks_in(std::chrono::nanoseconds length) {
    using period = typename time_parts<Time>::duration::period;
    auto const divisor = static_cast<wide_ticks>(period::num) * 1'000'000'000;    // of nanoseconds times den; num is positive
    auto const product = static_cast<wide_ticks>(length.count()) * period::den;
    auto const ticks = product / divisor + (product % divisor > 0);
    return static_cast<std::int64_t>(std::clamp<wide_ticks>(ticks, INT64_MIN, INT64_MAX));
}

/// True when a length is a whole number of ticks.
template <event_time Time>
constexpr bool is_whole(std::chrono::nanoseconds length) {
    using period = typename time_parts<Time>::duration::period;
    return static_cast<wide_ticks>(length.count()) * period::den % (static_cast<wide_ticks>(period::num) * 1'000'000'000) == 0;
}

constexpr std::int64_t earlier_by(std::int64_t from, std::int64_t by) {    // not before the first time there is
    return static_cast<std::int64_t>(std::clamp<wide_ticks>(static_cast<wide_ticks>(from) - by, INT64_MIN, INT64_MAX));
}

/// For texts of failures: "1700000000.5s", since the epoch of whatever clock it is.
template <event_time Time>
std::string time_text(Time when) {
    return duration_text(in_nanoseconds(typename time_parts<Time>::duration{static_cast<typename time_parts<Time>::rep>(ticks_of(when))}));
}

}  // namespace muster::detail
