#include <muster/process/command_result.hpp>    // first: proves the header stands alone

#include "catch.hpp"

using muster::command_result;

TEST_CASE("command_result: a value: copies compare equal, and differ by what the program wrote", "[process]") {
    command_result a;
    a.exit_code = 3;
    a.out = "text";
    auto b = a;
    CHECK(a == b);
    b.err = "a warning";
    CHECK_FALSE(a == b);
}
