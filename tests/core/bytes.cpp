#include <muster/core/bytes.hpp>

#include "catch.hpp"

#include <type_traits>    // is_same_v

using namespace muster;

static_assert(std::is_same_v<decltype(512 * MiB), std::uint64_t> && std::is_same_v<decltype(MiB), std::uint64_t const>);
static_assert(KiB == 1'024 && MiB == 1'048'576 && GiB == 1'073'741'824);

TEST_CASE("bytes: sizes beyond 4 GiB are written as people say them", "[core][bytes]") {
    CHECK(8 * GiB == 8'589'934'592u);
    CHECK(512 * MiB * 2 == GiB);
    CHECK(3 * KiB == 3'072u);
}
