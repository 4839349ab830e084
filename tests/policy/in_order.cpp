#include <muster/policy/in_order.hpp>

#include "catch.hpp"

#include <muster/core/stage.hpp>

using namespace muster;

static_assert(place_policy<in_order>);
static_assert(in_order{} == in_order{});

TEST_CASE("in_order: a stage called as a function does not read it", "[policy]") {
    CHECK((in_order{} | [](int n) { return n; })(3) == 3);
    CHECK(in_order{}.describe() == "in_order");
}
