#include <muster/flow/by_priority.hpp>

#include "catch.hpp"

#include <algorithm>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

using namespace muster;
using namespace std::chrono_literals;

namespace {
struct job {
    int urgency;
    std::string name;
};
auto const urgency = [](job const& item) { return item.urgency; };
std::string names(auto& queue) {
    std::string all;
    while (auto const next = queue.pop()) all += next->name;
    return all;
}
}  // namespace

static_assert(discipline_for<by_priority<int job::*>, job>);

TEST_CASE("by_priority: the highest goes first, and of one priority who came first", "[flow][by_priority]") {
    auto queue = by_priority{&job::urgency, {.age = 0}}.make_queue<job>(10);
    for (auto const& each : {job{1, "a"}, job{3, "b"}, job{1, "c"}, job{-2, "d"}, job{3, "e"}}) CHECK(queue.push(job{each}));
    CHECK(queue.size() == 5);
    CHECK(names(queue) == "beacd");
    CHECK_FALSE(queue.pop().has_value());
}

TEST_CASE("by_priority: what is low is late but not never", "[flow][by_priority]") {
    for (std::uint64_t const age : {0u, 1u, 10u}) {
        auto queue = by_priority{urgency, {.age = age}}.make_queue<job>(100);
        CHECK(queue.push({0, "low"}));
        int before = 0;
        for (; before < 1'000; ++before) {    // there is always one that is 5 steps higher
            CHECK(queue.push({5, "high"}));
            if (queue.pop()->name == "low") break;
        }
        CHECK(before == (age == 0 ? 1'000 : static_cast<int>(5 * age)));
    }
}

TEST_CASE("by_priority: age can be time, as it is given", "[flow][by_priority]") {
    instant const start{};
    auto queue = by_priority{urgency, {.wait = 5s}}.make_queue<job>(10);
    CHECK(queue.push({0, "a"}, start));
    CHECK(queue.push({1, "b"}, start + 4s));    // 4 s do not make up for a step
    CHECK(queue.push({1, "c"}, start + 6s));    // 6 s do
    CHECK(queue.push({2, "d"}, start + 6s));
    CHECK(names(queue) == "dbac");
}

TEST_CASE("by_priority: no more than its bound, and an item that finds no room is left as it is", "[flow][by_priority]") {
    auto const alike = [](std::unique_ptr<int> const&) { return 0; };
    auto queue = by_priority{alike}.make_queue<std::unique_ptr<int>>(1);
    CHECK(queue.push(std::make_unique<int>(1)));
    auto second = std::make_unique<int>(2);
    CHECK_FALSE(queue.push(std::move(second)));
    CHECK(second != nullptr);
    CHECK(**queue.pop() == 1);
    CHECK(queue.push(std::move(second)));
}

TEST_CASE("by_priority: as a list in which all grow older, on random loads", "[flow][by_priority]") {
    struct waiting {
        std::int64_t priority, pushed;
        int number;
    };
    for (unsigned seed = 0; seed < 500; ++seed) {
        std::mt19937_64 dice{seed};
        auto const age = dice() % 12;
        auto const most = 1 + dice() % 60;
        std::vector<waiting> model;
        auto const priority = [](waiting const& item) { return item.priority; };
        auto queue = by_priority{priority, {.age = age}}.make_queue<waiting>(most);
        std::int64_t gone = 0;
        for (int i = 0; i < 1'000; ++i) {
            if (dice() % 2 == 0) {
                waiting const item{static_cast<std::int64_t>(dice() % 9) - 4, gone, i};
                REQUIRE(queue.push(waiting{item}) == (model.size() < most));
                if (model.size() < most) model.push_back(item);
            } else {
                auto const next = queue.pop();
                REQUIRE(next.has_value() == !model.empty());
                if (!next) continue;
                auto const first = std::max_element(model.begin(), model.end(), [&](waiting const& a, waiting const& b) {
                    auto const worth = [&](waiting const& of) {
                        return age == 0 ? of.priority : of.priority * static_cast<std::int64_t>(age) + gone - of.pushed;
                    };
                    return worth(a) < worth(b);    // of equals the first
                });
                REQUIRE(next->number == first->number);
                model.erase(first);
                ++gone;
            }
        }
    }
}

TEST_CASE("by_priority: priorities and ages at the ends of their numbers", "[flow][by_priority]") {
    auto const itself = [](std::int64_t item) { return item; };
    auto queue = by_priority{itself, {.age = INT64_MAX}}.make_queue<std::int64_t>(10);
    for (auto const each : {std::int64_t{0}, INT64_MIN, INT64_MAX, std::int64_t{-1}}) CHECK(queue.push(std::int64_t{each}));
    for (auto const each : {INT64_MAX, std::int64_t{0}, std::int64_t{-1}, INT64_MIN}) CHECK(queue.pop() == each);
    auto timed = by_priority{itself, {.wait = std::chrono::nanoseconds::max()}}.make_queue<std::int64_t>(10);
    CHECK(timed.push(INT64_MIN, instant::min()));
    CHECK(timed.push(INT64_MAX, instant::max()));
    CHECK(timed.pop() == INT64_MAX);
    CHECK_THROWS_AS((by_priority{itself, {.age = UINT64_MAX}}), std::invalid_argument);
    CHECK_THROWS_AS((by_priority{itself, {.wait = -1s}}), std::invalid_argument);
}

TEST_CASE("by_priority: a priority that cannot be told leaves the queue as it was", "[flow][by_priority]") {
    auto const torn = [](int item) { return item == 2 ? throw std::runtime_error{"torn"} : item; };
    auto queue = by_priority{torn}.make_queue<int>(10);
    CHECK(queue.push(1));
    CHECK_THROWS_AS(queue.push(2), std::runtime_error);
    CHECK(queue.size() == 1);
    CHECK(queue.pop() == 1);
}
