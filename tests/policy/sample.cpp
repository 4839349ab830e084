#include <muster/policy/sample.hpp>

#include "catch.hpp"

#include <muster/core/stage.hpp>

using namespace muster;

static_assert(place_policy<sample>);
static_assert(sample{} == sample{10} && sample{1} != sample{2});

TEST_CASE("sample: a stage called as a function does not read it", "[policy]") {
    CHECK((sample{.every = 3} | [](int n) { return n; })(3) == 3);
    CHECK(sample{.every = 3}.describe() == "sample{3}");
}
