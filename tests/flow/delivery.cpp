#include <muster/flow/delivery.hpp>

#include "catch.hpp"

using namespace muster;

TEST_CASE("delivery: each guarantee has a name that people read", "[flow][delivery]") {
    CHECK(name_of(delivery::at_most_once) == "at most once");
    CHECK(name_of(delivery::at_least_once) == "at least once");
    CHECK(name_of(delivery::exactly_once) == "exactly once");
}
