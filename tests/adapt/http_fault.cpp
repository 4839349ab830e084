#include <muster/adapt/http_fault.hpp>

#include "catch.hpp"

#include <set>
#include <string>

using namespace muster;

TEST_CASE("http_fault: each has a name of its own and amounts to a cause", "[adapt][http]") {
    std::set<std::string> names;
    for (int i = 1; i <= static_cast<int>(http_fault::forked); ++i) {
        auto const which = static_cast<http_fault>(i);
        names.insert(std::string{name_of(which)});
        failure const what{make_error_code(which), "http://a"};
        CHECK(what.is(cause_of(which)));
        CHECK(what.code() == which);
        CHECK(to_string(what) == std::string{name_of(which)} + ": http://a");
    }
    CHECK(names.size() == static_cast<std::size_t>(http_fault::forked));
    CHECK_FALSE(names.contains("unknown fault"));
    CHECK(name_of(http_fault{99}) == "unknown fault");
}

TEST_CASE("http_fault: it travels by the name of its category", "[adapt][http]") {
    CHECK(travelling_category::named("http") == &http_fault_category());
}
