#include <muster/os/pipe_ends.hpp>

#include "catch.hpp"

#include <sys/resource.h>    // setrlimit

using namespace muster;

TEST_CASE("pipe_ends: what is written can be read, and the end is seen", "[os][pipe_ends]") {
    auto ends = pipe_ends::open();
    CHECK(::write(ends.write.get(), "ab", 2) == 2);
    ends.write.reset();
    char got[8];
    CHECK(::read(ends.read.get(), got, sizeof got) == 2);
    CHECK(::read(ends.read.get(), got, sizeof got) == 0);
}

TEST_CASE("pipe_ends: neither end is inherited", "[os][pipe_ends]") {
    auto const ends = pipe_ends::open();
    CHECK((::fcntl(ends.read.get(), F_GETFD) & FD_CLOEXEC) != 0);
    CHECK((::fcntl(ends.write.get(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("pipe_ends: without descriptors left it throws EMFILE", "[os][pipe_ends]") {
    // UBSan looks at the type of an exception with a pipe of its own, the first time: let that be while there are some
    REQUIRE(std::system_error{std::make_error_code(std::errc::io_error)}.code());
    struct rlimit before {};
    ::getrlimit(RLIMIT_NOFILE, &before);
    auto none = before;
    none.rlim_cur = 3;
    ::setrlimit(RLIMIT_NOFILE, &none);
    int error = 0;
    try {
        auto const ends = pipe_ends::open();
    } catch (std::system_error const& thrown) {
        error = thrown.code().value();
    }
    ::setrlimit(RLIMIT_NOFILE, &before);
    CHECK(error == EMFILE);
}
