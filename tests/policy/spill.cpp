#include <muster/policy/spill.hpp>

#include "catch.hpp"

#include <muster/core/stage.hpp>

using namespace muster;

static_assert(place_policy<spill>);

TEST_CASE("spill: a stage called as a function does not read it", "[policy]") {
    CHECK((spill{.memory = 0, .folder = "/nonexistent"} | [](int n) { return n; })(3) == 3);
    CHECK(spill{.memory = 1'000}.describe() == "spill{1000}");
    CHECK(spill{} == spill{.memory = 64 * MiB});
    CHECK(spill{} != spill{.disk = 1});
}
