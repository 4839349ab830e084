#include <muster/workloads/hash/digest.hpp>

#include "catch.hpp"

#include <type_traits>

#include <muster/core/wire.hpp>

using muster::hashing::digest;

static_assert(sizeof(digest<32>) == 32 && std::is_trivially_copyable_v<digest<32>>);
static_assert(muster::transportable<digest<32>>);

TEST_CASE("digest: compares by its bytes, the first one first", "[hash][digest]") {
    digest<4> const a{{1, 2, 3, 4}}, b{{1, 3, 0, 0}};
    CHECK(a == a);
    CHECK(a != b);
    CHECK(a < b);
    CHECK(digest<4>{} == digest<4>{{0, 0, 0, 0}});
}

TEST_CASE("digest: travels to other processes", "[hash][digest]") {
    digest<4> const sent{{0, 1, 254, 255}};
    CHECK(muster::decoded<digest<4>>(muster::encoded(sent)) == sent);
}
