#include <muster/policy/batched.hpp>

#include "catch.hpp"

using namespace muster;

// What it does is tested with the verb that reads it: tests/flow/map.cpp.
static_assert(place_policy<batched>);
static_assert(batched{} == batched{100} && batched{1} != batched{2});

TEST_CASE("batched: says itself", "[policy]") { CHECK(batched{25}.describe() == "batched{25}"); }
