#include <muster/workloads/search/detail/regex_tree.hpp>

#include "catch.hpp"

#include <string>

using namespace muster::searching::detail;
using namespace std::string_literals;

namespace {

std::string again(std::string_view regex) {
    auto const tree = regex_tree::read(regex);
    return tree ? tree->written() : "not understood";
}

}  // namespace

TEST_CASE("regex_tree: what is understood is written as it was read", "[search][regex_tree]") {
    for (std::string_view const regex : {"", "a", "a|b|", "^ab$", "(a|(b))c", "(?:a)(?<n>b)(?P<m>c)(?'k'd)", "(?=a)(?!b)(?<=c)(?<!d)e",
             "(?i)a(?-i)b(?i:c)(?-i:d)", "a*b+c?d*?e+?f??g*+h++i?+", "a{3}b{3,}c{3,5}d{0,5}?e{2,}+", "[]a][^]a][a-z0-9_-][\\d.-][[:alpha:]-]",
             "[[:^space:]x][\\]\\\\\\-]", "\\d\\D\\w\\W\\s\\S\\h\\H\\v\\V\\t\\n\\r\\f\\a\\e\\x41", "\\.\\*\\(\\[\\{\\<\\>\\/\\ \\-", "(a)(b)\\2\\1",
             "\\bword\\B", "(?>a|b)c", "a{b}{", "{}", "x{1,2", "\xc3\xa9+", "a]b}c", "(?:(?:(?:)))"}) {
        INFO(regex);
        CHECK(again(regex) == regex);
    }
}

TEST_CASE("regex_tree: what engines read differently is not understood", "[search][regex_tree]") {
    for (std::string_view const regex : {"(*UTF)a", "a(*SKIP)b", "(?s)a", "(?m)^a", "(?-m)a", "(?x) a", "(?is)a", "(?^)a", "(?J)a", "(?#c)a", "(?|(a))",
             "(?R)", "(?1)(a)", "(?&n)", "(?P>n)", "(?P=n)", "(?(1)a|b)", "(?C1)", "\\Qa\\E", "\\E", "\\Aa", "a\\Z", "a\\z", "\\Ga", "a\\Kb", "\\R", "\\X",
             "\\C", "\\N", "\\pL", "\\PL", "\\01", "\\12(a)", "\\1", "\\8", "\\g1(a)", "\\k<n>", "\\cA", "\\o{12}", "\\x4", "\\x{41}", "\\_", "\\", "\\i",
             "a{,3}", "a{ 1}", "a{1, 2}", "a{2}{3}", "a**", "a*??", "^*", "(?=a)*", "(?i)*", "\\b+", "*a", "a|*", "(*a)", "[a", "[[.a.]]", "[[=a=]]", "[[:foo:]]",
             "[[:<:]]a", "[\\b]", "[a-\\d]", "[\\d-z]", "[a-[:digit:]]", "[\\Qa\\E]", "[\\012]", "(a", "a)", "(?<1>a)", "(?<n", "(?", "(?'n>a)", "a{70000}",
             "a{3,2}", "{2}", "a|{2}"}) {
        INFO(regex);
        CHECK(again(regex) == "not understood");
    }
    CHECK(again("a\0b"s) == "not understood");
    CHECK(again("[\0]"s) == "not understood");
    CHECK(again("\\\0"s) == "not understood");
    CHECK(again("\\\xff") == "not understood");
}

TEST_CASE("regex_tree: it tells what else there is in a regex", "[search][regex_tree]") {
    CHECK(regex_tree::read("(a)\\1")->refers_back);
    CHECK(!regex_tree::read("(a)")->refers_back);
    CHECK(regex_tree::read("(?:a(?!b))")->looks);
    CHECK(regex_tree::read("(?>a)")->never_backs);
    CHECK(regex_tree::read("(?:a++)")->never_backs);
    auto const plain = regex_tree::read("a+(b|[c])$").value();
    CHECK((!plain.looks && !plain.never_backs));
}

TEST_CASE("regex_tree: positions are counted with repetitions written out, without overflow", "[search][regex_tree]") {
    CHECK(regex_tree::read("ab*c+")->positions() == 3);
    CHECK(regex_tree::read("(?:[ab]{3,900}c){50}")->positions() == 45'050);
    CHECK(regex_tree::read("a{7,}|b{0}")->positions() == 7);
    std::string regex = "a";
    for (int i = 0; i < 20; ++i) regex = "(?:" + regex + "){60000}";
    CHECK(regex_tree::read(regex)->positions() == std::uint64_t{1} << 40);
}

TEST_CASE("regex_tree: groups without end are not followed without end", "[search][regex_tree]") {
    CHECK(again(std::string(100'000, '(')) == "not understood");
    auto const deep = std::string(240, '(') + 'a' + std::string(240, ')');
    CHECK(again(deep) == deep);
}
