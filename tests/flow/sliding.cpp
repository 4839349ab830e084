#include <muster/flow/sliding.hpp>

#include "catch.hpp"
#include "flow/operated.hpp"
#include "flow/window_model.hpp"

#include <random>
#include <stdexcept>
#include <string>
#include <vector>

using namespace muster;
using namespace std::chrono_literals;
using muster::testing::at;
using muster::testing::count;
using muster::testing::gather;
using muster::testing::global;
using muster::testing::operated;
using muster::testing::plain;
using muster::testing::reading;
using muster::testing::readings;
using muster::testing::ticks;
using muster::testing::window_model;

TEST_CASE("sliding: each item is in all windows that its time falls into", "[flow][sliding]") {
    auto const all = operated(plain({0, 7, 12}), sliding{{.size = 10ns, .step = 5ns}, &reading::when, 0, count});
    CHECK(all.given == std::vector<global>{
                           {{}, at(-5), at(5), 1}, {{}, at(0), at(10), 2}, {{}, at(5), at(15), 2}, {{}, at(10), at(20), 1}});
    CHECK(all.refused.empty());
}

TEST_CASE("sliding: with gaps between the windows, what falls between them is in none", "[flow][sliding]") {
    auto const all = operated(plain({0, 2, 3, 9, 10}), sliding{{.size = 3ns, .step = 10ns}, &reading::when, 0, count});
    CHECK(all.given == std::vector<global>{{{}, at(0), at(3), 2}, {{}, at(10), at(13), 1}});
    CHECK(all.refused.empty());
}

TEST_CASE("sliding: an item is late when the last of its windows is gone", "[flow][sliding]") {
    auto const all = operated(plain({0, 12, 6, 4}), sliding{{.size = 10ns, .step = 5ns}, &reading::when, 0, count});
    CHECK(all.given == std::vector<global>{
                           {{}, at(-5), at(5), 1}, {{}, at(0), at(10), 1}, {{}, at(5), at(15), 2}, {{}, at(10), at(20), 1}});
    REQUIRE(all.refused.size() == 1);
    CHECK(all.refused[0].text().starts_with("an item of 4ns came too late: its last window ended at 10ns"));
}

TEST_CASE("sliding: an item for whose windows there is no room is in none of them", "[flow][sliding]") {
    std::vector<reading> const items{{7, "a", 0}, {7, "b", 1}, {8, "a", 2}};
    auto const all = operated(items, sliding{{.size = 10ns, .step = 5ns, .most = 3}, &reading::when, &reading::sensor, std::vector<int>{}, gather});
    CHECK(all.given == std::vector<readings>{{"a", at(0), at(10), {0, 2}}, {"a", at(5), at(15), {0, 2}}});
    CHECK(all.refused.size() == 1);
}

TEST_CASE("sliding: as a model that keeps every item, on random items", "[flow][sliding]") {
    for (unsigned seed = 0; seed < 3'000; ++seed) {
        std::mt19937_64 dice{seed};
        auto const up_to = [&](std::uint64_t most) { return static_cast<std::int64_t>(dice() % (most + 1)); };
        window_model model{{1 + up_to(25), 1 + up_to(12), up_to(1) * up_to(30), up_to(1) * up_to(30), up_to(3) == 0 ? 1 + dice() % 20 : 1'000}, {}, {}, {}};
        auto const items = muster::testing::random_readings(dice, 80);
        for (auto const& item : items) model.push(item);
        model.flush();
        auto const all = operated(items, sliding{{.size = std::chrono::nanoseconds{model.with.size},
                                                  .step = std::chrono::nanoseconds{model.with.step},
                                                  .out_of_order = std::chrono::nanoseconds{model.with.out_of_order},
                                                  .lateness = std::chrono::nanoseconds{model.with.lateness},
                                                  .most = model.with.most},
                                                 &reading::when, &reading::sensor, std::vector<int>{}, gather});
        INFO("seed " << seed);
        REQUIRE(all.given.size() == model.given.size());
        REQUIRE(std::equal(all.given.begin(), all.given.end(), model.given.begin()));
        REQUIRE(all.refused.size() == model.late + model.full);
    }
}

TEST_CASE("sliding: windows that overlap too often are refused", "[flow][sliding]") {
    CHECK_NOTHROW((sliding{{.size = 1'000ns, .step = 1ns}, &reading::when, 0, count}));
    CHECK_THROWS_WITH((sliding{{.size = 1'001ns, .step = 1ns}, &reading::when, 0, count}),
                      Catch::Contains("an item is in at most 1,000 windows: of 1.001us, they cannot begin every 1ns"));
    CHECK_THROWS_AS((sliding{{.step = 0s}, &reading::when, 0, count}), std::invalid_argument);
}
