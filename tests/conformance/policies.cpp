#include <muster/testing/conformance.hpp>

#include "catch.hpp"

#include <muster/cache/memory_cache.hpp>
#include <muster/exec/thread_pool.hpp>
#include <muster/gate/bulkhead.hpp>
#include <muster/gate/circuit_breaker.hpp>
#include <muster/flow/by_priority.hpp>
#include <muster/flow/fair.hpp>
#include <muster/policy/batched.hpp>
#include <muster/policy/buffer.hpp>
#include <muster/policy/cached.hpp>
#include <muster/policy/deadline.hpp>
#include <muster/policy/drop_newest.hpp>
#include <muster/policy/drop_oldest.hpp>
#include <muster/policy/fallback.hpp>
#include <muster/policy/hedge.hpp>
#include <muster/policy/in_order.hpp>
#include <muster/policy/in_order_by.hpp>
#include <muster/policy/limit.hpp>
#include <muster/policy/named.hpp>
#include <muster/policy/observe.hpp>
#include <muster/policy/on.hpp>
#include <muster/policy/retry.hpp>
#include <muster/policy/sample.hpp>
#include <muster/policy/spill.hpp>
#include <muster/policy/throttle.hpp>
#include <muster/policy/stop_on_failure.hpp>
#include <muster/policy/trip.hpp>
#include <muster/testing/recorder.hpp>

using namespace muster;
using namespace std::chrono_literals;
using testing::conformance;
using broken = conformance::broken;

TEST_CASE("conformance: the places", "[conformance]") {
    thread_pool pool{2};
    CHECK(conformance::of_policy(named{"stage"}) == broken{});
    CHECK(conformance::of_policy(on{pool}) == broken{});
    CHECK(conformance::of_policy(on{pool, automatic{}}) == broken{});
    CHECK(conformance::of_policy(buffer{}) == broken{});
    CHECK(conformance::of_policy(drop_oldest{}) == broken{});
    CHECK(conformance::of_policy(drop_newest{}) == broken{});
    CHECK(conformance::of_policy(sample{}) == broken{});
    CHECK(conformance::of_policy(throttle{}) == broken{});
    CHECK(conformance::of_policy(spill{}) == broken{});
    CHECK(conformance::of_policy(fair{[](int n) { return n; }}) == broken{});
    CHECK(conformance::of_policy(by_priority{[](int n) { return n; }}) == broken{});
    CHECK(conformance::of_policy(in_order{}) == broken{});
    CHECK(conformance::of_policy(in_order_by{[](int n) { return n; }}) == broken{});
    CHECK(conformance::of_policy(batched{}) == broken{});
}

TEST_CASE("conformance: the policies around a call", "[conformance]") {
    thread_pool pool{2};
    memory_cache<int, int> cache;
    bulkhead room{2};
    circuit_breaker breaker;
    testing::recorder seen;
    CHECK(conformance::of_policy(deadline{1h}) == broken{});
    CHECK(conformance::of_policy(retry{.attempts = 5, .delay = 0ns}) == broken{});
    CHECK(conformance::of_policy(retry{.attempts = 5, .delay = 1ms}) == broken{});
    CHECK(conformance::of_policy(limit{room}) == broken{});
    CHECK(conformance::of_policy(trip{breaker}) == broken{});
    CHECK(conformance::of_policy(cached{cache}) == broken{});
    memory_cache<int, remembered<int>> aging, worn;
    CHECK(conformance::of_policy(cached{aging, {.fresh_for = 1h, .failures = is_transient}}) == broken{});
    CHECK(conformance::of_policy(cached{worn, cached_options{.fresh_for = 1ns, .stale_for = 1h}, pool}) == broken{});
    CHECK(conformance::of_policy(fallback{[](int n) { return n + 1; }}) == broken{});
    CHECK(conformance::of_policy(hedge{pool, 1h}) == broken{});
    CHECK(conformance::of_policy(hedge{pool, 0ns}) == broken{});
    CHECK(conformance::of_policy(observe{seen}) == broken{});
    std::stop_source ends;
    CHECK(conformance::of_policy(stop_on_failure{ends}) == broken{});
}
