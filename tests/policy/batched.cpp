#include <muster/policy/batched.hpp>

#include "catch.hpp"

#include <chrono>

using namespace muster;

// What it does is tested with the verbs that read it: tests/flow/map.cpp and stream_batches.cpp.
static_assert(place_policy<batched>);
static_assert(batched{} == batched{100} && batched{1} != batched{2});

TEST_CASE("batched: says itself", "[policy]") {
    CHECK(batched{25}.describe() == "batched{25}");
    CHECK(batched{.size = 25, .bytes = 4'096, .linger = std::chrono::milliseconds{5}}.describe() == "batched{25, 4096 bytes, linger 5ms}");
}
