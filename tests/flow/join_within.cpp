#include <muster/flow/join_within.hpp>

#include "catch.hpp"
#include "flow/kept_state.hpp"
#include "flow/operated.hpp"

#include <algorithm>
#include <random>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include <muster/flow/merge_by_time.hpp>

using namespace muster;
using namespace std::chrono_literals;
using muster::testing::operated;

namespace {
using ticks = std::chrono::sys_time<std::chrono::nanoseconds>;
struct order {
    std::int64_t ns;
    std::string id;
    int number;
    friend bool operator==(order const&, order const&) = default;
};
struct payment {
    std::int64_t ns;
    std::string id;
    double amount;
    friend bool operator==(payment const&, payment const&) = default;
};
auto const when = [](auto const& item) { return ticks{std::chrono::nanoseconds{item.ns}}; };
auto const id = [](auto const& item) { return item.id; };
using either = std::variant<order, payment>;
using pair = joined<order, payment>;
[[maybe_unused]] join_within const model_of_use{{.after = 10min}, when, id};
}  // namespace

static_assert(operator_for<decltype(model_of_use), either>);
static_assert(!operator_for<decltype(model_of_use), order>);
static_assert(transportable<operator_state<decltype(model_of_use), either>>);

TEST_CASE("join_within: items of one key whose times are near are paired, each with all its partners", "[flow][join_within]") {
    std::vector<either> const items{order{10, "a", 0}, order{12, "b", 1}, payment{15, "a", 1.0}, payment{20, "a", 2.0},
                                    payment{21, "a", 3.0}, payment{21, "b", 4.0}, order{22, "b", 2}};
    auto const all = operated(items, join_within{{.before = 1ns, .after = 10ns}, when, id});
    CHECK(all.given == std::vector<pair>{{order{10, "a", 0}, payment{15, "a", 1.0}},
                                         {order{10, "a", 0}, payment{20, "a", 2.0}},
                                         {order{12, "b", 1}, payment{21, "b", 4.0}},
                                         {order{22, "b", 2}, payment{21, "b", 4.0}}});
    CHECK(all.refused.empty());
}

TEST_CASE("join_within: what has no partner in time is dropped, given or refused, as was asked", "[flow][join_within]") {
    std::vector<either> const items{order{10, "a", 0}, payment{12, "b", 1.0}, order{13, "c", 1}, payment{14, "c", 2.0}, order{100, "a", 2}};
    join_within const inner{{.after = 5ns}, when, id};
    CHECK(operated(items, inner).given.size() == 1);
    auto state = inner.make_state<either>();
    for (auto item : items) inner.push(state, std::move(item), [](auto&&) {});
    CHECK(state.dropped == 2);
    CHECK(state.by_key.size() == 1);

    auto const left = operated(items, join_within{{.after = 5ns, .alone = unmatched::given}, when, id});
    CHECK(left.given == std::vector<pair>{{order{13, "c", 1}, payment{14, "c", 2.0}}, {order{10, "a", 0}, {}}, {order{100, "a", 2}, {}}});

    auto const refused = operated(items, join_within{{.after = 5ns, .alone = unmatched::refused}, when, id});
    CHECK(refused.given.size() == 1);
    REQUIRE(refused.refused.size() == 3);
    CHECK(refused.refused[0].is(cause::unavailable));
    CHECK(refused.refused[1].text() == "an item of the left side, of 10ns, had no partner of its key between 10ns and 15ns");
    CHECK(refused.refused[0].text() == "an item of the right side, of 12ns, had no partner of its key between 7ns and 12ns");
}

TEST_CASE("join_within: an item earlier than the watermark is refused, and so is one beyond the bound", "[flow][join_within]") {
    auto const late = operated(std::vector<either>{order{10, "a", 0}, payment{20, "b", 1.0}, payment{15, "a", 1.0}, payment{14, "a", 2.0}},
                               join_within{{.after = 10ns, .out_of_order = 5ns}, when, id});
    CHECK(late.given.size() == 1);
    REQUIRE(late.refused.size() == 1);
    CHECK(late.refused[0].is(cause::invalid_input));
    CHECK(late.refused[0].text() == "an item of the right side, of 14ns, came too late: all before 15ns was thought to be there");

    auto const full = operated(std::vector<either>{order{10, "a", 0}, order{10, "b", 1}, order{11, "c", 2}, order{100, "d", 3}, payment{101, "d", 1.0}},
                               join_within{{.after = 10ns, .most = 2}, when, id});
    CHECK(full.given.size() == 1);
    REQUIRE(full.refused.size() == 1);
    CHECK(full.refused[0].is(cause::exhausted));
    CHECK(full.refused[0].text() == "an item of the left side, of 11ns, came when 2 wait for partners already, the most there may be");
}

TEST_CASE("join_within: every pair, whatever the order in which items come, also put away and fetched again", "[flow][join_within]") {
    __extension__ using wide = __int128;
    for (unsigned seed = 0; seed < 2'000; ++seed) {
        std::mt19937_64 dice{seed};
        auto const up_to = [&](std::uint64_t n) { return static_cast<std::int64_t>(dice() % (n + 1)); };
        std::int64_t const starts[]{0, -100, INT64_MIN, INT64_MAX - 150};
        wide const start = starts[seed % 4];
        auto const before = up_to(1) * up_to(12), after = up_to(15), disorder = up_to(1) * up_to(20);
        std::vector<either> items;
        for (int i = 0; i < 70; ++i) {
            auto const at = static_cast<std::int64_t>(std::clamp<wide>(start + i * 2 + up_to(8) - 4, INT64_MIN, INT64_MAX));
            std::string const key(1, static_cast<char>('a' + up_to(2)));
            if (up_to(1) == 0) items.emplace_back(order{at, key, i});
            else items.emplace_back(payment{at, key, static_cast<double>(i)});
        }
        std::optional<std::int64_t> latest;
        std::vector<order> orders;
        std::vector<payment> payments;
        std::size_t late = 0;
        for (auto const& item : items) {
            auto const at = std::visit([](auto const& each) { return each.ns; }, item);
            latest = latest ? std::max(*latest, at) : at;
            if (at < static_cast<wide>(*latest) - disorder) ++late;
            else if (item.index() == 0) orders.push_back(std::get<0>(item));
            else payments.push_back(std::get<1>(item));
        }
        std::vector<std::pair<int, double>> expected, found;
        std::size_t alone = 0;
        for (auto const& left : orders) {
            auto const had = expected.size();
            for (auto const& right : payments)
                if (left.id == right.id && static_cast<wide>(right.ns) >= static_cast<wide>(left.ns) - before &&
                    static_cast<wide>(right.ns) <= static_cast<wide>(left.ns) + after)
                    expected.emplace_back(left.number, right.amount);
            alone += expected.size() == had;
        }

        join_within const with{{.before = std::chrono::nanoseconds{before}, .after = std::chrono::nanoseconds{after},
                                .out_of_order = std::chrono::nanoseconds{disorder}, .alone = unmatched::given}, when, id};
        auto state = with.make_state<either>();
        std::size_t single = 0, refused = 0;
        auto const emit_to = [&](auto what) {
            if constexpr (std::same_as<decltype(what), failure>) ++refused;
            else if (what.right) found.emplace_back(what.left.number, what.right->amount);
            else ++single;
        };
        for (auto item : items) {
            with.push(state, std::move(item), emit_to);
            if (up_to(9) != 0) continue;
            auto fetched = decoded<decltype(state)>(encoded(state));
            REQUIRE(fetched.has_value());
            state = std::move(*fetched);
        }
        with.flush(state, emit_to);
        std::sort(expected.begin(), expected.end());
        std::sort(found.begin(), found.end());
        INFO("seed " << seed);
        REQUIRE(found == expected);
        REQUIRE(single == alone);
        REQUIRE(refused == late);
        REQUIRE((state.by_key.empty() && state.left.empty() && state.right.empty()));
    }
}

TEST_CASE("join_within: two ranges, merged in the order of their times", "[flow][join_within]") {
    std::vector<order> const orders{{1, "a", 0}, {5, "b", 1}};
    std::vector<payment> const payments{{3, "a", 1.0}, {50, "b", 2.0}};
    std::vector<either> items;
    for (auto& item : merge_by_time(when, orders, payments)) items.push_back(std::move(item));
    auto const all = operated(items, join_within{{.after = 10ns}, when, id});
    CHECK(all.given == std::vector<pair>{{orders[0], payments[0]}});
}

TEST_CASE("join_within: bytes that are no state are refused", "[flow][join_within]") {
    auto state = model_of_use.make_state<either>();
    auto const ignore = [](auto&&) {};
    for (int i = 0; i < 4; ++i) model_of_use.push(state, either{order{i, std::string(1, static_cast<char>('a' + i)), i}}, ignore);
    model_of_use.push(state, either{payment{4, "a", 1.0}}, ignore);
    testing::hostile_bytes_of(state, [&](auto& fetched) {
        model_of_use.push(fetched, either{order{5, "a", 9}}, ignore);
        model_of_use.flush(fetched, ignore);
    });
}

TEST_CASE("join_within: what throws leaves the item out, and options that make no sense are refused", "[flow][join_within]") {
    auto const torn = [](auto const& item) { return item.id == "x" ? throw std::runtime_error{"torn"} : item.id; };
    auto const all = operated(std::vector<either>{order{1, "a", 0}, order{2, "x", 1}, payment{3, "a", 1.0}}, join_within{{}, when, torn});
    CHECK(all.given.size() == 1);
    CHECK(all.refused.size() == 1);
    CHECK_THROWS_AS((join_within{{.before = -1s}, when, id}), std::invalid_argument);
    CHECK_THROWS_AS((join_within{{.after = -1s}, when, id}), std::invalid_argument);
    CHECK_THROWS_AS((join_within{{.most = 0}, when, id}), std::invalid_argument);
}
