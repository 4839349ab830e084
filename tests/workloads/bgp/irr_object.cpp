#include <muster/workloads/bgp/irr_object.hpp>

#include <string_view>

#include <muster/core/wire.hpp>

#include "catch.hpp"

using namespace muster::bgp;

TEST_CASE("irr_object: a text becomes a number or a set, by what it resembles", "[bgp][irr_object]") {
    CHECK(irr_object::parse("AS13335")->number()->value() == 13335);
    CHECK(irr_object::parse("13335")->text() == "AS13335");
    CHECK(irr_object::parse("AS-X")->set()->what() == set_name::kind::as_set);
    CHECK(irr_object::parse("RS-X")->set()->what() == set_name::kind::route_set);
    CHECK(irr_object::parse("AS1:AS-X")->number() == nullptr);
    CHECK(!irr_object::parse("AS64500"));
    CHECK(irr_object::parse("AS64500", as_number::reserved::allow));
    for (std::string_view const bad : {"", "FOO", "-4", "--", "-h", "ASfoo", "AS12345x", "EXCEPT", "192.0.2.0/24"}) {
        CAPTURE(bad);
        CHECK(!irr_object::parse(bad));
    }
}

TEST_CASE("irr_object: file stems are safe and differ where objects differ", "[bgp][irr_object]") {
    CHECK(irr_object::parse("2.10")->file_stem() == "AS131082");
    CHECK(irr_object::parse("AS1:AS-X")->file_stem() == "AS1+AS-X");
    CHECK(irr_object::parse("AS-1_AS-X")->file_stem() == "AS-1_AS-X");
}

TEST_CASE("irr_object: travels to other processes, number or set", "[bgp][irr_object]") {
    static_assert(muster::transportable<irr_object>);
    for (auto const* const text : {"AS13335", "AS-EXAMPLE", "AS6939:AS-CUSTOMERS"}) {
        auto const sent = irr_object::parse(text).value();
        CHECK(muster::decoded<irr_object>(muster::encoded(sent)) == sent);
    }
}
