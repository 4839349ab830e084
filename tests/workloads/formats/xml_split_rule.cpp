#include <muster/workloads/formats/xml_split_rule.hpp>

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"

using namespace muster;
using xml::split_rule;

namespace {

bool is_node(split_rule const& rule, std::vector<std::string_view> const& names) { return rule.is_node(names, 1); }

}  // namespace

TEST_CASE("xml::split_rule: a path that is none is refused, and named", "[xml][split_rule]") {
    for (auto const* each : {"", "/", "a//b", "a/", "a b", "a[1]", "@x", "p:a", "a/\"b", "//a"}) {
        auto const made = split_rule::paths({each});
        REQUIRE(!made);
        CHECK(made.error().is(cause::invalid_input));
        CHECK(made.error().text().find("is none") != std::string::npos);
    }
    CHECK(split_rule::paths({}).error().is(cause::invalid_input));
}

TEST_CASE("xml::split_rule: * stands for any characters of one name", "[xml][split_rule]") {
    auto const lists = split_rule::paths({"DataLists/*List/*"}).value();
    CHECK(is_node(lists, {"r", "DataLists", "PaxList", "Pax"}));
    CHECK(is_node(lists, {"DataLists", "List", "Pax"}));
    CHECK(!is_node(lists, {"DataLists", "PaxLists", "Pax"}));
    CHECK(!is_node(lists, {"DataLists", "a", "PaxList", "Pax", "x"}));
    auto const inner = split_rule::paths({"a*b*c"}).value();
    CHECK(is_node(inner, {"axxbyyc"}));
    CHECK(is_node(inner, {"abbc"}));
    CHECK(!is_node(inner, {"acb"}));
    CHECK(!is_node(inner, {"abcd"}));
}

TEST_CASE("xml::split_rule: many * take no more than the product of the lengths", "[xml][split_rule]") {
    std::string pattern;
    for (int i = 0; i < 200; ++i) pattern += "a*";
    std::string const name(1'000, 'a');
    CHECK(is_node(split_rule::paths({pattern}).value(), {name}));
    CHECK(!is_node(split_rule::paths({pattern + 'b'}).value(), {name}));
}

TEST_CASE("xml::split_rule: the natural rule needs the message around the nodes", "[xml][split_rule]") {
    split_rule const natural;
    CHECK(natural.is_natural());
    CHECK(is_node(natural, {"OrderViewRS", "Response", "Passengers", "Passenger"}));
    CHECK(!is_node(natural, {"Response", "Passengers", "Passenger"}));
    CHECK(is_node(natural, {"OrderViewRS", "Order", "OrderItems", "OrderItem"}));
    CHECK(!is_node(natural, {"OrderViewRS", "Order", "OrderItem"}));
    CHECK(is_node(natural, {"E", "B", "IATA_OrderViewRS", "Response", "Order", "OrderItem"}));
    CHECK(!is_node(natural, {"IATA_OrderViewRS", "DataLists", "Remark", "Text"}));
    CHECK(!is_node(natural, {"OrderViewRS"}));
}

TEST_CASE("xml::split_rule: names choose among the nodes", "[xml][split_rule]") {
    split_rule const all;
    CHECK(all.is_chosen("x"));
    auto const some = all.only({"a", "b"});
    CHECK(some.is_chosen("b"));
    CHECK(!some.is_chosen("x"));
    CHECK(some != all);
}
