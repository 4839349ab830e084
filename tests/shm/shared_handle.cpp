#include <muster/shm/shared_handle.hpp>

#include "catch.hpp"

using namespace muster;

TEST_CASE("shared_handle: names nothing by default, and is compared as a whole", "[shm][shared_handle]") {
    CHECK_FALSE(shared_handle{});
    shared_handle one{.arena = 1, .chunk = 2, .generation = 3, .size = 4};
    CHECK(one);
    auto other = one;
    CHECK(one == other);
    other.generation = 4;
    CHECK_FALSE(one == other);
}
