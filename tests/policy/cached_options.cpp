#include <muster/policy/cached_options.hpp>

#include "catch.hpp"

using namespace muster;
using namespace std::chrono_literals;

TEST_CASE("cached_options: nothing ends, is early, late or remembered that nobody asked for", "[policy]") {
    cached_options const plain;
    CHECK(plain.fresh_for == std::chrono::nanoseconds::max());
    CHECK(plain.stale_for == 0ns);
    CHECK(plain.ahead == 0);
    CHECK(plain.jitter == 0);
    CHECK(plain.failures == nullptr);
}

TEST_CASE("cached_options: describes what was said", "[policy]") {
    auto const any = [](failure const&) { return true; };
    CHECK(cached_options{}.describe().empty());
    CHECK(cached_options{.fresh_for = 90s}.describe() == "fresh for 90s");
    CHECK(cached_options{.fresh_for = 10s, .stale_for = 2h, .failures = any, .failures_for = 5s}.describe() ==
          "fresh for 10s, stale for 2h, failures for 5s");
    CHECK(cached_options{.fresh_for = 1s} == cached_options{.fresh_for = 1s});
    CHECK_FALSE(cached_options{.fresh_for = 1s} == cached_options{});
}
