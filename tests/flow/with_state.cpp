#include <muster/flow/with_state.hpp>

#include "catch.hpp"
#include "flow/operated.hpp"

#include <map>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace muster;
using muster::testing::operated;

namespace {
struct payment {
    std::string account;
    int amount;
};
auto const balance = [](int& sum, payment const& item) { return sum += item.amount; };
std::vector<payment> const payments{{"a", 1}, {"b", 10}, {"a", 2}, {"a", -5}, {"b", 3}};
[[maybe_unused]] with_state const balances{&payment::account, 0, balance};
struct only_moved {
    std::unique_ptr<int> what;
};
}  // namespace

static_assert(operator_for<decltype(balances), payment>);
static_assert(transportable<operator_state<decltype(balances), payment>>);

TEST_CASE("with_state: each key has a state of its own, from the initial one on", "[flow][with_state]") {
    CHECK(operated(payments, balances).given == std::vector{1, 10, 3, -2, 13});
    CHECK(operated(payments, with_state{[](payment const&) { return 0; }, 100, balance}).given == std::vector{101, 111, 113, 108, 111});
    CHECK(operated(std::vector<payment>{}, balances).given.empty());
}

TEST_CASE("with_state: an empty optional gives nothing, a failed outcome its failure", "[flow][with_state]") {
    auto const first_of_its_kind = [](bool& seen, payment item) {
        return std::exchange(seen, true) ? std::nullopt : std::optional{item.account};
    };
    CHECK(operated(payments, with_state{&payment::account, false, first_of_its_kind}).given == std::vector<std::string>{"a", "b"});

    auto const solvent = [](int& sum, payment const& item) -> outcome<int> {
        if (sum + item.amount < 0) return failure{cause::rejected, item.account + " has " + std::to_string(sum)};
        return sum += item.amount;
    };
    auto const all = operated(payments, with_state{&payment::account, 0, solvent});
    CHECK(all.given == std::vector{1, 10, 3, 13});
    REQUIRE(all.refused.size() == 1);
    CHECK(all.refused[0].text() == "a has 3");
}

TEST_CASE("with_state: items move through", "[flow][with_state]") {
    std::vector<only_moved> items(2);
    items[1].what = std::make_unique<int>(7);
    auto const all = operated(std::move(items), with_state{[](only_moved const& item) { return item.what != nullptr; }, 0,
                                                           [](int&, only_moved item) { return item; }});
    CHECK(*all.given[1].what == 7);
}

TEST_CASE("with_state: a function that throws fails its item; a key that was new is not kept", "[flow][with_state]") {
    auto const torn = [](int& sum, payment const& item) {
        sum += item.amount;
        return item.amount == 10 ? throw std::runtime_error{"torn"} : sum;
    };
    auto const all = operated(payments, with_state{&payment::account, 0, torn});
    CHECK(all.given == std::vector{1, 3, -2, 3});
    REQUIRE(all.refused.size() == 1);
    CHECK(all.refused[0].text() == "torn");
}

TEST_CASE("with_state: keys beyond the bound are refused, those that are there go on", "[flow][with_state]") {
    auto const all = operated(payments, with_state{&payment::account, 0, balance, {.most = 1}});
    CHECK(all.given == std::vector{1, 3, -2});
    REQUIRE(all.refused.size() == 2);
    CHECK(all.refused[0].is(cause::exhausted));
    CHECK(all.refused[0].text() == "this item is of a new key, and 1 are remembered already, the most there may be");
    CHECK_THROWS_AS((with_state{&payment::account, 0, balance, {.most = 0}}), std::invalid_argument);
}

TEST_CASE("with_state: an optional state that is left empty is forgotten, and makes room", "[flow][with_state]") {
    auto const open_until_paid = [](std::optional<int>& owed, payment const& item) {
        owed = owed.value_or(0) + item.amount;
        if (*owed == 0) owed.reset();
        return owed.has_value();
    };
    with_state const owing{&payment::account, std::optional<int>{}, open_until_paid, {.most = 1}};
    std::vector<payment> const items{{"a", 5}, {"b", 1}, {"a", -5}, {"b", 2}, {"b", -2}, {"c", 0}, {"d", 1}};
    auto const all = operated(items, owing);
    CHECK(all.given == std::vector{true, false, true, false, false, true});
    CHECK(all.refused.size() == 1);
    auto state = owing.make_state<payment>();
    for (auto item : items) owing.push(state, std::move(item), [](auto&&) {});
    CHECK(state.by_key.size() == 1);
}

TEST_CASE("with_state: as a map, with a million keys, also put away and fetched again", "[flow][with_state]") {
    std::mt19937_64 dice{1};
    std::map<std::uint64_t, int> model;
    with_state const counts{[](std::uint64_t item) { return item; }, 0, [](int& n, std::uint64_t) { return ++n; }};
    auto state = counts.make_state<std::uint64_t>();
    struct {
        int last = 0;
        void operator()(int n) { last = n; }
        void operator()(failure const& what) { FAIL(what.text()); }
    } emit_to;
    for (int i = 0; i < 1'000'000; ++i) counts.push(state, static_cast<std::uint64_t>(i) << 32, emit_to);
    CHECK(state.by_key.size() == 1'000'000);
    for (int i = 0; i < 1'000'000; ++i) model[static_cast<std::uint64_t>(i) << 32] = 1;
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 10'000; ++i) {
            auto const key = dice() % 2'000 << 32;
            counts.push(state, std::uint64_t{key}, emit_to);
            REQUIRE(emit_to.last == ++model[key]);
        }
        auto fetched = decoded<decltype(state)>(encoded(state));
        REQUIRE(fetched.has_value());
        state = std::move(*fetched);
    }
}
