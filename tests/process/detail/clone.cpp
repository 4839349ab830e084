#include <muster/process/detail/clone.hpp>

#include "catch.hpp"

#include <sys/wait.h>    // waitpid
#include <unistd.h>      // getpid

#include <muster/os/shared_memory.hpp>    // shared_memory

using namespace muster;

TEST_CASE("clone_process: the child's number is there before the child runs", "[process][clone][forks]") {
    shared_memory const told{sizeof(int)};
    auto* const number = reinterpret_cast<int*>(told.data());
    auto const child = detail::clone_process(detail::born_to::caller, number);
    if (child == 0) ::_exit(*number == ::getpid() ? 0 : 1);
    REQUIRE(child > 0);
    CHECK(*number == child);
    int status = -1;
    REQUIRE(::waitpid(child, &status, __WALL) == child);
    CHECK(status == 0);
}
