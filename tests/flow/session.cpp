#include <muster/flow/session.hpp>

#include "catch.hpp"
#include "flow/kept_state.hpp"
#include "flow/operated.hpp"
#include "flow/window_model.hpp"

#include <algorithm>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

using namespace muster;
using namespace std::chrono_literals;
using muster::testing::at;
using muster::testing::count;
using muster::testing::global;
using muster::testing::operated;
using muster::testing::plain;
using muster::testing::reading;
using muster::testing::ticks;

namespace {

// Which items are in it, whatever the order.
using members = std::set<int>;
using visits = windowed<std::string, members, ticks>;
auto const enter = [](members& all, reading const& item) { all.insert(item.value); };
auto const together = [](members a, members const& b) { return a.insert(b.begin(), b.end()), a; };

// Every session as a list of its items; joined by looking at all of them.
struct session_model {
    __extension__ using wide = __int128;
    struct one {
        std::string key;
        std::vector<reading> items;
        std::size_t number;
        [[nodiscard]] wide first() const { return std::min_element(items.begin(), items.end(), earlier)->at; }
        [[nodiscard]] wide last() const { return std::max_element(items.begin(), items.end(), earlier)->at; }
        static bool earlier(reading const& a, reading const& b) { return a.at < b.at; }
    };
    std::int64_t gap, out_of_order;
    std::size_t most;
    std::vector<one> open;
    std::optional<std::int64_t> latest;
    std::vector<visits> given;
    std::size_t late = 0, full = 0, next = 0;

    void give_until(std::optional<wide> watermark) {
        std::sort(open.begin(), open.end(), [](one const& a, one const& b) { return std::pair{a.last(), a.number} < std::pair{b.last(), b.number}; });
        while (!open.empty() && (!watermark || open.front().last() + gap <= *watermark)) {
            members all;
            for (auto const& item : open.front().items) all.insert(item.value);
            given.push_back({open.front().key, testing::window_model::shown(open.front().first()),
                             testing::window_model::shown(open.front().last() + gap), all});
            open.erase(open.begin());
        }
    }
    void push(reading const& item) {
        latest = latest ? std::max(*latest, item.at) : item.at;
        auto const watermark = static_cast<wide>(*latest) - out_of_order;
        give_until(watermark);
        one joined{item.sensor, {item}, SIZE_MAX};
        std::vector<one> rest;
        for (auto& each : open) {
            bool const near = each.key == item.sensor &&
                              std::any_of(each.items.begin(), each.items.end(), [&](reading const& of) {
                                  auto const apart = static_cast<wide>(of.at) - item.at;
                                  return apart < gap && -apart < gap;
                              });
            if (near) {
                joined.items.insert(joined.items.end(), each.items.begin(), each.items.end());
                joined.number = std::min(joined.number, each.number);
            } else {
                rest.push_back(each);
            }
        }
        if (joined.number == SIZE_MAX) {
            if (item.at + static_cast<wide>(gap) <= watermark) return static_cast<void>(++late);
            if (open.size() >= most) return static_cast<void>(++full);
            joined.number = next++;
        }
        rest.push_back(joined);
        open = std::move(rest);
    }
};

}  // namespace

TEST_CASE("session: items of a key that follow one another within the gap are one, a pause of the gap ends it", "[flow][session]") {
    auto const all = operated(plain({0, 9, 18, 28, 50}), session{{.gap = 10ns}, &reading::when, 0, count, std::plus<>{}});
    CHECK(all.given == std::vector<global>{{{}, at(0), at(28), 3}, {{}, at(28), at(38), 1}, {{}, at(50), at(60), 1}});
    CHECK(all.refused.empty());
}

TEST_CASE("session: an item between two joins them", "[flow][session]") {
    session const visit{{.gap = 10ns, .out_of_order = 100ns}, &reading::when, &reading::sensor, members{}, enter, together};
    std::vector<reading> const items{{20, "a", 0}, {1, "b", 1}, {0, "a", 2}, {12, "b", 3}, {10, "a", 4}, {11, "a", 5}};
    auto const all = operated(items, visit);    // 10 reaches neither; 11 joins 10 and 20
    CHECK(all.given == std::vector<visits>{{"a", at(0), at(10), {2}}, {"b", at(1), at(11), {1}}, {"b", at(12), at(22), {3}},
                                           {"a", at(10), at(30), {0, 4, 5}}});
}

TEST_CASE("session: two that are joined count as seen when the first of them was", "[flow][session]") {
    std::vector<reading> const items{{20, "a", 0}, {20, "b", 1}, {5, "a", 2}, {12, "a", 3}};
    auto const all = operated(items, session{{.gap = 10ns, .out_of_order = 50ns}, &reading::when, &reading::sensor, members{}, enter, together});
    CHECK(all.given == std::vector<visits>{{"a", at(5), at(30), {0, 2, 3}}, {"b", at(20), at(30), {1}}});
}

TEST_CASE("session: an item that comes late may extend a session that is open, else it is refused", "[flow][session]") {
    auto const all = operated(plain({100, 108, 92, 80}), session{{.gap = 10ns}, &reading::when, 0, count, std::plus<>{}});
    CHECK(all.given == std::vector<global>{{{}, at(92), at(118), 3}});
    REQUIRE(all.refused.size() == 1);
    CHECK(all.refused[0].is(cause::invalid_input));
    CHECK(all.refused[0].text() == "an item of 80ns came too late: no session of its key is open there, and one with a gap of 10ns would "
                                   "have ended before 108ns, when all was thought to be there");
}

TEST_CASE("session: those beyond the bound are refused", "[flow][session]") {
    std::vector<reading> const items{{1, "a", 0}, {2, "b", 1}, {3, "c", 2}, {4, "a", 3}, {20, "c", 4}};
    auto const all = operated(items, session{{.gap = 10ns, .most = 2}, &reading::when, &reading::sensor, members{}, enter, together});
    CHECK(all.given.size() == 3);
    REQUIRE(all.refused.size() == 1);
    CHECK(all.refused[0].is(cause::exhausted));
    CHECK(all.refused[0].text() == "an item of 3ns begins a session, and 2 are open already, the most there may be");
}

TEST_CASE("session: as a model that keeps every item, on random items, also put away and fetched again", "[flow][session]") {
    for (unsigned seed = 0; seed < 3'000; ++seed) {
        std::mt19937_64 dice{seed};
        auto const up_to = [&](std::uint64_t n) { return static_cast<std::int64_t>(dice() % (n + 1)); };
        session_model model{1 + up_to(20), up_to(1) * up_to(60), up_to(3) == 0 ? 1 + dice() % 6 : 1'000, {}, {}, {}};
        auto const items = testing::random_readings(dice, 60);
        for (auto const& item : items) model.push(item);
        model.give_until(std::nullopt);

        session const visit{{.gap = std::chrono::nanoseconds{model.gap}, .out_of_order = std::chrono::nanoseconds{model.out_of_order}, .most = model.most},
                            &reading::when, &reading::sensor, members{}, enter, together};
        INFO("seed " << seed);
        auto const all = testing::operated_in_parts(items, visit, dice, 8);
        REQUIRE(all.given.size() == model.given.size());
        REQUIRE(std::equal(all.given.begin(), all.given.end(), model.given.begin()));
        REQUIRE(all.refused.size() == model.late + model.full);
    }
}

TEST_CASE("session: bytes that are no state are refused", "[flow][session]") {
    session const visit{{.gap = 10ns}, &reading::when, &reading::sensor, members{}, enter, together};
    auto state = visit.make_state<reading>();
    auto const ignore = [](auto&&) {};
    for (int i = 0; i < 6; ++i) visit.push(state, reading{i, std::string(1, static_cast<char>('a' + i % 4)), i}, ignore);
    testing::hostile_bytes_of(state, [&](auto& fetched) {
        visit.push(fetched, reading{4, "a", 1}, ignore);
        visit.flush(fetched, ignore);
    });
}

TEST_CASE("session: what throws leaves the item out, and the state sound", "[flow][session]") {
    auto const sum = [](int n, reading const& item) { return item.value == 2 ? throw std::runtime_error{"torn"} : n + item.value; };
    auto const never_both = [](int, int) -> int { throw std::runtime_error{"apart"}; };
    std::vector<reading> const items{{1, "a", 2}, {2, "a", 1}, {3, "a", 2}, {20, "a", 4}, {11, "a", 8}, {5, "b", 16}};
    auto const all = operated(items, session{{.gap = 10ns, .out_of_order = 50ns}, &reading::when, &reading::sensor, 0, sum, never_both});
    CHECK(all.given == std::vector<windowed<std::string, int, ticks>>{
                           {"a", at(2), at(12), 1}, {"b", at(5), at(15), 16}, {"a", at(20), at(30), 4}});
    REQUIRE(all.refused.size() == 3);
    CHECK(all.refused[2].text() == "apart");
}

TEST_CASE("session: options that make no sense are refused", "[flow][session]") {
    CHECK_THROWS_AS((session{{.gap = 0s}, &reading::when, 0, count, std::plus<>{}}), std::invalid_argument);
    CHECK_THROWS_AS((session{{.out_of_order = -1s}, &reading::when, 0, count, std::plus<>{}}), std::invalid_argument);
    CHECK_THROWS_AS((session{{.most = 0}, &reading::when, 0, count, std::plus<>{}}), std::invalid_argument);
}
