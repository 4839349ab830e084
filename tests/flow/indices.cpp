#include <muster/flow/indices.hpp>

#include "catch.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

using namespace muster;

static_assert(std::ranges::random_access_range<indices>);
static_assert(std::ranges::sized_range<indices>);
static_assert(std::ranges::common_range<indices>);
static_assert(std::ranges::borrowed_range<indices>);
static_assert(std::ranges::view<indices>);
static_assert(noexcept(indices{3}.begin()[2]));    // so that a loop over it holds nothing but the task
static_assert(indices{3} == indices{0, 3} && indices{3} != indices{1, 3});

TEST_CASE("indices: the numbers from the first up to, not including, the last", "[flow]") {
    auto const read = [](indices from) { return std::vector<std::size_t>(from.begin(), from.end()); };
    CHECK(read(indices{3}) == std::vector<std::size_t>{0, 1, 2});
    CHECK(read(indices{2, 5}) == std::vector<std::size_t>{2, 3, 4});
    CHECK(indices{2, 5}.size() == 3);
    CHECK(read(indices{0}).empty());
}

TEST_CASE("indices: bounds in the wrong order hold nothing", "[flow]") {
    CHECK(indices{5, 2}.size() == 0);
    CHECK(indices{5, 2}.begin() == indices{5, 2}.end());
}

TEST_CASE("indices: an iterator goes wherever one may", "[flow]") {
    auto const ten = indices{10, 20};
    auto at = ten.begin();
    CHECK(*at++ == 10);
    CHECK(*++at == 12);
    CHECK(*at-- == 12);
    CHECK(*--at == 10);
    at += 7;
    CHECK(*at == 17);
    at -= 2;
    CHECK(*at == 15);
    CHECK(*(at + 1) == 16);
    CHECK(*(1 + at) == 16);
    CHECK(*(at - 1) == 14);
    CHECK(at[4] == 19);
    CHECK(at[-5] == 10);
    CHECK(at - ten.begin() == 5);
    CHECK(ten.begin() - at == -5);
    CHECK(ten.begin() < at);
    CHECK(std::ranges::lower_bound(ten, 15u) == at);
}
