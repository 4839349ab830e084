#include <muster/flow/fair.hpp>

#include "catch.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

using namespace muster;

namespace {
struct request {
    std::string tenant;
    int number;
};
auto const itself = [](int key) { return key; };
auto const tenant_of = [](int item) { return item / 1'000'000; };
}  // namespace

static_assert(discipline_for<fair<std::string request::*>, request>);
static_assert(discipline_for<fair<decltype(tenant_of), decltype(itself)>, int>);

TEST_CASE("fair: keys take turns, and each is served as it came", "[flow][fair]") {
    auto queue = fair{&request::tenant}.make_queue<request>(100);
    for (auto const* tenant : {"a", "a", "a", "b", "a", "c", "b"}) CHECK(queue.push({tenant, static_cast<int>(queue.size())}));
    CHECK(queue.size() == 7);
    std::string order;
    while (auto const next = queue.pop()) order += next->tenant + std::to_string(next->number);
    CHECK(order == "a0b3c5a1b6a2a4");
    CHECK(queue.size() == 0);
    CHECK_FALSE(queue.pop().has_value());
}

TEST_CASE("fair: one greedy tenant and nine small ones get shares by their weights, within a tenth", "[flow][fair]") {
    for (bool const weighted : {false, true}) {
        auto const weight = [weighted](int tenant) { return weighted ? 1 + tenant : 1; };
        auto queue = fair{tenant_of, weight}.make_queue<int>(10'000);
        std::vector<int> waiting(10), served(10);
        std::mt19937_64 dice{1};
        auto const offer = [&](int tenant) {
            if (!queue.push(tenant * 1'000'000)) return false;
            return ++waiting[static_cast<std::size_t>(tenant)], true;
        };
        for (int pops = 0; pops < 55'000; ++pops) {
            while (offer(0)) {}    // floods whatever is free
            for (int tenant = 1; tenant < 10; ++tenant)    // the others always have a few
                while (waiting[static_cast<std::size_t>(tenant)] < 12) REQUIRE(offer(tenant));
            auto const next = queue.pop();
            REQUIRE(next.has_value());
            --waiting[static_cast<std::size_t>(tenant_of(*next))];
            ++served[static_cast<std::size_t>(tenant_of(*next))];
        }
        int weights = 0;
        for (int tenant = 0; tenant < 10; ++tenant) weights += weight(tenant);
        for (int tenant = 0; tenant < 10; ++tenant) {
            auto const due = 55'000.0 * weight(tenant) / weights;
            CHECK(served[static_cast<std::size_t>(tenant)] == Approx(due).epsilon(0.01));
        }
    }
}

TEST_CASE("fair: a key that floods the queue leaves room for others", "[flow][fair]") {
    auto queue = fair{tenant_of}.make_queue<int>(100);
    int taken = 0;
    while (queue.push(int{taken})) ++taken;
    CHECK(taken == 50);
    for (int tenant = 1; tenant <= 5; ++tenant) CHECK(queue.push(tenant * 1'000'000));
    CHECK(queue.size() == 55);

    auto one = fair{tenant_of}.make_queue<int>(1);
    CHECK(one.push(1));
    CHECK_FALSE(one.push(1'000'001));
    CHECK(one.pop() == 1);
    CHECK_FALSE(fair{tenant_of}.make_queue<int>(0).push(1));
}

TEST_CASE("fair: an item that finds no room is left as it is", "[flow][fair]") {
    auto const all_alike = [](std::unique_ptr<int> const&) { return 0; };
    auto queue = fair{all_alike}.make_queue<std::unique_ptr<int>>(1);
    CHECK(queue.push(std::make_unique<int>(1)));
    auto second = std::make_unique<int>(2);
    CHECK_FALSE(queue.push(std::move(second)));
    REQUIRE(second != nullptr);
    CHECK(**queue.pop() == 1);
}

TEST_CASE("fair: nothing is lost or doubled, and no key gets ahead of another by more than a turn, on random loads", "[flow][fair]") {
    for (unsigned seed = 0; seed < 300; ++seed) {
        std::mt19937_64 dice{seed};
        std::vector<int> weights(1 + dice() % 8);
        for (auto& each : weights) each = static_cast<int>(1 + dice() % 6);
        auto queue = fair{tenant_of, [&](int tenant) { return weights[static_cast<std::size_t>(tenant)]; }}.make_queue<int>(1 + dice() % 200);
        std::map<int, std::vector<int>> model;
        // Of keys that have both had something waiting all the time: what each was served since then, in turns.
        std::vector<int> served(weights.size());
        std::size_t held = 0;
        for (int i = 0; i < 3'000; ++i) {
            if (dice() % 20 < 11) {
                auto const tenant = static_cast<int>(dice() % weights.size());
                if (queue.push(tenant * 1'000'000 + i)) {
                    if (model[tenant].empty()) std::fill(served.begin(), served.end(), 0);
                    model[tenant].push_back(i);
                    ++held;
                }
            } else {
                auto const next = queue.pop();
                REQUIRE(next.has_value() == (held != 0));
                if (!next) continue;
                auto const tenant = tenant_of(*next);
                REQUIRE(model[tenant].front() == *next % 1'000'000);
                model[tenant].erase(model[tenant].begin());
                --held;
                ++served[static_cast<std::size_t>(tenant)];
                for (std::size_t other = 0; other < weights.size(); ++other) {
                    if (model[static_cast<int>(other)].empty()) continue;
                    auto const turns = static_cast<double>(served[static_cast<std::size_t>(tenant)]) / weights[static_cast<std::size_t>(tenant)] -
                                       static_cast<double>(served[other]) / weights[other];
                    REQUIRE(turns <= 2.0);
                }
            }
            REQUIRE(queue.size() == held);
        }
    }
}

TEST_CASE("fair: a weight out of range, or a key that cannot be told, leaves the queue as it was", "[flow][fair]") {
    auto queue = fair{tenant_of, itself}.make_queue<int>(10);
    CHECK_THROWS_AS(queue.push(5), std::invalid_argument);    // weight 0
    CHECK_THROWS_AS(queue.push(-1'000'000), std::invalid_argument);
    CHECK(queue.push(1'000'000));
    CHECK(queue.size() == 1);
    CHECK(queue.pop() == 1'000'000);
    CHECK_FALSE(queue.pop().has_value());

    auto const torn = [](int item) { return item == 2 ? throw std::runtime_error{"torn"} : item; };
    auto other = fair{torn}.make_queue<int>(10);
    CHECK(other.push(1));
    CHECK_THROWS_AS(other.push(2), std::runtime_error);
    CHECK(other.size() == 1);
}

TEST_CASE("fair: a million keys, none of which is remembered when it has nothing waiting", "[flow][fair]") {
    auto queue = fair{itself}.make_queue<int>(2'000'000);
    for (int i = 0; i < 1'000'000; ++i) REQUIRE(queue.push(int{i}));
    for (int i = 0; i < 1'000'000; ++i) REQUIRE(queue.pop() == i);
    CHECK_FALSE(queue.pop().has_value());
}
