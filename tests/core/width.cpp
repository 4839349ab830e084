#include <muster/core/width.hpp>

#include "catch.hpp"

#include <concepts>
#include <limits>

using namespace muster;

// The table that the automatic rule was promised with.
static_assert(auto_workers(1, 8) == 1);
static_assert(auto_workers(2, 8) == 1);
static_assert(auto_workers(3, 8) == 3);
static_assert(auto_workers(10, 8) == 8);
static_assert(auto_workers(100, 16) == 8);
static_assert(auto_workers(5, 2) == 2);

static_assert(std::convertible_to<int, width>);
static_assert(std::convertible_to<automatic, width>);
static_assert(!std::convertible_to<bool, width>);     // `on{pool, true}` says nothing
static_assert(!std::convertible_to<double, width>);

TEST_CASE("width: the automatic rule never answers 0", "[core][width]") {
    CHECK(auto_workers(0, 8) == 1);
    CHECK(auto_workers(100, 0) == 1);
    CHECK(auto_workers(100, 8, 0) == 1);
    CHECK(auto_workers(0, 0, 0, 0) == 1);
}

TEST_CASE("width: the automatic rule is bounded by cap, cores and items for any arguments", "[core][width]") {
    for (std::size_t items = 0; items < 40; ++items)
        for (std::size_t cores = 0; cores < 20; ++cores)
            for (std::size_t cap = 1; cap < 12; ++cap) {
                auto const workers = auto_workers(items, cores, cap, 2);
                REQUIRE(workers >= 1);
                REQUIRE(workers <= cap);
                REQUIRE((workers <= items || workers == 1));
                REQUIRE((workers <= cores || workers == 1));
                if (items <= 2) REQUIRE(workers == 1);
            }
}

TEST_CASE("width: cap and threshold of the rule can be changed", "[core][width]") {
    CHECK(auto_workers(100, 64, 32) == 32);
    CHECK(auto_workers(2, 8, 8, 0) == 2);
    CHECK(auto_workers(20, 8, 8, 20) == 1);
    CHECK(width{automatic{.cap = 3}}.workers(100, 16) == 3);
    CHECK(width{automatic{.sequential_up_to = 5}}.workers(5, 16) == 1);
}

TEST_CASE("width: nothing said means automatic", "[core][width]") {
    width const unsaid;
    CHECK(unsaid.is_automatic());
    CHECK_FALSE(unsaid.fixed());
    CHECK(unsaid.workers(100, 4) == 4);
    CHECK(unsaid == width{automatic{}});
}

TEST_CASE("width: a fixed width knows no cores and no threshold, only the items", "[core][width]") {
    width const fixed = 32;
    CHECK_FALSE(fixed.is_automatic());
    CHECK(fixed.fixed() == 32u);
    CHECK(fixed.workers(100, 2) == 32);
    CHECK(fixed.workers(2, 2) == 2);
    CHECK(fixed.workers(0, 2) == 1);
    CHECK(fixed != width{automatic{}});
    CHECK(width{std::numeric_limits<std::size_t>::max()}.workers(7, 1) == 7);
}
