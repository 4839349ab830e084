#include <muster/workloads/jwt/fault.hpp>

#include <set>
#include <string>
#include <string_view>
#include <system_error>

#include "catch.hpp"

using namespace muster::jwt;
using muster::cause;

namespace {
constexpr auto last = static_cast<int>(fault::library_failed);
}

TEST_CASE("fault: each has a name and a rule of its own, and its message says both", "[jwt][fault]") {
    std::set<std::string_view> names, rules;
    for (int i = 1; i <= last; ++i) {
        auto const which = static_cast<fault>(i);
        CAPTURE(i);
        CHECK(name_of(which) != "unknown fault");
        CHECK(rule_of(which) != "unknown fault");
        CHECK(names.insert(name_of(which)).second);
        CHECK(rules.insert(rule_of(which)).second);
        CHECK(make_error_code(which).message() == std::string{name_of(which)} + " (" + std::string{rule_of(which)} + ")");
    }
    CHECK(name_of(static_cast<fault>(last + 1)) == "unknown fault");
    CHECK(rule_of(static_cast<fault>(last + 1)) == "unknown fault");
}

TEST_CASE("fault: what is wrong with a token or a key is invalid input; a library that failed is unavailable", "[jwt][fault]") {
    for (int i = 1; i <= last; ++i) {
        auto const failed = refusal(static_cast<fault>(i), "x");
        CAPTURE(i);
        CHECK(failed.code() == static_cast<fault>(i));
        CHECK(failed.is(cause::invalid_input) == (i != last));
        CHECK(failed.is(cause::unavailable) == (i == last));
        CHECK_FALSE(failed.is(cause::threw));
    }
}

TEST_CASE("fault: its category is jwt, one for the whole program", "[jwt][fault]") {
    std::error_code const code = fault::expired;
    CHECK(code.category() == fault_category());
    CHECK(code.category().name() == std::string{"jwt"});
    CHECK(code != fault::not_yet_valid);
    CHECK(refusal(fault::expired).text().empty());
}
