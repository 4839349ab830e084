#include <muster/workloads/bgp/set_name.hpp>

#include <string>
#include <string_view>

#include <muster/core/wire.hpp>

#include "catch.hpp"

using muster::cause;
using muster::bgp::set_name;

TEST_CASE("set_name: plain and hierarchical names of both kinds pass", "[bgp][set_name]") {
    for (std::string_view const good : {"AS-CLOUDFLARE", "as-set", "AS6939:AS-CUSTOMERS", "AS-A:AS-B", "AS1:AS-A:AS2",
                                        "AS-1",
                                        "AS-A_b-9", "AS64500:AS-DOC"}) {
        CAPTURE(good);
        REQUIRE(set_name::parse(good));
        CHECK(set_name::parse(good)->what() == set_name::kind::as_set);
        CHECK(set_name::parse(good)->text() == good);
    }
    CHECK(set_name::parse("RS-EXAMPLE")->what() == set_name::kind::route_set);
    CHECK(set_name::parse("AS6939:RS-EXAMPLE")->what() == set_name::kind::route_set);
    CHECK(set_name::parse("AS-" + std::string(125, 'X')));
}

TEST_CASE("set_name: what bgpq4 would choke on or a shell would read is refused", "[bgp][set_name]") {
    for (std::string_view const bad :
         {"", "AS-", "RS-", "FOO", "AS", "AS1", "AS1:AS2", ":", "AS-A:", ":AS-A", "AS-A::AS-B", "AS-A:RS-B", "AS-A B",
          "AS-A\n!q",
          "AS-A;id", "AS-$(id)", "AS-`id`", "AS-A*", "AS-A/../../x", "AS-A.B", "AS-\xc3\x84", "-AS-A", "AS0:AS-A",
              "AS4294967296:AS-A",
          "AS1.1:AS-A", "1:AS-A", "RIPE::AS-A", "AS-A,1", "AS-A'", "AS-A\""}) {
        CAPTURE(bad);
        auto const got = set_name::parse(bad);
        REQUIRE(!got);
        CHECK(got.error().code() == cause::invalid_input);
    }
    CHECK(!set_name::parse("AS-" + std::string(126, 'X')));
    CHECK(!set_name::parse(std::string_view{"AS-A\0B", 6}));
}

TEST_CASE("set_name: travels to other processes, and is checked there", "[bgp][set_name]") {
    static_assert(muster::transportable<set_name>);
    auto const sent = set_name::parse("AS6939:AS-CUSTOMERS").value();
    CHECK(muster::decoded<set_name>(muster::encoded(sent)) == sent);
    CHECK(muster::decoded<set_name>(muster::encoded(std::string{"AS-A; rm"})).error().is(muster::cause::invalid_input));
}
