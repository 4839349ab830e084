#include <muster/workloads/bgp/output_template.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <muster/workloads/bgp/irr_responder.hpp>

#include "catch.hpp"
#include "program.hpp"

using namespace muster::bgp;
using muster::cause;
using namespace std::string_view_literals;

TEST_CASE("output_template: one line with an address and a length for each prefix passes, as it came",
          "[bgp][output_template]") {
    for (auto const text : {"%n/%l\\n"sv, "%N: %n/%l,%a-%A (%m %i) 100%%\\t\\\\\\n"sv, "%l %n\\n"sv, "\"%n/%l\"; {}\\n"sv})
        CHECK(output_template::parse(text).value().text() == text);
    CHECK(output_template::parse("%n/%l\\n").value() == output_template::parse("%n/%l\\n").value());
    CHECK(output_template::parse("%n/%l\\n").value() != output_template::parse("%n %l\\n").value());
}

TEST_CASE("output_template: what bgpq4 would read otherwise is refused, with the rule", "[bgp][output_template]") {
    for (auto const& [text, rule] : std::vector<std::pair<std::string_view, std::string_view>>{
             {""sv, "it holds %n and %l"}, {"%n\\n"sv, "it holds"}, {"%l\\n"sv, "it holds"}, {"%n/%l"sv, "ends in \\n"},
             {"%%n/%%l\\n"sv, "it holds"},                            // percent signs, no address
             {"%n/%l\\\\n"sv, "ends in \\n"},                         // a backslash and an n, no end of line
             {"%n\\n%l\\n"sv, "once, at the end"}, {"%n/%l\\n\\n"sv, "once, at the end"}, {"%n/%l\\n "sv, "once"},
             {"%n/%l\n"sv, "printable ASCII"}, {"%n/%l\0\\n"sv, "printable"}, {"%n/%l\x7f\\n"sv, "printable"},
             {"%n/%l\xc3\xa4\\n"sv, "printable"}, {"\x1b[2J%n/%l\\n"sv, "printable"},
             {"%s%n/%l\\n"sv, "after %"}, {"%n/%l%"sv, "after %"}, {"% n/%l\\n"sv, "after %"},
             {"%n/%l\\x\\n"sv, "after \\"}, {"%n/%l\\"sv, "after \\"}, {"%n/%l\\0\\n"sv, "after \\"}}) {
        auto const got = output_template::parse(text);
        CAPTURE(text);
        REQUIRE(!got);
        CHECK(got.error().code() == cause::invalid_input);
        CHECK(got.error().text().find(rule) != std::string::npos);
        for (char const c : got.error().text()) CHECK((c >= 0x20 && c < 0x7f));
    }
}

TEST_CASE("output_template: 200 bytes pass, 201 do not", "[bgp][output_template]") {
    std::string const end = "%n/%l\\n";
    CHECK(output_template::parse(std::string(output_template::most_bytes - end.size(), 'x') + end));
    auto const got = output_template::parse(std::string(output_template::most_bytes + 1 - end.size(), 'x') + end);
    REQUIRE(!got);
    CHECK(got.error().text().find("at most 200 bytes") != std::string::npos);
}

TEST_CASE("output_template: bgpq4 makes one line a prefix of everything that passes", "[bgp][output_template][bgpq4]") {
    if (test::run({"bgpq4", "-v"}).exit_code == 127) SKIP("no bgpq4");
    irr_responder server;
    for (auto const text : {"%n/%l\\n"sv, "%N\\t%n/%l %a-%A %m %i 100%% \\\\ \"';{}$()\\n"sv}) {
        auto const words = output_template::parse(text).value();
        auto const ended = test::run({"bgpq4", "-h", server.address().text(), "-F", words.text(), "-l", "CF", "AS13335"});
        CHECK(ended.exit_code == 0);
        CHECK(ended.err.empty());
        CHECK(std::count(ended.out.begin(), ended.out.end(), '\n') == 17);
        CHECK(ended.out.find("1.1.1.0/24") != std::string::npos);
    }
}
