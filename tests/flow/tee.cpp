#include <muster/flow/tee.hpp>

#include "catch.hpp"
#include "flow/operated.hpp"

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using namespace muster;
using muster::testing::operated;

namespace {
struct list {
    std::vector<std::string> all;
    void put(std::string item) { all.push_back(std::move(item)); }
};
struct full_at_two : list {
    void put(std::string item) { all.size() == 2 ? throw std::runtime_error{"no room for " + item} : list::put(std::move(item)); }
};
}  // namespace

static_assert(operator_for<tee<list>, std::string> && !operator_for<tee<list>, std::unique_ptr<int>>);
static_assert(!std::constructible_from<tee<list>, list>);    // a temporary sink does not bind

TEST_CASE("tee: each item goes on, and a copy of it into the sink", "[flow][tee]") {
    list copies;
    std::vector<std::string> const items{"a long string that is no small one", "b", "c"};
    auto const through = operated(items, tee{copies});
    CHECK(through.given == items);
    CHECK(copies.all == items);
    CHECK(through.refused.empty());
}

TEST_CASE("tee: what the sink refuses does not go on", "[flow][tee]") {
    full_at_two sink;
    auto const through = operated(std::vector<std::string>{"a", "b", "c"}, tee{sink});
    CHECK(through.given == std::vector<std::string>{"a", "b"});
    REQUIRE(through.refused.size() == 1);
    CHECK(through.refused[0].text() == "no room for c");
}
