#include <muster/adapt/http_headers.hpp>

#include "catch.hpp"

#include <string>
#include <vector>

using namespace muster;

TEST_CASE("http_headers: names are the same in any case", "[adapt][http]") {
    http_headers of{{"Content-Type", "a"}, {"X", "1"}, {"x", "2"}};
    CHECK(of.find("CONTENT-type") == "a");
    CHECK(of.find("x") == "1");
    CHECK(of.find_all("X") == std::vector<std::string_view>{"1", "2"});
    CHECK_FALSE(of.find("Content"));
    CHECK_FALSE(of.find(""));
    CHECK(of.find_all("y").empty());
    CHECK_FALSE(http_headers::same_name("[", "{"));    // 32 apart, as letters are
    CHECK_FALSE(http_headers::same_name("\xc4", "\xe4"));
}

TEST_CASE("http_headers: one more, one in place of all, and none", "[adapt][http]") {
    http_headers of;
    CHECK(of.empty());
    of.add("A", "1");
    of.add("a", "2");
    of.add("B", "3");
    CHECK(of.size() == 3);
    of.set("A", "4");
    CHECK(of == http_headers{{"B", "3"}, {"A", "4"}});
    CHECK(of.erase("b") == 1);
    CHECK(of.erase("b") == 0);
    std::string seen;
    for (auto const& [name, value] : of) seen += name + '=' + value;
    CHECK(seen == "A=4");
    of.clear();
    CHECK(of.empty());
}
