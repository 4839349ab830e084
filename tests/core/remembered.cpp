#include <muster/core/remembered.hpp>

#include "catch.hpp"

#include <string>
#include <vector>

#include <muster/core/wire.hpp>

using namespace muster;
using namespace std::chrono_literals;

static_assert(transportable<remembered<std::string>>);
static_assert(transportable<remembered<std::vector<int>>>);
static_assert(!transportable<remembered<int*>>);
static_assert(detail::is_remembered<remembered<int>> && !detail::is_remembered<int>);

TEST_CASE("remembered: by default it is over", "[core]") {
    remembered<int> const nothing;
    CHECK_FALSE(nothing.answer.has_value());
    CHECK(nothing.over(instant{} + 1ns));
    CHECK_FALSE(nothing.fresh(instant{} + 1ns));
}

TEST_CASE("remembered: it is fresh up to an instant and over from one on", "[core]") {
    instant const made = instant{} + 1h;
    remembered<int> const some{7, made, made + 1min, made + 2min, made + 3min};
    CHECK(some.fresh(made + 2min - 1ns));
    CHECK_FALSE(some.fresh(made + 2min));
    CHECK_FALSE(some.over(made + 3min - 1ns));
    CHECK(some.over(made + 3min));
    remembered<int> const endless{7, made, never, never, never};
    CHECK_FALSE(endless.over(never));
}

TEST_CASE("remembered: answers and failures travel with their times", "[core]") {
    instant const made = instant{} + 1h;
    remembered<std::string> const answer{"page", made, made + 1min, made + 2min, made + 3min};
    auto const same = decoded<remembered<std::string>>(encoded(answer));
    REQUIRE(same.has_value());
    CHECK(*same == answer);
    remembered<std::string> const refusal{failure{cause::rejected, "no such page"}, made, made, made, made};
    auto const refused = decoded<remembered<std::string>>(encoded(refusal));
    REQUIRE(refused.has_value());
    CHECK(*refused == refusal);
}
