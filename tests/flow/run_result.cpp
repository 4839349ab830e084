#include <muster/flow/run_result.hpp>

#include "catch.hpp"

using namespace muster;

TEST_CASE("run_result: what failed is what is dead and what was skipped", "[flow][run_result]") {
    CHECK(run_result{.dead = 2, .skipped = 3}.failed() == 5);
    CHECK(run_result{}.failed() == 0);
}
