#include <muster/flow/split.hpp>

#include "catch.hpp"
#include "flow/operated.hpp"

#include <memory>
#include <stdexcept>
#include <vector>

using namespace muster;
using muster::testing::operated;

namespace {
struct list {
    std::vector<std::unique_ptr<int>> all;
    void put(std::unique_ptr<int> item) { all.push_back(std::move(item)); }
};
struct closed {
    void put(int) { throw std::runtime_error{"closed"}; }
};
auto const even = [](std::unique_ptr<int> const& item) { return *item % 2 == 0; };
}  // namespace

static_assert(operator_for<split<decltype(even), list>, std::unique_ptr<int>> && !operator_for<split<decltype(even), list>, int>);
static_assert(!std::constructible_from<split<decltype(even), list>, decltype(even), list>);    // a temporary sink does not bind

TEST_CASE("split: each item goes one way, in its order", "[flow][split]") {
    list evens;
    std::vector<std::unique_ptr<int>> items;
    for (int i = 0; i < 5; ++i) items.push_back(std::make_unique<int>(i));
    auto const odds = operated(std::move(items), split{even, evens});
    REQUIRE(odds.given.size() == 2);
    CHECK(*odds.given[0] == 1);
    CHECK(*odds.given[1] == 3);
    REQUIRE(evens.all.size() == 3);
    CHECK(*evens.all[2] == 4);
}

TEST_CASE("split: what the sink refuses is a failure of that item", "[flow][split]") {
    closed sink;
    auto const rest = operated(std::vector{1, 2, 3}, split{[](int i) { return i == 2; }, sink});
    CHECK(rest.given == std::vector{1, 3});
    REQUIRE(rest.refused.size() == 1);
    CHECK(rest.refused[0].text() == "closed");
}
