#include <muster/policy/drop_oldest.hpp>

#include "catch.hpp"

#include <muster/core/stage.hpp>

using namespace muster;

static_assert(place_policy<drop_oldest>);
static_assert(drop_oldest{} == drop_oldest{});

TEST_CASE("drop_oldest: a stage called as a function does not read it", "[policy]") {
    CHECK((drop_oldest{} | [](int n) { return n; })(3) == 3);
    CHECK(drop_oldest{}.describe() == "drop_oldest");
}
