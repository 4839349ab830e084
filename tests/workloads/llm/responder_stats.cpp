#include <muster/workloads/llm/responder_stats.hpp>

#include "catch.hpp"

using namespace muster::llm;

TEST_CASE("responder_stats: a status that was never sent was sent 0 times", "[llm][responder]") {
    responder_stats stats;
    stats.answers[429] = 3;
    CHECK(stats.answered(429) == 3);
    CHECK(stats.answered(200) == 0);
    CHECK(stats.answers.size() == 1);
}
