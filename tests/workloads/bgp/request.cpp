#include <muster/workloads/bgp/request.hpp>

#include <string>
#include <string_view>

#include "catch.hpp"

using namespace muster::bgp;

namespace {

irr_object object(std::string_view text) { return irr_object::parse(text).value(); }

}  // namespace

TEST_CASE("request: the list is named after the object and the family, unless a name is given", "[bgp][request]") {
    CHECK(request{.object = object("as13335")}.name.text() == "AS13335-v4");
    CHECK(request{.object = object("2.10")}.name.text() == "AS131082-v4");
    request const v6{.object = object("AS6939:AS-EXAMPLE"), .family = address_family::ipv6};
    CHECK(v6.name.text() == "AS6939_AS-EXAMPLE-v6");
    CHECK(request{.object = object("AS1"), .name = policy_name::parse("CF").value()}.name.text() == "CF");
}

TEST_CASE("request: the longest object still has a name that bgpq4 takes, and the family is in it", "[bgp][request]") {
    auto const longest = object("AS-" + std::string(125, 'X'));
    for (auto const family : {address_family::ipv4, address_family::ipv6}) {
        auto const name = request::default_name(longest, family);
        CHECK(name.text().size() == policy_name::most_bytes);
        CHECK(*policy_name::parse(name.text()) == name);
        CHECK(name.text().ends_with(family == address_family::ipv4 ? "-v4" : "-v6"));
    }
}

TEST_CASE("request: reports name it by object and family; by default it shares the run's server and its workers",
          "[bgp][request]") {
    request const v4{.object = object("AS13335")};
    request v6{.object = object("AS13335"), .family = address_family::ipv6};
    CHECK(v4.text() == "AS13335 ipv4");
    CHECK(v6.text() == "AS13335 ipv6");
    CHECK(!v4.server);
    CHECK(!v4.term);
    CHECK(!v4.exclusive);
    CHECK(v4 == request{.object = object("13335")});
    CHECK(v4 != v6);
    auto exclusive = v4;
    exclusive.exclusive = true;
    CHECK(v4 != exclusive);
}
