#include <muster/testing/conformance.hpp>

#include "catch.hpp"

#include <muster/gate/adaptive_bulkhead.hpp>
#include <muster/gate/adaptive_rate_limiter.hpp>
#include <muster/gate/bulkhead.hpp>
#include <muster/gate/circuit_breaker.hpp>
#include <muster/gate/memory_gate.hpp>
#include <muster/gate/rate_limiter.hpp>
#include <muster/gate/retry_budget.hpp>

using namespace muster;
using namespace std::chrono_literals;
using testing::conformance;
using broken = conformance::broken;

TEST_CASE("conformance: rate_limiter, steady, with a burst, with a bounded line", "[conformance]") {
    for (rate const what : {rate{.permits = 10'000, .per = 1s}, rate{.permits = 1'000, .per = 1s, .burst = 10},
                            rate{.permits = 1'000, .per = 1s, .most_waiting = 1}}) {
        rate_limiter quota{what};
        CHECK(conformance::of_gate(quota) == broken{});
    }
}

TEST_CASE("conformance: bulkhead", "[conformance]") {
    bulkhead one{1}, three{3}, impatient{{.inside = 2, .most_waiting = 1}};
    CHECK(conformance::of_gate(one) == broken{});
    CHECK(conformance::of_gate(three) == broken{});
    CHECK(conformance::of_gate(impatient) == broken{});
}

TEST_CASE("conformance: circuit_breaker and retry_budget", "[conformance]") {
    circuit_breaker breaker;
    CHECK(conformance::of_gate(breaker) == broken{});
    retry_budget budget;
    CHECK(conformance::of_gate(budget) == broken{});
}

TEST_CASE("conformance: memory_gate", "[conformance]") {
    memory_gate roomy{std::uint64_t{1} << 50u}, full{1};
    CHECK(conformance::of_gate(roomy) == broken{});
    CHECK(conformance::of_gate(full) == broken{});
}

TEST_CASE("conformance: gates that learn", "[conformance]") {
    adaptive_bulkhead few, one{{.most = 1}}, impatient{{.start = 2, .most_waiting = 1}};
    CHECK(conformance::of_gate(few) == broken{});
    CHECK(conformance::of_gate(one) == broken{});
    CHECK(conformance::of_gate(impatient) == broken{});
    adaptive_rate_limiter steady{{.permits = 1'000}}, short_line{{.permits = 1'000, .most_waiting = 1}};
    CHECK(conformance::of_gate(steady) == broken{});
    CHECK(conformance::of_gate(short_line) == broken{});
}
