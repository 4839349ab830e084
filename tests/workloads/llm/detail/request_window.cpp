#include <muster/workloads/llm/detail/request_window.hpp>

#include "catch.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include <muster/core/outcome.hpp>
#include <muster/gate/rate_limiter.hpp>
#include <muster/testing/manual_time.hpp>
#include <muster/workloads/llm/fault.hpp>
#include <muster/workloads/llm/quota.hpp>

using namespace muster;
using namespace muster::llm;
using namespace std::chrono_literals;
using muster::llm::detail::request_window;

namespace {

// An endpoint for 600 a minute, that it keeps in windows of 1 and 10 s; a client that asks until it has so many answers.
struct course {
    int answered = 0, refused = 0;
    std::chrono::nanoseconds took{};
};
template <class Gate>
course course_of(Gate& by, int requests) {
    std::array windows{request_window{10, 1s}, request_window{10, 10s}};
    testing::manual_time time{testing::manual_time::jumping};
    context cx{time};
    course out;
    auto const start = time.now();
    while (out.answered < requests && out.refused < 10'000) {
        auto permit = by.acquire(cx);
        if (!permit) break;
        auto const now = time.now();
        auto left = 0ns;
        for (auto const& each : windows)
            if (!each.has(now)) left = std::max(left, each.left(now));
        if (left > 0ns) {
            ++out.refused;
            permit->settle(outcome<int>{failure{make_error_code(fault::rate_limited), "429"}.retry_after(left)});
            continue;
        }
        for (auto& each : windows) each.take(now);
        ++out.answered;
        permit->settle(outcome<int>{1});
    }
    out.took = time.now() - start;
    return out;
}

}  // namespace

TEST_CASE("request_window: lets its share through, and a new one begins with the first request after it") {
    request_window window{10, 1s};
    auto now = request_window::clock::time_point{} + 1h;
    CHECK(window.left(now) == 0ns);
    auto const granted = [&] {
        int count = 0;
        for (; window.has(now) && count < 100; ++count) window.take(now);
        return count;
    };
    CHECK(granted() == 10);
    now += 400ms;
    CHECK(granted() == 0);
    CHECK(window.left(now) == 600ms);
    now += 599ms;
    CHECK(granted() == 0);
    now += 1ms;
    CHECK(granted() == 10);
    now += 1h;    // a pause saves nothing up
    CHECK(granted() == 10);
}

TEST_CASE("request_window: one at least, however short it is") {
    request_window window{0.1, 1s};
    auto const now = request_window::clock::time_point{} + 1h;
    CHECK(window.has(now));
    window.take(now);
    CHECK_FALSE(window.has(now + 999ms));
    CHECK(window.has(now + 1s));
}

TEST_CASE("request_window: a quota that knows the limit of a minute is never refused, and takes no longer than it must") {
    quota by{{.requests_per_minute = 600}};
    auto const seen = course_of(by, 1'200);
    CHECK(seen.answered == 1'200);
    CHECK(seen.refused == 0);
    CHECK(seen.took <= 120s * 1.04);    // 0.97 of the limit
}

TEST_CASE("request_window: a quota that is told nothing learns it from few refusals") {
    quota by;    // 100 a second at first, ten times too many
    auto const seen = course_of(by, 1'200);
    CHECK(seen.answered == 1'200);
    INFO(seen.refused << " refused, " << seen.took.count() / 1'000'000 << " ms");
    CHECK(seen.refused <= 24);    // 2 %
    CHECK(seen.took <= 120s * 1.5);
}

TEST_CASE("request_window: a limiter that saves up a minute's requests is refused all the time") {
    rate_limiter by{{.permits = 600, .per = 1min, .burst = 600}};
    CHECK(course_of(by, 600).refused > 500);    // what the quota is for
}
