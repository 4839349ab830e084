#include <muster/workloads/search/detail/trimmed_pattern.hpp>

#include "catch.hpp"

#include <string>
#include <utility>
#include <vector>

#include <muster/adapt/pcre2.hpp>

using namespace muster;
using namespace muster::searching::detail;

namespace {

std::vector<std::pair<std::string, std::string>> const trimmings{
    {"a(\\w+)", "a(\\w)"},
    {"a(\\w*)", "a"},
    {"a(\\w+)\\s*", "a(\\w)"},
    {"a\\s*", "a"},
    {"a\\s+", "a\\s"},
    {"a(.*)$", "a"},
    {"a.*$", "a"},
    {"a(?<rest>.*)$", "a"},
    {"a((.*))$", "a"},
    {"a.+$", "a."},
    {"a(.+)$", "a(.)"},
    {"a.{3,}$", "a.{3}"},
    {"ab{2,5}", "ab{2}"},
    {"ab{2,}?", "ab{2}"},
    {"ab{0,3}", "a"},
    {"ab??", "a"},
    {"ab++", "ab"},
    {"a(?:b|c+)", "a(?:b|c)"},
    {"a(?:b|c*)", "a"},
    {"a(?:b|)", "a"},
    {"a(?:bc)+", "a(?:bc)"},
    {"a(?:bc+){2,}", "a(?:bc+){2}"},
    {"a(?>b+)", "a(?>b)"},
    {"ab+|cd*", "ab|c"},
    {"a(b(c(d+)?)?)?", "a"},
    {"a\\d+(\\.\\d+)*", "a\\d"},
    {"(?!x)a+", "(?!x)a"},
};

}  // namespace

TEST_CASE("trimmed_pattern: what only makes matches longer is left out", "[search][trimmed_pattern]") {
    for (auto const& [regex, trimmed] : trimmings) {
        INFO(regex);
        CHECK(trimmed_pattern(regex) == trimmed);
        CHECK(trimmed_pattern(trimmed) == trimmed);
    }
}

TEST_CASE("trimmed_pattern: what says where a match ends stays", "[search][trimmed_pattern]") {
    for (std::string const regex : {"a\\w+$", "a\\s*$", "a+\\b", "a(\\w+)\\B", "a+(?!b)", "a+(?=b)", "a*(?i)", "a(?:.*|b)$", "a(.*){2}$", "a.{0,9}$", "a[^:]*$",
             "a(?:bc+){2}", "^", "$", ""}) {
        INFO(regex);
        CHECK(trimmed_pattern(regex) == regex);
    }
}

TEST_CASE("trimmed_pattern: of what would then match everywhere nothing is left out", "[search][trimmed_pattern]") {
    for (std::string const regex : {"a*", ".*$", "(.*)", "ab+|c*", "(a?|b+)", "x+|"}) CHECK(trimmed_pattern(regex) == regex);
}

TEST_CASE("trimmed_pattern: what is not understood, or refers to groups, stays as it is", "[search][trimmed_pattern]") {
    for (std::string const regex : {"(a)\\1b*", "(a+)(?:b\\1)*", "(*UTF)ab*", "(?s)ab*", "a\\Kb*", "\\Qa\\Eb*", "(a|b", "a{,3}b*"})
        CHECK(trimmed_pattern(regex) == regex);
}

TEST_CASE("trimmed_pattern: it matches on the same lines", "[search][trimmed_pattern]") {
    pcre2_matcher by;
    std::uint32_t seed = 11;
    auto const next = [&](std::uint32_t below) { return (seed = seed * 1'664'525 + 1'013'904'223) / 65'536 % below; };
    for (auto const& [regex, trimmed] : trimmings) {
        auto const whole = pcre2_pattern::compile(regex).value();
        auto const shorter = pcre2_pattern::compile(trimmed).value();
        INFO(regex);
        for (int i = 0; i < 300; ++i) {
            std::string line;
            for (auto size = next(8); size > 0; --size) line += "abcdx1. "[next(8)];
            INFO(line);
            REQUIRE(by.match(whole, line).value() == by.match(shorter, line).value());
        }
    }
}
