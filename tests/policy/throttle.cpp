#include <muster/policy/throttle.hpp>

#include "catch.hpp"

#include <muster/core/stage.hpp>

using namespace muster;
using namespace std::chrono_literals;

static_assert(place_policy<throttle>);
static_assert(throttle{} == throttle{.items = 100, .per = 1s} && throttle{.items = 1} != throttle{.items = 2});

TEST_CASE("throttle: a stage called as a function does not read it", "[policy]") {
    CHECK((throttle{.items = 0} | [](int n) { return n; })(3) == 3);
    CHECK(throttle{.items = 5, .per = 90s}.describe() == "throttle{5, 90s}");
}
