#include <muster/workloads/bgp/irr_server.hpp>

#include <string>
#include <string_view>

#include <muster/core/wire.hpp>

#include "catch.hpp"

using muster::cause;
using muster::bgp::irr_server;

TEST_CASE("irr_server: hosts and IPv4 addresses pass, with and without a port", "[bgp][irr_server]") {
    CHECK(irr_server::parse("rr.ntt.net")->text() == "rr.ntt.net:43");
    CHECK(irr_server::parse("127.0.0.1:4343")->port() == 4343);
    CHECK(irr_server::parse("localhost:65535")->host() == "localhost");
    CHECK(irr_server::parse("a-b.example:1"));
    CHECK(irr_server::loopback(7).text() == "127.0.0.1:7");
}

TEST_CASE("irr_server: what is no host or no port is refused", "[bgp][irr_server]") {
    for (std::string_view const bad :
         {"", ":", ":43", "h:", "h:0", "h:65536", "h:-1", "h:43x", "h: 43", "h:043", "::1", "[::1]:43", "2001:db8::1",
          "h:1:2", "-h",
          "h-", "a..b", ".a", "a.", "h h", "h\n", "h;id", "$(id)", "`id`", "h/x", "h_x", "127.0.0", "127.0.0.256",
              "1.2.3.4.5",
          "2130706433", "0x7f000001", "127.0.0.01", "h\xc3\xa4", "h@x", "*"}) {
        CAPTURE(bad);
        auto const got = irr_server::parse(bad);
        REQUIRE(!got);
        CHECK(got.error().code() == cause::invalid_input);
    }
    CHECK(!irr_server::parse(std::string(64, 'a') + ".example"));
    CHECK(!irr_server::parse(std::string(254, 'a')));
    CHECK(!irr_server::parse(std::string_view{"h\0x", 3}));
}

TEST_CASE("irr_server: travels to other processes, and is checked there", "[bgp][irr_server]") {
    static_assert(muster::transportable<irr_server>);
    auto const sent = irr_server::parse("whois.example:4343").value();
    CHECK(muster::decoded<irr_server>(muster::encoded(sent)) == sent);
    CHECK(muster::decoded<irr_server>(muster::encoded(std::string{"a:b:c"})).error().is(muster::cause::invalid_input));
}
