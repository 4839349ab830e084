#include <muster/workloads/bgp/router_policy.hpp>

#include "catch.hpp"

using namespace muster::bgp;

TEST_CASE("router_policy: equal are those of one request, one list and one origin", "[bgp][router_policy]") {
    request const v4{.object = irr_object::parse("AS112").value()};
    request const v6{.object = irr_object::parse("AS112").value(), .family = address_family::ipv6};
    router_policy const made{.asked = v4, .list = {.text = "x\n", .entries = 1}};
    CHECK(!made.remembered);    // unless somebody says so
    CHECK(made == router_policy{.asked = v4, .list = {.text = "x\n", .entries = 1, .made_by = 3}});
    CHECK(made != router_policy{.asked = v6, .list = made.list});
    CHECK(made != router_policy{.asked = v4, .list = {.text = "y\n", .entries = 1}});
    CHECK(made != router_policy{.asked = v4, .list = made.list, .remembered = true});
}
