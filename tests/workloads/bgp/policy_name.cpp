#include <muster/workloads/bgp/policy_name.hpp>

#include <random>
#include <string>
#include <string_view>

#include <muster/core/wire.hpp>

#include "catch.hpp"

using muster::cause;
using muster::bgp::policy_name;

TEST_CASE("policy_name: letters, digits, dash and underscore pass, 1 to 64 of them", "[bgp][policy_name]") {
    for (std::string_view const good : {"CF", "a", "AS13335-v4", "_x", "9",
                                        "x-"}) CHECK(policy_name::parse(good)->text() == good);
    CHECK(policy_name::parse(std::string(64, 'x')));
}

TEST_CASE("policy_name: what could end a name in a configuration is refused", "[bgp][policy_name]") {
    for (std::string_view const bad : {"", "x; } evil {", "x\" ] }", "a b", "a\nb", "a/b", "a%n", "$(id)", "`id`",
                                       "a;b", "a{", "a}", "a\\b",
                                       "a'b", "-l", "-", "\xc3\xa4", "a,b", "a.b", "a:b", "*", "../x"}) {
        CAPTURE(bad);
        auto const got = policy_name::parse(bad);
        REQUIRE(!got);
        CHECK(got.error().code() == cause::invalid_input);
    }
    CHECK(!policy_name::parse(std::string(65, 'x')));
    CHECK(!policy_name::parse(std::string_view{"a\0b", 3}));
}

TEST_CASE("policy_name: whatever comes in, a sanitised name is a valid one and stays as it is", "[bgp][policy_name]") {
    std::mt19937 random{20240229};
    std::uniform_int_distribution<int> bytes{0, 255}, sizes{0, 200};
    for (int round = 0; round < 20000; ++round) {
        std::string text(static_cast<std::size_t>(sizes(random)), '\0');
        for (char& c : text) c = static_cast<char>(bytes(random));
        auto const name = policy_name::sanitised(text);
        REQUIRE(name.text().find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") == std::string::npos);
        REQUIRE(*policy_name::parse(name.text()) == name);
        REQUIRE(policy_name::sanitised(name.text()) == name);
    }
    CHECK(policy_name::sanitised("AS13335-v4").text() == "AS13335-v4");
    CHECK(policy_name::sanitised("a b;c").text() == "a_b_c");
    CHECK(policy_name::sanitised("").text() == "_");
}

TEST_CASE("policy_name: travels to other processes, and is checked there", "[bgp][policy_name]") {
    static_assert(muster::transportable<policy_name>);
    auto const sent = policy_name::parse("AS13335-v4").value();
    CHECK(muster::decoded<policy_name>(muster::encoded(sent)) == sent);
    CHECK(muster::decoded<policy_name>(muster::encoded(std::string{"-no"})).error().is(muster::cause::invalid_input));
}
