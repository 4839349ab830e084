#include <muster/flow/tumbling.hpp>

#include "catch.hpp"
#include "flow/kept_state.hpp"
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

namespace {

struct click {
    std::chrono::sys_seconds at;
    std::uint64_t user;
};
[[maybe_unused]] auto const view_of_sensor = [](reading const& item) { return std::string_view{item.sensor}; };
[[maybe_unused]] tumbling const by_view{{.size = 1min}, &reading::when, view_of_sensor, 0, count};
[[maybe_unused]] tumbling const by_sensor{{.size = 1min}, &reading::when, &reading::sensor, 0, count};
[[maybe_unused]] tumbling const by_value{{.size = 1min}, &reading::value, 0, count};
}  // namespace

static_assert(operator_for<decltype(by_sensor), reading>);
static_assert(!operator_for<decltype(by_view), reading>);     // a key outlives its item
static_assert(!operator_for<decltype(by_value), reading>);    // no time
static_assert(transportable<operator_state<decltype(by_sensor), reading>>);

TEST_CASE("tumbling: items are folded by window, and a window is given when time has passed its end", "[flow][tumbling]") {
    tumbling const ten{{.size = 10ns}, &reading::when, 0, count};
    auto const all = operated(plain({0, 3, 9, 10, 25, 29}), ten);
    CHECK(all.given == std::vector<global>{{{}, at(0), at(10), 3}, {{}, at(10), at(20), 1}, {{}, at(20), at(30), 2}});
    CHECK(all.refused.empty());
    CHECK(operated(plain({}), ten).given.empty());

    auto state = ten.make_state<reading>();
    std::vector<global> given;
    struct {
        std::vector<global>& given;
        void operator()(global what) const { given.push_back(what); }
        void operator()(failure const&) const { FAIL("nothing was late"); }
    } emit_to{given};
    ten.push(state, reading{9, "a", 0}, emit_to);
    CHECK(given.empty());
    ten.push(state, reading{10, "a", 0}, emit_to);
    CHECK(given.size() == 1);    // 10 is behind the first window: all of it was there
}

TEST_CASE("tumbling: windows of negative times begin at multiples of the size, too", "[flow][tumbling]") {
    auto const all = operated(plain({-11, -10, -1, 0}), tumbling{{.size = 10ns}, &reading::when, 0, count});
    CHECK(all.given == std::vector<global>{{{}, at(-20), at(-10), 1}, {{}, at(-10), at(0), 2}, {{}, at(0), at(10), 1}});
}

TEST_CASE("tumbling: the first and the last time there is have windows", "[flow][tumbling]") {
    auto const all = operated(plain({INT64_MIN, INT64_MIN + 20, INT64_MAX - 20, INT64_MAX, INT64_MAX}),
                              tumbling{{.size = 10ns}, &reading::when, 0, count});
    REQUIRE(all.given.size() == 4);
    CHECK(all.refused.empty());
    CHECK(all.given.front() == global{{}, at(INT64_MIN), at(-9223372036854775800), 1});
    CHECK(all.given.back() == global{{}, at(9223372036854775800), at(INT64_MAX), 2});

    auto const wide = operated(plain({INT64_MIN, -1, 0, INT64_MAX}),
                               tumbling{{.size = 9223372036854775807ns, .out_of_order = 9223372036854775807ns}, &reading::when, 0, count});
    CHECK(wide.refused.empty());
    CHECK(wide.given.size() == 4);
}

TEST_CASE("tumbling: results come by end of window, then by first appearance of the key in it", "[flow][tumbling]") {
    std::vector<reading> const items{{1, "b", 0}, {11, "c", 1}, {2, "a", 2}, {12, "b", 3}, {3, "b", 4}, {100, "z", 5}};
    auto const all = operated(items, tumbling{{.size = 10ns, .out_of_order = 10ns}, &reading::when, &reading::sensor, std::vector<int>{}, gather});
    CHECK(all.given == std::vector<readings>{{"b", at(0), at(10), {0, 4}},
                                             {"a", at(0), at(10), {2}},
                                             {"c", at(10), at(20), {1}},
                                             {"b", at(10), at(20), {3}},
                                             {"z", at(100), at(110), {5}}});
}

TEST_CASE("tumbling: an item whose window is gone is refused, and the text says when that was", "[flow][tumbling]") {
    auto const all = operated(plain({5, 26, 4}), tumbling{{.size = 10ns, .out_of_order = 10ns}, &reading::when, 0, count});
    CHECK(all.given == std::vector<global>{{{}, at(0), at(10), 1}, {{}, at(20), at(30), 1}});
    REQUIRE(all.refused.size() == 1);
    CHECK(all.refused[0].is(cause::invalid_input));
    CHECK(all.refused[0].text() == "an item of 4ns came too late: its last window ended at 10ns, and all before 16ns was thought to be there");
}

TEST_CASE("tumbling: an item within the lateness corrects its window", "[flow][tumbling]") {
    tumbling const patient{{.size = 10ns, .lateness = 5ns}, &reading::when, 0, count};
    auto const all = operated(plain({5, 10, 6, 14, 7, 15, 8}), patient);
    CHECK(all.given == std::vector<global>{{{}, at(0), at(10), 1, 0},
                                           {{}, at(0), at(10), 2, 1},
                                           {{}, at(0), at(10), 3, 2},
                                           {{}, at(10), at(20), 3, 0}});
    REQUIRE(all.refused.size() == 1);
    CHECK(all.refused[0].text().find("8ns came too late") != std::string::npos);
    CHECK(all.refused[0].text().find("more than the lateness of 5ns ago") != std::string::npos);

    auto const new_key = operated(std::vector<reading>{{5, "a", 0}, {12, "a", 1}, {6, "b", 2}},
                                  tumbling{{.size = 10ns, .lateness = 5ns}, &reading::when, &reading::sensor, std::vector<int>{}, gather});
    CHECK(new_key.given[1] == readings{"b", at(0), at(10), {2}, 0});
}

TEST_CASE("tumbling: keys beyond the bound are refused, and time goes on all the same", "[flow][tumbling]") {
    std::vector<reading> const items{{1, "a", 0}, {2, "b", 1}, {3, "c", 2}, {4, "a", 3}, {11, "c", 4}};
    auto const all = operated(items, tumbling{{.size = 10ns, .most = 2}, &reading::when, &reading::sensor, std::vector<int>{}, gather});
    CHECK(all.given == std::vector<readings>{{"a", at(0), at(10), {0, 3}}, {"b", at(0), at(10), {1}}, {"c", at(10), at(20), {4}}});
    REQUIRE(all.refused.size() == 1);
    CHECK(all.refused[0].is(cause::exhausted));
    CHECK(all.refused[0].text() ==
          "an item of 3ns begins a window for its key, and all windows together hold 2 already, the most there may be");
}

TEST_CASE("tumbling: a million keys", "[flow][tumbling]") {
    constexpr std::size_t many = 1'000'000;
    std::vector<click> items;
    for (std::size_t i = 0; i < many; ++i) items.push_back({std::chrono::sys_seconds{1s}, i * 4'294'967'296});    // alike in the low bits
    items.push_back({std::chrono::sys_seconds{1s}, 0});
    items.push_back({std::chrono::sys_seconds{1s}, 1});
    auto const all = operated(std::move(items), tumbling{{.size = 1min}, &click::at, &click::user, 0, count});
    REQUIRE(all.given.size() == many);
    CHECK(all.given[0].value == 2);
    CHECK(all.given[many - 1].key == (many - 1) * 4'294'967'296);
    CHECK(all.refused.size() == 1);    // the one beyond
}

TEST_CASE("tumbling: as a model that keeps every item, on random items", "[flow][tumbling]") {
    for (unsigned seed = 0; seed < 3'000; ++seed) {
        std::mt19937_64 dice{seed};
        auto const up_to = [&](std::uint64_t most) { return static_cast<std::int64_t>(dice() % (most + 1)); };
        auto const size = 1 + up_to(25);
        window_model model{{size, size, up_to(1) * up_to(30), up_to(1) * up_to(30), up_to(3) == 0 ? 1 + dice() % 6 : 1'000}, {}, {}, {}};
        auto const items = muster::testing::random_readings(dice, 80);
        for (auto const& item : items) model.push(item);
        model.flush();
        auto const all = operated(items, tumbling{{.size = std::chrono::nanoseconds{size},
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

TEST_CASE("tumbling: a state that was put away and fetched again goes on as before", "[flow][tumbling]") {
    for (unsigned seed = 0; seed < 300; ++seed) {
        std::mt19937_64 dice{seed};
        auto const items = muster::testing::random_readings(dice, 60);
        tumbling const windows{{.size = 10ns, .out_of_order = 3ns, .lateness = 7ns, .most = 5}, &reading::when, &reading::sensor, std::vector<int>{}, gather};
        auto const expected = operated(items, windows);
        INFO("seed " << seed);
        auto const all = muster::testing::operated_in_parts(items, windows, dice, 4);
        REQUIRE(std::equal(all.given.begin(), all.given.end(), expected.given.begin(), expected.given.end()));
        REQUIRE(all.refused == expected.refused);
    }
}

TEST_CASE("tumbling: when a result cannot be given on, the others of its window come with the next item", "[flow][tumbling]") {
    tumbling const windows{{.size = 10ns, .lateness = 30ns}, &reading::when, &reading::sensor, std::vector<int>{}, gather};
    auto state = windows.make_state<reading>();
    std::vector<std::string> given;
    auto const refuse_b = [&](auto what) {
        if constexpr (std::same_as<decltype(what), readings>) {
            if (what.key == "b") throw std::runtime_error{"closed"};
            given.push_back(what.key);
        }
    };
    for (auto const* key : {"a", "b", "c"}) windows.push(state, reading{1, key, 0}, refuse_b);
    CHECK_THROWS_AS(windows.push(state, reading{10, "d", 0}, refuse_b), std::runtime_error);
    CHECK(given == std::vector<std::string>{"a"});
    auto fetched = decoded<decltype(state)>(encoded(state));
    REQUIRE(fetched.has_value());
    windows.push(*fetched, reading{11, "d", 0}, refuse_b);
    CHECK(given == std::vector<std::string>{"a", "c"});
}

TEST_CASE("tumbling: bytes that are no state are refused", "[flow][tumbling]") {
    auto state = by_sensor.make_state<reading>();
    auto const ignore = [](auto&&) {};
    for (int i = 0; i < 5; ++i) by_sensor.push(state, reading{i, std::string(1, static_cast<char>('a' + i)), i}, ignore);
    muster::testing::hostile_bytes_of(state, [&](auto& fetched) { by_sensor.flush(fetched, ignore); });

    tumbling const longer{{.size = 2min}, &reading::when, &reading::sensor, 0, count};
    CHECK_THROWS_WITH(longer.push(state, reading{1, "a", 1}, ignore), Catch::Contains("this state is of windows of 60s"));
}

TEST_CASE("tumbling: what throws leaves the item out, and the state sound", "[flow][tumbling]") {
    struct torn {
        int operator()(int sum, reading const& item) const {
            if (item.value == 2) throw std::runtime_error{"torn"};
            return sum + item.value;
        }
    };
    std::vector<reading> const items{{1, "b", 2}, {2, "a", 1}, {3, "a", 2}, {4, "a", 3}, {25, "b", 4}};
    auto const all = operated(items, tumbling{{.size = 10ns, .most = 2}, &reading::when, &reading::sensor, 0, torn{}});
    CHECK(all.given == std::vector<windowed<std::string, int, ticks>>{{"a", at(0), at(10), 4}, {"b", at(20), at(30), 4}});
    CHECK(all.refused.size() == 2);

    auto const no_time = [](reading const& item) { return item.value == 1 ? throw std::runtime_error{"no time"} : item.when(); };
    CHECK(operated(plain({1, 2, 3}), tumbling{{.size = 10ns}, no_time, 0, count}).given == std::vector<global>{{{}, at(0), at(10), 2}});
}

TEST_CASE("tumbling: options that make no sense are refused", "[flow][tumbling]") {
    CHECK_THROWS_WITH((tumbling{{.size = 0ns}, &reading::when, 0, count}), Catch::Contains("longer than 0s"));
    CHECK_THROWS_AS((tumbling{{.size = -1s}, &reading::when, 0, count}), std::invalid_argument);
    CHECK_THROWS_AS((tumbling{{.out_of_order = -1s}, &reading::when, 0, count}), std::invalid_argument);
    CHECK_THROWS_AS((tumbling{{.lateness = -1s}, &reading::when, 0, count}), std::invalid_argument);
    CHECK_THROWS_AS((tumbling{{.most = 0}, &reading::when, 0, count}), std::invalid_argument);
    tumbling const fine{{.size = 1500ms}, &click::at, 0, count};
    CHECK_THROWS_WITH(fine.make_state<click>(), Catch::Contains("windows of 1.5s every 1.5s are no whole numbers of the times that items have, of 1s each"));
}
