#include <muster/workloads/search/detail/prepared_pattern.hpp>

#include "catch.hpp"

#include <string>

using namespace muster::searching;
using namespace muster::searching::detail;

namespace {

std::string ready(std::string const& regex) {
    auto const made = prepared({regex, false}, 0).value();
    return made ? made->regex.written() : "alone";
}

}  // namespace

TEST_CASE("prepared_pattern: it is trimmed, and bound to its line", "[search][prepared_pattern]") {
    CHECK(ready("^u=(\\d+)[^x]+(.*)$") == "^u=(\\d+)[^\\nx]");
    CHECK(prepared({"a[^x]b", true}, 0)->value().in_line);
    CHECK(prepared({"a[^x]b", true}, 0)->value().ignore_case);
    CHECK(!prepared({"a[\\W]b", false}, 0)->value().in_line);
}

TEST_CASE("prepared_pattern: of one that must have letters it is those", "[search][prepared_pattern]") {
    CHECK(ready("^uids=(\\d+)[^x]+(.*)$") == "uids=");
    CHECK(prepared({"^(a*)*uids[^x]+", false}, 0)->value().in_line);
}

TEST_CASE("prepared_pattern: what engines cannot be trusted with is tried alone", "[search][prepared_pattern]") {
    for (std::string const regex : {"x*", "", "^$", "(?s)a", "\\Aa", "a{3001}", "(?:a{60}){60}", "(?R)?a"}) CHECK(ready(regex) == "alone");
    CHECK(ready("a{3000}") == "a{3000}");
    CHECK(ready("a{3001,}b{0,9999}") == "alone");
    CHECK(ready("ab{0,9999}") == "a");    // what is left out costs nothing
}

TEST_CASE("prepared_pattern: a wrong regex is named by its index", "[search][prepared_pattern]") {
    auto const made = prepared({"a(", false}, 7);
    REQUIRE(!made);
    CHECK(made.error().is(muster::cause::invalid_input));
    CHECK(made.error().text() == "the regex of pattern 7 is wrong at offset 2: missing closing parenthesis");
}
