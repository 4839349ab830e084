#include <muster/workloads/llm/asked_node.hpp>

#include "catch.hpp"

TEST_CASE("asked_node: it is counted at about the tokens of its text") {
    CHECK(tokens_of(muster::llm::asked_node{.text = std::string(400, 'a')}) == 100);
}
