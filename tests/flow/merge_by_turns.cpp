#include <muster/flow/merge_by_turns.hpp>

#include "catch.hpp"
#include "flow/ranges.hpp"

#include <memory>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

using namespace muster;
using muster::testing::read_once;

namespace {
template <class Merged>
auto all_of(Merged&& from) {
    std::vector<std::ranges::range_value_t<Merged>> all;
    for (auto& each : from) all.push_back(std::move(each));
    return all;
}
using either = std::variant<int, std::string>;
}  // namespace

static_assert(std::ranges::input_range<decltype(merge_by_turns(std::vector<int>{}, read_once{1}))>);

TEST_CASE("merge_by_turns: an item of each in turn; what has ended is passed over", "[flow][merge]") {
    std::vector<int> const numbers{1, 2};
    CHECK(all_of(merge_by_turns(numbers, read_once{4})) == std::vector<either>{1, "0", 2, "1", "2", "3"});
    CHECK(all_of(merge_by_turns(numbers, std::vector<std::string>{})) == std::vector<either>{1, 2});
    CHECK(all_of(merge_by_turns(std::vector<int>{}, std::vector<int>{})).empty());
    CHECK(all_of(merge_by_turns(numbers)).size() == 2);
    CHECK(numbers == std::vector{1, 2});
}

TEST_CASE("merge_by_turns: the index of an item says which range it is of, also where they are alike", "[flow][merge]") {
    auto const all = all_of(merge_by_turns(std::vector{1, 1, 1}, std::vector{1}, std::vector{1, 1}));
    std::vector<std::size_t> from;
    for (auto const& each : all) from.push_back(each.index());
    CHECK(from == std::vector<std::size_t>{0, 1, 2, 0, 2, 0});
}

TEST_CASE("merge_by_turns: items move out of a range that was given away, and are copied from one that was lent", "[flow][merge]") {
    std::vector<std::unique_ptr<int>> given(2);
    given[0] = std::make_unique<int>(7);
    std::vector<std::string> lent{"a text that is too long to be in the string itself"};
    auto const copy = lent;
    auto const all = all_of(merge_by_turns(std::move(given), lent));
    CHECK(*std::get<0>(all[0]) == 7);
    CHECK(std::get<1>(all[1]) == copy[0]);
    CHECK(lent == copy);
}

TEST_CASE("merge_by_turns: what a range throws comes through, after all that came before", "[flow][merge]") {
    auto merged = merge_by_turns(std::vector{1, 2, 3}, read_once{5, 1});
    std::size_t seen = 0;
    auto const read = [&] {
        for ([[maybe_unused]] auto& each : merged) ++seen;
    };
    CHECK_THROWS_AS(read(), std::runtime_error);
    CHECK(seen == 3);    // 1, "0", 2
}
