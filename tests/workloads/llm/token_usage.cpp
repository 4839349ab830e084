#include <muster/workloads/llm/token_usage.hpp>

#include "catch.hpp"

using namespace muster::llm;

TEST_CASE("token_usage: adds up count by count", "[llm]") {
    token_usage sum{1, 2, 3, 4, 5};
    sum += {10, 20, 30, 40, 50};
    CHECK(sum == token_usage{11, 22, 33, 44, 55});
}
