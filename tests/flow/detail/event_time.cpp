#include <muster/flow/detail/event_time.hpp>

#include "catch.hpp"

using namespace muster::detail;
using namespace std::chrono_literals;

namespace {
using nanos = std::chrono::sys_time<std::chrono::nanoseconds>;
using seconds = std::chrono::sys_seconds;
using picos = std::chrono::duration<std::int64_t, std::pico>;
using thirds = std::chrono::duration<std::int32_t, std::ratio<1, 3>>;
}  // namespace

static_assert(event_time<nanos> && event_time<seconds> && event_time<picos> && event_time<thirds>);
static_assert(event_time<std::chrono::steady_clock::time_point>);
static_assert(!event_time<std::chrono::duration<double>> && !event_time<int> && !event_time<std::chrono::duration<std::uint64_t>>);

TEST_CASE("event_time: lengths are rounded up to ticks, and end where the numbers do", "[flow][detail]") {
    CHECK(ticks_in<nanos>(1s) == 1'000'000'000);
    CHECK(ticks_in<seconds>(1s) == 1);
    CHECK(ticks_in<seconds>(1ns) == 1);
    CHECK(ticks_in<seconds>(1'001ms) == 2);
    CHECK(ticks_in<seconds>(0s) == 0);
    CHECK(ticks_in<thirds>(1s) == 3);
    CHECK(ticks_in<picos>(std::chrono::nanoseconds::max()) == INT64_MAX);
    CHECK(ticks_in<nanos>(std::chrono::nanoseconds::max()) == INT64_MAX);
    CHECK(is_whole<seconds>(2s));
    CHECK_FALSE(is_whole<seconds>(2'500ms));
    CHECK(is_whole<picos>(1ns));
}

TEST_CASE("event_time: times beyond the numbers of their clock are the nearest there are", "[flow][detail]") {
    CHECK(time_at<nanos>(static_cast<wide_ticks>(INT64_MAX) + 1) == nanos::max());
    CHECK(time_at<nanos>(static_cast<wide_ticks>(INT64_MIN) - 1) == nanos::min());
    CHECK(time_at<thirds>(static_cast<wide_ticks>(INT32_MAX) + 1) == thirds::max());
    CHECK(ticks_of(time_at<seconds>(-7)) == -7);
    CHECK(earlier_by(INT64_MIN + 1, 2) == INT64_MIN);
    CHECK(earlier_by(5, 7) == -2);
    CHECK(time_text(seconds{90s}) == "90s");
    CHECK(time_text(nanos{-1'500'000ns}) == "-1.5ms");
}
