#include <muster/os/resident_memory.hpp>

#include "catch.hpp"

#include <cstring>

#include <sys/mman.h>

TEST_CASE("resident_memory: it grows with what is touched, and falls when that is given back") {
    constexpr std::size_t bytes = std::size_t{64} << 20;
    auto const before = muster::resident_memory();
    REQUIRE(before > 0);
    auto* const memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(memory != MAP_FAILED);
    CHECK(muster::resident_memory() < before + bytes / 2);    // addresses alone
    std::memset(memory, 1, bytes);
    CHECK(muster::resident_memory() > before + bytes / 2);
    ::munmap(memory, bytes);
    CHECK(muster::resident_memory() < before + bytes / 2);
}
