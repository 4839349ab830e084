#include <muster/flow/merge_by_time.hpp>

#include "catch.hpp"

#include <algorithm>
#include <random>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

using namespace muster;

namespace {
struct order {
    int at;
    std::string who;
    friend bool operator==(order const&, order const&) = default;
};
struct refund {
    long at;
    friend bool operator==(refund const&, refund const&) = default;
};
auto const when = [](auto const& item) { return item.at; };
template <class Merged>
auto all_of(Merged&& from) {
    std::vector<std::ranges::range_value_t<Merged>> all;
    for (auto& each : from) all.push_back(std::move(each));
    return all;
}
using either = std::variant<order, refund>;
}  // namespace

TEST_CASE("merge_by_time: ranges in order of time become one in order of time", "[flow][merge]") {
    std::vector<order> const orders{{1, "a"}, {5, "b"}, {5, "c"}};
    std::vector<refund> const refunds{{0}, {5}, {9}};
    CHECK(all_of(merge_by_time(when, orders, refunds)) ==
          std::vector<either>{refund{0}, order{1, "a"}, order{5, "b"}, order{5, "c"}, refund{5}, refund{9}});
    CHECK(all_of(merge_by_time(when, std::vector<order>{}, refunds)).size() == 3);
    CHECK(all_of(merge_by_time(when, std::vector<order>{}, std::vector<refund>{})).empty());
}

TEST_CASE("merge_by_time: as a stable sort of all, on random ranges", "[flow][merge]") {
    for (unsigned seed = 0; seed < 1'000; ++seed) {
        std::mt19937_64 dice{seed};
        std::vector<std::vector<int>> ranges(3);
        std::vector<std::pair<int, std::size_t>> expected;
        for (std::size_t i = 0; i < ranges.size(); ++i) {
            ranges[i].resize(dice() % 12);
            for (auto& each : ranges[i]) each = static_cast<int>(dice() % 20);
            std::sort(ranges[i].begin(), ranges[i].end());
            for (auto const each : ranges[i]) expected.emplace_back(each, i);
        }
        std::stable_sort(expected.begin(), expected.end(), [](auto const& a, auto const& b) { return a.first < b.first; });
        std::vector<std::pair<int, std::size_t>> found;
        for (auto& each : merge_by_time([](int i) { return i; }, ranges[0], ranges[1], ranges[2]))
            found.emplace_back(std::visit([](int i) { return i; }, each), each.index());
        INFO("seed " << seed);
        REQUIRE(found == expected);
    }
}

TEST_CASE("merge_by_time: a range that is not in order loses nothing", "[flow][merge]") {
    CHECK(all_of(merge_by_time(when, std::vector<refund>{{9}, {1}}, std::vector<refund>{{5}, {7}})).size() == 4);
}

TEST_CASE("merge_by_time: what the time function throws comes through", "[flow][merge]") {
    auto merged = merge_by_time([](int i) { return i == 2 ? throw std::runtime_error{"no time"} : i; }, std::vector{1, 2}, std::vector{3});
    std::vector<std::size_t> from;
    auto const read = [&] {
        for (auto& each : merged) from.push_back(each.index());
    };
    CHECK_THROWS_AS(read(), std::runtime_error);
    CHECK(from.size() == 1);
}
