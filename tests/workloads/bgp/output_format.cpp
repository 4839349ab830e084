#include <muster/workloads/bgp/output_format.hpp>

#include <set>
#include <string>
#include <string_view>

#include "catch.hpp"

using namespace muster::bgp;
using muster::cause;

TEST_CASE("output_format: each is listed once, and its name stands for it alone", "[bgp][output_format]") {
    CHECK(all_output_formats.size() == static_cast<std::size_t>(output_format::custom) + 1);
    std::set<std::string_view> names, flags;
    for (std::size_t i = 0; i < all_output_formats.size(); ++i) {
        auto const format = all_output_formats[i];
        CHECK(static_cast<std::size_t>(format) == i);
        CHECK(name_of(format) != "unknown format");
        CHECK(names.insert(name_of(format)).second);
        CHECK(flags.insert(flag_of(format)).second);
        CHECK(*parse_output_format(name_of(format)) == format);
    }
}

TEST_CASE("output_format: the flags are bgpq4's, and its default has none", "[bgp][output_format]") {
    CHECK(flag_of(output_format::ios).empty());
    CHECK(flag_of(output_format::ios_xr) == "-X");
    CHECK(flag_of(output_format::junos) == "-J");
    CHECK(flag_of(output_format::junos_route_filter) == "-JE");
    CHECK(flag_of(output_format::junos_route_filter_list) == "-Jz");
    CHECK(flag_of(output_format::bird) == "-b");
    CHECK(flag_of(output_format::openbgpd) == "-B");
    CHECK(flag_of(output_format::mikrotik7) == "-K7");
    CHECK(flag_of(output_format::custom) == "-F");
}

TEST_CASE("output_format: what is no name is refused, with the names that are known", "[bgp][output_format]") {
    using namespace std::string_view_literals;
    for (auto const text : {"cisco"sv, ""sv, "Junos"sv, "junos "sv, "-J"sv, "ios\0"sv, "\x1b[2J"sv}) {
        auto const got = parse_output_format(text);
        REQUIRE(!got);
        CHECK(got.error().code() == cause::invalid_input);
        for (auto const format : all_output_formats)
            CHECK(got.error().text().find(name_of(format)) != std::string::npos);
        for (char const c : got.error().text()) CHECK((c >= 0x20 && c < 0x7f));
    }
    CHECK(parse_output_format("cisco").error().text().find("\"cisco\"") != std::string::npos);
}
