#include <muster/flow/group_by.hpp>

#include "catch.hpp"
#include "flow/operated.hpp"
#include "temporary_folder.hpp"

#include <map>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

using namespace muster;
using muster::testing::operated;

namespace {
struct request {
    std::string host;
    int bytes;
};
auto const total = [](int sum, request const& item) { return sum + item.bytes; };
auto const each = [](std::vector<int>& all, request const& item) { all.push_back(item.bytes); };
using totals = grouped<std::string, int>;
[[maybe_unused]] group_by const by_host{{}, &request::host, 0, total};
}  // namespace

static_assert(operator_for<decltype(by_host), request>);
static_assert(!operator_for<decltype(by_host), std::unique_ptr<int>>);
static_assert(!transportable<operator_state<decltype(by_host), request>>);

TEST_CASE("group_by: all items of a key, folded, in the order of the keys", "[flow][group_by]") {
    std::vector<request> const items{{"b", 1}, {"a", 2}, {"b", 3}, {"c", 4}, {"a", 5}};
    CHECK(operated(items, by_host).given == std::vector<totals>{{"a", 7}, {"b", 4}, {"c", 4}});
    CHECK(operated(std::vector<request>{}, by_host).given.empty());
}

TEST_CASE("group_by: as a map, also when most of it waits on the disk, and leaves nothing there", "[flow][group_by]") {
    temporary_folder const folder;
    for (unsigned seed = 0; seed < 3; ++seed) {
        std::mt19937_64 dice{seed};
        std::map<std::string, std::vector<int>> model;
        std::vector<request> items;
        for (int i = 0; i < 20'000; ++i) {
            items.push_back({std::string(dice() % 30, 'x') + std::to_string(dice() % 1'000), i});
            model[items.back().host].push_back(i);
        }
        auto const all = operated(std::move(items), group_by{{.memory = 256 * KiB, .folder = folder.path()}, &request::host, std::vector<int>{}, each});
        CHECK(all.refused.empty());
        REQUIRE(all.given.size() == model.size());
        auto expected = model.begin();
        for (auto const& group : all.given) {
            REQUIRE(group.key == expected->first);
            REQUIRE(group.value == expected->second);
            ++expected;
        }
    }
    CHECK(folder.count() == 0);
}

TEST_CASE("group_by: an item for which the fold throws is a failure, and its group goes on", "[flow][group_by]") {
    auto const torn = [](int sum, request const& item) { return item.bytes == 2 ? throw std::runtime_error{"torn"} : sum + item.bytes; };
    auto const all = operated(std::vector<request>{{"a", 1}, {"a", 2}, {"a", 4}, {"b", 8}}, group_by{{}, &request::host, 0, torn});
    CHECK(all.given == std::vector<totals>{{"a", 5}, {"b", 8}});
    REQUIRE(all.refused.size() == 1);
    CHECK(all.refused[0].text() == "torn");
}

TEST_CASE("group_by: without room on the disk items are refused, the others are grouped", "[flow][group_by]") {
    std::vector<request> items;
    for (int i = 0; i < 30'000; ++i) items.push_back({std::string(100, static_cast<char>('a' + i % 10)), 1});
    auto const all = operated(std::move(items), group_by{{.memory = 256 * KiB, .disk = 300'000}, &request::host, 0, total});
    REQUIRE(all.given.size() == 10);
    CHECK(all.refused.size() > 20'000);
    CHECK(all.refused.front().is(cause::exhausted));
    int sum = 0;
    for (auto const& group : all.given) sum += group.value;
    CHECK(sum + static_cast<int>(all.refused.size()) == 30'000);
}

TEST_CASE("group_by: options that make no sense are refused at the start of a run", "[flow][group_by]") {
    group_by const tiny{{.memory = 1}, &request::host, 0, total};
    CHECK_THROWS_AS(tiny.make_state<request>(), std::invalid_argument);
}
