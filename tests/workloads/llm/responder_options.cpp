#include <muster/workloads/llm/responder_options.hpp>

#include "catch.hpp"

using namespace muster::llm;

TEST_CASE("responder_options: by default nothing is limited, slow, secret or broken", "[llm][responder]") {
    responder_options const options;
    CHECK(options.port == 0);
    CHECK(options.key.empty());
    CHECK(options.latency.count() == 0);
    CHECK_FALSE(options.latency_of);
    CHECK(options.requests_per_second == 0);
    CHECK(options.tokens_per_minute == 0);
    CHECK(options.plan.empty());
    CHECK_FALSE(options.content_of);
    CHECK(options.headers == limit_headers::openai);
}
