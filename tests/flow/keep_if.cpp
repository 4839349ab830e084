#include <muster/flow/keep_if.hpp>

#include "catch.hpp"
#include "flow/operated.hpp"

#include <memory>
#include <stdexcept>
#include <vector>

using namespace muster;
using muster::testing::operated;

namespace {
struct reading {
    int value;
    bool valid;
    [[nodiscard]] bool high() const { return value > 10; }
    friend bool operator==(reading const&, reading const&) = default;
};
auto const not_null = [](std::unique_ptr<int> const& item) { return item != nullptr; };
[[maybe_unused]] auto const wants_to_change = [](int& item) { return item != 0; };
}  // namespace

static_assert(operator_for<keep_if<decltype(not_null)>, std::unique_ptr<int>>);
static_assert(!operator_for<keep_if<decltype(wants_to_change)>, int>);    // items are looked at, not changed

TEST_CASE("keep_if: what the predicate accepts goes on, in its order", "[flow][keep_if]") {
    CHECK(operated(std::vector{1, 2, 3, 4, 5}, keep_if{[](int i) { return i % 2 == 1; }}).given == std::vector{1, 3, 5});
    CHECK(operated(std::vector<int>{}, keep_if{[](int) { return true; }}).given.empty());

    std::vector<std::unique_ptr<int>> items(3);
    items[1] = std::make_unique<int>(4);
    auto const kept = operated(std::move(items), keep_if{not_null});
    REQUIRE(kept.given.size() == 1);
    CHECK(*kept.given[0] == 4);
    CHECK(kept.refused.empty());
}

TEST_CASE("keep_if: takes members", "[flow][keep_if]") {
    std::vector<reading> const all{{1, true}, {20, false}, {30, true}};
    CHECK(operated(all, keep_if{&reading::valid}, keep_if{&reading::high}).given == std::vector<reading>{{30, true}});
}

TEST_CASE("keep_if: a predicate that throws fails its item only", "[flow][keep_if]") {
    auto const kept = operated(std::vector{1, 2, 3}, keep_if{[](int i) { return i == 2 ? throw std::runtime_error{"no twos"} : true; }});
    CHECK(kept.given == std::vector{1, 3});
    REQUIRE(kept.refused.size() == 1);
    CHECK(kept.refused[0].text() == "no twos");
}
