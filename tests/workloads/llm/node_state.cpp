#include <muster/workloads/llm/node_state.hpp>

#include "catch.hpp"

using namespace muster::llm;

TEST_CASE("node_state: each has its name, and the number that files hold", "[llm]") {
    CHECK(static_cast<int>(node_state::pending) == 0);
    CHECK(static_cast<int>(node_state::interrupted) == node_states - 1);
    CHECK(name_of(node_state::pending) == "pending");
    CHECK(name_of(node_state::in_flight) == "in flight");
    CHECK(name_of(node_state::done) == "done");
    CHECK(name_of(node_state::failed) == "failed");
    CHECK(name_of(node_state::stopped) == "stopped");
    CHECK(name_of(node_state::interrupted) == "interrupted");
    CHECK(name_of(static_cast<node_state>(99)) == "unknown state");
}
