#include <muster/workloads/search/detail/literal_core.hpp>

#include <string>
#include <string_view>

#include <muster/adapt/pcre2.hpp>

#include "catch.hpp"

using namespace muster;
using muster::searching::detail::literal_core;
using muster::searching::detail::regex_tree;

namespace {

std::string core_of(std::string_view regex) {
    auto const tree = regex_tree::read(regex);
    if (!tree) return "not read";
    auto const core = literal_core(*tree);
    return core ? core->written() : "none";
}

bool finds(std::string_view regex, std::string_view line) {
    pcre2_matcher by;
    return by.match(pcre2_pattern::compile(regex).value(), line).value();
}

}  // namespace

TEST_CASE("literal_core: the rarest run of letters", "[search][literal_core]") {
    CHECK(core_of("^\\s*MaxAuthTries\\s+(?<tries>\\d+)") == "MaxAuthTries");
    CHECK(core_of("^net\\.ipv4\\.ip_forward\\s*=\\s*(\\d)") == "net\\.ipv4\\.ip_forward");
    CHECK(core_of("^(?<unit>[\\w@.-]+)\\.service\\s+enabled here$") == "enabled here");
    CHECK(core_of("x(y)(?<n>z1234)w") == "xyz1234w");
    CHECK(core_of("abcdefgh+ijk") == "abcdefgh");
    CHECK(core_of("abc(?=def)ghijkl") == "ghijkl");
    CHECK(core_of("\\brhosts\\.equiv\\b") == "rhosts\\.equiv");
}

TEST_CASE("literal_core: rare characters count for more than common ones", "[search][literal_core]") {
    CHECK(core_of("the\\d+KB\\d") == "KB");
    CHECK(core_of("(?i)resets?\\w+qx12") == "(?i:qx12)");
    CHECK(core_of("aaaaaaaaaaaa\\d+xyz") == "xyz");
    CHECK(core_of("(?:abcd|efgh|ijkl|mnop)\\d+config") == "config");    // each alternative is one more to look for
}

TEST_CASE("literal_core: alternatives are part of a run where all are letters", "[search][literal_core]") {
    CHECK(core_of("^(?:server|peers)\\s+(\\S+)") == "(?:server|peers)");
    CHECK(core_of("Launch(?<kind>Daemons|Agents)/\\w") == "Launch(?:Daemons|Agents)/");
    CHECK(core_of("abcdef|ghijkl") == "(?:abcdef|ghijkl)");
    CHECK(core_of("(?:[ab]cdefg|hijklm\\d)x") == "(?:cdefg|hijklm)");
    CHECK(core_of("(?:abcdef|ghijkl)+") == "(?:abcdef|ghijkl)");
}

TEST_CASE("literal_core: letters in either case stay so", "[search][literal_core]") {
    CHECK(core_of("(?i)^\\s*X11Forwarding\\s+yes") == "(?i:X11Forwarding)");
    CHECK(core_of("(?i:abcdef)\\d") == "(?i:abcdef)");
    CHECK(core_of("abcd(?i)efghij") == "(?i:efghij)");
    CHECK(core_of("(?i)abcdef|ghijkl") == "(?:(?i:abcdef)|(?i:ghijkl))");
    CHECK(core_of("(?i)abcdef|ghi(?-i:jklmnop)") == "(?:(?i:abcdef)|jklmnop)");
    CHECK(core_of("(\\d(?i)x)abcdef") == "abcdef");
    CHECK(core_of("(?:(?i)\\dabcdef|ghijkl)") == "(?:(?i:abcdef)|(?i:ghijkl))");
}

TEST_CASE("literal_core: none where nothing must be there, or what must is not rare", "[search][literal_core]") {
    for (auto const* const regex : {"^([a-z]+)::\\d*:", "\\w+", "(?:abcdef)?te", "(?:abcdef)*", "a|bcdefghi", "(x|yabcdef)", "--------", "[abc]the"})
        CHECK(core_of(regex) == "none");
}

TEST_CASE("literal_core: is found on each line on which the regex is found", "[search][literal_core]") {
    struct pair {
        char const* regex;
        char const* line;
    };
    for (auto const& [regex, line] : {pair{"^(?:(?:RSA|EC) )?PRIVATE{1,2} KEYS?-+$", "EC PRIVATEE KEY--"}, pair{"(?:ab|cd){2,3}efghi", "abcdabefghi"},
                                      pair{"(?i)st(?:a|o)te[ns]+ machines", "STOTENS MACHINES"}, pair{"a{2}bcdefg+h", "aabcdefggh"},
                                      pair{"(?>abc|abcd)efghi", "abcefghi"}, pair{"(?i)abcdef|ghijkl", "GHIJKL"}, pair{"x\\ yz\\-123\\/4", "x yz-123/4"}, pair{"é\\xe9abcdef", "é\xe9" "abcdef"}}) {
        INFO(regex);
        REQUIRE(finds(regex, line));
        auto const core = core_of(regex);
        CHECK((core == "none" || core == "not read" || finds(core, line)));
    }
}
