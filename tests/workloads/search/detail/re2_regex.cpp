#include <muster/workloads/search/detail/re2_regex.hpp>

#include "catch.hpp"

#include <muster/workloads/search/detail/line_bound.hpp>

using namespace muster::searching::detail;

namespace {

std::string for_re2(std::string_view regex, bool ignore_case = false) {
    auto tree = regex_tree::read(regex).value();
    (void)bind_to_line(tree);
    return re2_regex(tree, ignore_case).value_or("not for RE2");
}

}  // namespace

TEST_CASE("re2_regex: what RE2 reads alike stays as it is", "[search][re2_regex]") {
    for (std::string const regex : {"^a+b*?c{2,3}$", "(a|b)", "(?:a)", "(?i)a(?-i:b)", "\\bx\\B", "[a-z0-9_-]", "[[:alpha:]]", "\\d\\w\\S\\.", "\\x41", "\xe9", "[\\S]"})
        CHECK(for_re2(regex) == regex);
}

TEST_CASE("re2_regex: names of groups go, for RE2 knows one of three forms", "[search][re2_regex]") {
    CHECK(for_re2("(?<n>a)(?P<m>b)(?'k'c)+") == "(a)(b)(c)+");
}

TEST_CASE("re2_regex: what RE2 has not is weaker, never stronger", "[search][re2_regex]") {
    CHECK(for_re2("a(?!b)c(?<=d)e(?=f)(?<!g)") == "ace");
    CHECK(for_re2("(a)\\1b") == "(a).*b");
    CHECK(for_re2("(?>a|b)c++d*+e{2}+") == "(?:a|b)c+d*e{2}");
    CHECK(for_re2("(?>a)++b") == "(?:a)+b");
    CHECK(for_re2("a(?:(?!b))*c") == "ac");
    CHECK(for_re2("a(?:(?!b)|d)c") == "a(?:|d)c");
}

TEST_CASE("re2_regex: blanks are written out, with the VT that RE2 would not take", "[search][re2_regex]") {
    CHECK(for_re2("a\\sb[\\s:]") == "a[\\t\\x0b-\\r ]b[\\t\\x0b-\\r :]");
    CHECK(for_re2("[^\\s]") == "[^\\n\\t\\x0b-\\r ]");
}

TEST_CASE("re2_regex: what RE2 would read otherwise is not for it", "[search][re2_regex]") {
    for (std::string const regex : {"[^\\S]", "\\h", "\\H", "\\V", "[\\v]", "[\\V]", "\\e"}) CHECK(for_re2(regex) == "not for RE2");
    // It folds \xc9 and \xe9, which are two bytes to PCRE2.
    for (std::string const regex : {"[^\xe9]", "[^\\xe9]", "\xe9", "\\xE9"}) {
        CHECK(for_re2(regex, true) == "not for RE2");
        CHECK(for_re2("(?i)a" + regex) == "not for RE2");
        CHECK(for_re2(regex) != "not for RE2");
    }
    CHECK(for_re2("\\x7f", true) == "\\x7f");
}
