#include <muster/policy/drop_newest.hpp>

#include "catch.hpp"

#include <muster/core/stage.hpp>

using namespace muster;

static_assert(place_policy<drop_newest>);
static_assert(drop_newest{} == drop_newest{});

TEST_CASE("drop_newest: a stage called as a function does not read it", "[policy]") {
    CHECK((drop_newest{} | [](int n) { return n; })(3) == 3);
    CHECK(drop_newest{}.describe() == "drop_newest");
}
