#include <muster/process/process_main.hpp>

#include <cstdlib>

#include "catch.hpp"

using namespace muster;

static_assert(!std::is_copy_constructible_v<process_main>);

// The main of these tests begins with it.
TEST_CASE("process_main: has started a fork server, which is a process of its own", "[process][process_main][forks]") {
    CHECK(detail::has_process_main());
    REQUIRE(detail::early_server());
    CHECK(detail::early_server()->pid() != ::getpid());
    CHECK(::kill(detail::early_server()->pid(), 0) == 0);
}

TEST_CASE("process_main: a variable that names no socket makes no server of a program", "[process][process_main][forks]") {
    for (auto const* value : {"", "x", "-1", "0", "2", "999999", "99999999999999999999"}) {
        ::setenv(detail::fork_server::variable, value, 1);
        detail::fork_server::serve_if_asked();    // returns
        CHECK(std::getenv(detail::fork_server::variable) == nullptr);
    }
}
