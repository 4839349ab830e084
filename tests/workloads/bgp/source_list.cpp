#include <muster/workloads/bgp/source_list.hpp>

#include <string>
#include <string_view>

#include "catch.hpp"

using muster::cause;
using muster::bgp::source_list;

TEST_CASE("source_list: names parted by commas pass as they are", "[bgp][source_list]") {
    CHECK(source_list{}.empty());
    for (std::string_view const good : {"RIPE", "RIPE,RADB,ARIN,APNIC", "ARIN-NONAUTH", "nttcom", "9X_a"}) {
        CAPTURE(good);
        REQUIRE(source_list::parse(good));
        CHECK(source_list::parse(good)->text() == good);
    }
}

TEST_CASE("source_list: hostile and overlong lists are refused", "[bgp][source_list]") {
    for (std::string_view const bad : {"", ",", "RIPE,", ",RIPE", "RIPE,,RADB", "RIPE RADB", "RIPE;RADB", "RIPE\n!q",
                                       "-RIPE", "_X",
                                       "$(id)", "`id`", "RIPE, RADB", "\xc3\x84", "a/b", "*",
                                           "ABCDEFGHIJABCDEFGHIJABCDEFGHIJABC"}) {
        CAPTURE(bad);
        auto const got = source_list::parse(bad);
        REQUIRE(!got);
        CHECK(got.error().code() == cause::invalid_input);
    }
    std::string many = "RIPE";
    while (many.size() <= 200) many += ",RIPE";
    CHECK(!source_list::parse(many));
}
