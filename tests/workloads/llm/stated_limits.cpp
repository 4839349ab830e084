#include <muster/workloads/llm/stated_limits.hpp>

#include "catch.hpp"

using namespace muster;
using namespace muster::llm;
using namespace std::chrono_literals;

TEST_CASE("reset_of: durations as endpoints write them, and nothing else") {
    CHECK(reset_of("6m0s") == 6min);
    CHECK(reset_of("20ms") == 20ms);
    CHECK(reset_of("1h2m3.5s") == 1h + 2min + 3s + 500ms);
    CHECK(reset_of("12") == 12s);
    CHECK(reset_of("0s") == 0s);
    CHECK(reset_of("1d") == 24h);
    for (auto const wrong : {"", "s", "-1s", "1x", "1m2", "nan", "inf", "1e300s", "99999999999999999999h", "1 s", "+1s", "0x10s"}) {
        INFO(wrong);
        CHECK_FALSE(reset_of(wrong));
    }
}

TEST_CASE("stated_limits_of: what is not positive, or no number, is not stated") {
    http_headers const openai{{"x-ratelimit-limit-requests", "5000"}, {"X-RateLimit-Remaining-Requests", "4999"}, {"x-ratelimit-reset-requests", "12ms"},
                              {"x-ratelimit-limit-tokens", "160000"}};
    auto const limits = stated_limits_of(openai);
    CHECK(limits.requests == stated_limit{.limit = 5'000, .remaining = 4'999, .reset = 12ms});
    CHECK(limits.tokens == stated_limit{.limit = 160'000});
    CHECK(stated_limits_of({{"x-ratelimit-limit-requests", "-1"}, {"x-ratelimit-remaining-requests", "0"}}) == stated_limits{});
    CHECK(stated_limits_of({{"x-ratelimit-limit-requests", "0"}}) == stated_limits{});
    CHECK(stated_limits_of({{"x-ratelimit-limit-requests", "many"}}) == stated_limits{});
    CHECK(stated_limits_of({{"x-ratelimit-limit-requests", "5000, 5000"}}) == stated_limits{});
    CHECK(stated_limits_of({}) == stated_limits{});
}
