#include <muster/workloads/bgp/policy_text.hpp>

#include <chrono>

#include "catch.hpp"

using muster::bgp::policy_text;
using namespace std::chrono_literals;

TEST_CASE("policy_text: empty means no entries, whatever text a format takes to say so", "[bgp][policy_text]") {
    CHECK(policy_text{}.empty());
    CHECK(policy_text{.text = "no ip prefix-list NN\nip prefix-list NN deny 0.0.0.0/0\n"}.empty());
    CHECK(!policy_text{.text = "", .entries = 1}.empty());
}

TEST_CASE("policy_text: lists are equal by what they list, whoever made them and when", "[bgp][policy_text]") {
    policy_text const one{.text = "x\n", .entries = 1, .made_by = 1, .ran_for = 1ms};
    CHECK(one == policy_text{.text = "x\n", .entries = 1, .made_by = 2, .ran_for = 9ms});
    CHECK(one != policy_text{.text = "y\n", .entries = 1, .made_by = 1, .ran_for = 1ms});
    CHECK(one != policy_text{.text = "x\n", .entries = 2, .made_by = 1, .ran_for = 1ms});
}
