#include <muster/os/fd.hpp>

#include "catch.hpp"

#include <type_traits>    // is_copy_constructible

#include <sys/stat.h>    // fstat

using namespace muster;

static_assert(!std::is_copy_constructible_v<fd>);
static_assert(std::is_nothrow_move_constructible_v<fd>);

namespace {
bool is_open(int number) { return ::fcntl(number, F_GETFD) >= 0; }
}  // namespace

TEST_CASE("fd: closes what it owns, once", "[os][fd]") {
    int number = -1;
    {
        auto file = fd::open("/dev/null", O_RDONLY);
        number = file.get();
        auto const moved = std::move(file);
        CHECK_FALSE(file);
        CHECK(moved.get() == number);
        CHECK(is_open(number));
    }
    CHECK_FALSE(is_open(number));
}

TEST_CASE("fd: assigning closes what was there", "[os][fd]") {
    auto first = fd::open("/dev/null", O_RDONLY);
    int const number = first.get();
    first = fd::open("/dev/zero", O_RDONLY);
    CHECK_FALSE(is_open(number));
    int const released = first.release();
    CHECK(is_open(released));
    CHECK_FALSE(first);
    ::close(released);
}

TEST_CASE("fd: opens close-on-exec", "[os][fd]") {
    auto const file = fd::open("/dev/null", O_RDONLY);
    CHECK((::fcntl(file.get(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("fd: a file that is not there throws, with its path", "[os][fd]") {
    try {
        auto const file = fd::open("/no/such/file", O_RDONLY);
        FAIL("opened");
    } catch (std::system_error const& thrown) {
        CHECK(thrown.code().value() == ENOENT);
        CHECK(std::string{thrown.what()}.find("/no/such/file") != std::string::npos);
    }
}

TEST_CASE("fd: moves away from the standard streams", "[os][fd]") {
    fd const saved{::fcntl(0, F_DUPFD_CLOEXEC, 10)};    // this test closes its standard input for a moment
    ::close(0);
    auto file = fd::open("/dev/null", O_RDONLY);
    int const before = file.get();
    file.above_standard();
    int const after = file.get();
    bool const freed = !is_open(0), kept = (::fcntl(after, F_GETFD) & FD_CLOEXEC) != 0;
    if (saved) ::dup2(saved.get(), 0);
    CHECK(before == 0);
    CHECK(after > 2);
    CHECK(freed);
    CHECK(kept);
}
