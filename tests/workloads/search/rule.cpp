#include <muster/workloads/search/rule.hpp>

#include <type_traits>

#include "catch.hpp"

using namespace muster::searching;

static_assert(std::is_copy_constructible_v<rule> && std::is_nothrow_move_constructible_v<rule>);

TEST_CASE("rule: one of a name and a regex alone minds no case, has no limit and is for every system", "[search][rule]") {
    rule const plain{.name = "n", .regex = "r"};
    CHECK(plain.ignore_case);
    CHECK(!plain.only_matching);
    CHECK(!plain.records);
    CHECK(!plain.merge_fields);
    CHECK(!plain.unique);
    CHECK(!plain.full_scan);
    CHECK(!plain.show_missing);
    CHECK(plain.max_results == 0);
    CHECK(plain.fields.empty());
    CHECK(plain.systems.empty());
    CHECK(plain.record_delimiter.empty());
}

TEST_CASE("rule: rules are equal where all that they say is", "[search][rule]") {
    rule const plain{.name = "n", .regex = "r"};
    auto other = plain;
    CHECK(other == plain);
    other.systems.push_back({.values = {"Linux"}});
    CHECK(other != plain);
}
