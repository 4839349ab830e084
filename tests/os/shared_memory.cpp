#include <muster/os/shared_memory.hpp>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include <sys/stat.h>
#include <sys/wait.h>

#include "catch.hpp"

using namespace muster;

static_assert(!std::is_copy_constructible_v<shared_memory>);

TEST_CASE("shared_memory: is zeros, in whole pages, and close-on-exec", "[os][shared_memory]") {
    shared_memory const memory{1};
    CHECK(memory.size() == shared_memory::page());
    CHECK(memory.data()[0] == std::byte{0});
    CHECK((::fcntl(memory.file().get(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("shared_memory: two mappings of one descriptor show the same bytes", "[os][shared_memory]") {
    shared_memory const mine{100};
    shared_memory const theirs{fd{::fcntl(mine.file().get(), F_DUPFD_CLOEXEC, 3)}};
    CHECK(theirs.size() == mine.size());
    std::memcpy(mine.data(), "hello", 6);
    CHECK(std::strcmp(reinterpret_cast<char const*>(theirs.data()), "hello") == 0);
}

TEST_CASE("shared_memory: a child that writes is seen", "[os][shared_memory][forks]") {
    shared_memory const memory{100};
    auto const child = ::fork();
    if (child == 0) {
        memory.data()[7] = std::byte{9};
        ::_exit(0);
    }
    ::waitpid(child, nullptr, 0);
    CHECK(memory.data()[7] == std::byte{9});
}

TEST_CASE("shared_memory: nobody can cut off what another has mapped", "[os][shared_memory]") {
    shared_memory const memory{100};
    CHECK(::ftruncate(memory.file().get(), 0) != 0);
    CHECK(::ftruncate(memory.file().get(), 1 << 20) != 0);
}

TEST_CASE("shared_memory: a closed descriptor leaves the mapping", "[os][shared_memory]") {
    shared_memory memory{100};
    memory.file().reset();
    memory.data()[99] = std::byte{1};
    CHECK(memory.data()[99] == std::byte{1});
    auto moved = std::move(memory);
    CHECK_FALSE(memory);
    CHECK(moved.data()[99] == std::byte{1});
}

TEST_CASE("shared_memory: reserved pages are there, released ones read as zeros", "[os][shared_memory]") {
    shared_memory const memory{64 * shared_memory::page()};
    struct stat about {};
    auto const blocks = [&] { return ::fstat(memory.file().get(), &about) == 0 ? about.st_blocks * 512 : -1; };
    CHECK(blocks() == 0);
    REQUIRE(memory.reserve(0, 16 * shared_memory::page()) == 0);
    CHECK(blocks() == static_cast<long>(16 * shared_memory::page()));
    memory.data()[5] = std::byte{1};
    REQUIRE(memory.release(0, 16 * shared_memory::page()) == 0);
    CHECK(blocks() == 0);
    CHECK(memory.data()[5] == std::byte{0});
}

TEST_CASE("shared_memory: no size, and one that no machine has, are refused", "[os][shared_memory]") {
    CHECK_THROWS_AS(shared_memory{0}, std::system_error);
    CHECK_THROWS_AS(shared_memory{~std::size_t{0}}, std::system_error);
    CHECK_THROWS_AS(shared_memory{fd::open("/dev/null", O_RDWR)}, std::system_error);
}
