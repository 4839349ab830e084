#include <muster/route/hash_ring_health.hpp>

#include "catch.hpp"

using namespace muster;

TEST_CASE("hash_ring_health: every state of a node has a name", "[route]") {
    CHECK(name_of(ring_node_state::up) == "up");
    CHECK(name_of(ring_node_state::suspect) == "suspect");
    CHECK(name_of(ring_node_state::down) == "down");
    CHECK(name_of(static_cast<ring_node_state>(9)) == "unknown");
    CHECK(node_health{.name = "a"} == node_health{.name = "a"});
}
