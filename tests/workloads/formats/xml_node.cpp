#include <muster/workloads/formats/xml_node.hpp>

#include <type_traits>

#include "catch.hpp"

using muster::xml::node;

static_assert(std::is_nothrow_move_constructible_v<node> && std::is_aggregate_v<node>);

TEST_CASE("xml::node: two are equal when all of them is", "[xml][node]") {
    node const one{.position = 1, .path = "a/b", .name = "b", .text = "<b/>"};
    auto other = one;
    CHECK(other == one);
    other.refs.push_back("x");
    CHECK(other != one);
}
