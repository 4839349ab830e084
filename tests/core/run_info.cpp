#include <muster/core/run_info.hpp>    // first: proves the header stands alone

#include "catch.hpp"

using namespace muster;

TEST_CASE("run_info: a run that nobody placed is sequential, and says so", "[core]") {
    run_info const info;
    CHECK_FALSE(info.parallel());
    CHECK(name_of(info.why) == "no place was named");
}

TEST_CASE("run_info: parallel from a width of two on", "[core]") {
    CHECK_FALSE(run_info{.width = 1}.parallel());
    CHECK(run_info{.width = 2, .why = sequential_reason::none}.parallel());
}

TEST_CASE("run_info: each reason has words of its own", "[core]") {
    CHECK(name_of(sequential_reason::disabled) == "disabled");
    CHECK(name_of(sequential_reason::unavailable) == "unavailable");
    CHECK(name_of(sequential_reason::too_few_items) == "too few items");
    CHECK(name_of(sequential_reason::cannot_start) == "cannot start");
    CHECK(name_of(sequential_reason::asked_for) == "asked for");
}
