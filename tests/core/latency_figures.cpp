#include <muster/core/latency_figures.hpp>

#include "catch.hpp"

using namespace muster;
using namespace std::chrono_literals;

TEST_CASE("latency_figures: says itself to people, and nothing where nothing was measured", "[core]") {
    CHECK(to_string(latency_figures{}).empty());
    CHECK(to_string(latency_figures{.samples = 3, .p50 = 200ms, .p99 = 2s, .most = 2s}) == "p50 200ms, p99 2s, at most 2s");
}
