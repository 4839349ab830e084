#include <muster/workloads/llm/quota.hpp>

#include "catch.hpp"

using namespace muster;
using namespace muster::llm;
using namespace std::chrono_literals;

namespace {

// Time that jumps to the end of each wait.
struct jumping_time {
    static constexpr bool rules_time = true;
    instant at{std::chrono::hours{1}};
    [[nodiscard]] instant now() const { return at; }
    bool wait_until(wait_point& point, instant until) {
        if (point.woken()) return true;
        at = until;
        return false;
    }
};

std::chrono::nanoseconds time_of(quota& by, int calls, double tokens) {
    static jumping_time time;    // one clock for all gates
    auto const start = time.at;
    context cx{waiter_ref{time}};
    for (int i = 0; i < calls; ++i) REQUIRE(by.acquire(cx, tokens));
    return time.at - start;
}

}  // namespace

TEST_CASE("quota: requests are spaced as the caller's limit, or the lower one of the endpoint, says") {
    quota own{{.requests_per_minute = 600, .share = 1}};
    CHECK(time_of(own, 601, 1) >= 59s);
    CHECK(time_of(own, 601, 1) <= 61s);
    own.observe({.requests = {.limit = 60}});
    CHECK(time_of(own, 61, 1) >= 59s);
    own.observe({.requests = {.limit = 60'000}});
    CHECK(time_of(own, 601, 1) >= 59s);
}

TEST_CASE("quota: tokens are spaced by what each request weighs, once they are limited") {
    quota by{{.requests_per_minute = 1e6, .share = 1}};
    CHECK(by.tokens_per_minute() == 0);
    CHECK(time_of(by, 100, 1'000) < 1s);
    by.observe({.tokens = {.limit = 60'000}});
    CHECK(by.tokens_per_minute() == 60'000);
    auto const took = time_of(by, 61, 1'000);
    CHECK(took >= 59s);
    CHECK(took <= 61s);
    quota own{{.requests_per_minute = 1e6, .tokens_per_minute = 6'000, .share = 1}};
    own.observe({.tokens = {.limit = 60'000}});
    CHECK(own.tokens_per_minute() == 6'000);
}

TEST_CASE("quota: once stopped nothing passes, and everybody hears why") {
    quota by;
    by.stop(failure{cause::exhausted, "the quota is spent"});
    context cx;
    auto const refused = by.acquire(cx);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().text().find("the quota is spent") != std::string::npos);
}

TEST_CASE("quota: what is not stated changes nothing") {
    quota by{{.requests_per_minute = 600, .share = 1}};
    by.observe({});
    CHECK(time_of(by, 601, 1) >= 59s);
    CHECK(by.tokens_per_minute() == 0);
}
