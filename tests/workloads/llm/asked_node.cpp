#include <muster/workloads/llm/asked_node.hpp>

#include "catch.hpp"

#include <muster/core/concepts.hpp>

TEST_CASE("asked_node: it weighs about the tokens of its text") {
    CHECK(muster::weight_of(muster::llm::asked_node{.text = std::string(400, 'a')}) == 100);
}
