#include <muster/process/command.hpp>

#include "catch.hpp"

#include <algorithm>    // count_if

using namespace muster;
using strings = std::vector<std::string>;

TEST_CASE("command: by default a program sees our PATH and LANG=C, nothing else", "[process][command]") {
    ::setenv("MUSTER_TEST_SECRET", "x", 1);
    command const what{.program = "true"};
    REQUIRE(what.environment.size() == 2);
    CHECK(what.environment[0] == "PATH=" + std::string{std::getenv("PATH")});
    CHECK(what.environment[1] == "LANG=C");
    ::unsetenv("MUSTER_TEST_SECRET");
}

TEST_CASE("command: with_ours passes on the named variables that are set", "[process][command]") {
    ::setenv("MUSTER_TEST_A", "1=2", 1);
    ::setenv("MUSTER_TEST_EMPTY", "", 1);
    ::unsetenv("MUSTER_TEST_B");
    CHECK(command::with_ours({"MUSTER_TEST_A", "MUSTER_TEST_B", "MUSTER_TEST_EMPTY"}, {"X=y"}) ==
          strings{"MUSTER_TEST_A=1=2", "MUSTER_TEST_EMPTY=", "X=y"});
    ::unsetenv("MUSTER_TEST_A");
    ::unsetenv("MUSTER_TEST_EMPTY");
}

TEST_CASE("command: is a value", "[process][command]") {
    command const a{.program = "bgpq4", .args = {"-4", "AS15169"}};
    auto b = a;
    CHECK(a == b);
    b.args.push_back("-J");
    CHECK_FALSE(a == b);
}
