#include <muster/workloads/search/piece.hpp>

#include "catch.hpp"

#include <muster/core/wire.hpp>

using namespace muster;
using namespace muster::searching;

// A scanner in another process is given the one and answers the other.
static_assert(transportable<piece>);
static_assert(transportable<scanned_piece>);

TEST_CASE("piece: it is the whole file unless more is said", "[search][piece]") {
    piece const whole{.file = "f"};
    CHECK(whole.offset == 0);
    CHECK(whole.size == ~std::uint64_t{0});
    CHECK(whole.skip_lines == 0);
    CHECK(whole.skip_patterns == 0);
    CHECK(!whole.inside);
    CHECK(!whole.look);
    CHECK(whole == piece{.file = "f"});
    CHECK(!(whole == piece{.file = "f", .inside = true}));
}
