#include <muster/workloads/bgp/request_list.hpp>

#include <sstream>
#include <string>
#include <string_view>

#include "catch.hpp"

using namespace muster::bgp;
using muster::cause;

TEST_CASE("request_list: one object becomes a request for each family, with its name and its mark",
          "[bgp][request_list]") {
    auto const both = parse_request("AS13335").value();
    REQUIRE(both.size() == 2);
    CHECK(both[0].text() == "AS13335 ipv4");
    CHECK(both[1].text() == "AS13335 ipv6");
    CHECK(both[1].name.text() == "AS13335-v6");
    CHECK(!both[0].exclusive);
    auto const named = parse_request("AS-X\tCUSTOMERS  exclusive ", {.ipv6 = false}).value();
    REQUIRE(named.size() == 1);
    CHECK(named[0].name.text() == "CUSTOMERS");
    CHECK(named[0].exclusive);
    CHECK(parse_request("AS1 exclusive")->front().exclusive);
    for (std::string_view const bad : {"", " ", "exclusive", "AS1 a b", "AS1 a exclusive b", "AS1 a;b", "AS64500"}) {
        CAPTURE(bad);
        CHECK(parse_request(bad).error().code() == cause::invalid_input);
    }
}

TEST_CASE("request_list: a file has comments and empty lines, and names the line that is wrong",
          "[bgp][request_list]") {
    std::istringstream good{"# all\n\nAS13335 # Cloudflare\r\n  AS-X NAME\nAS112"};
    CHECK(parse_request_list(good, {.ipv6 = false})->size() == 3);
    std::istringstream bad{"AS1\n$(id)\n"};
    auto const got = parse_request_list(bad);
    REQUIRE(!got);
    CHECK(got.error().text().find("(line 2)") != std::string::npos);
    std::istringstream many{"AS1\nAS2\nAS3\n"};
    CHECK(!parse_request_list(many, {.most_lines = 2}));
}
