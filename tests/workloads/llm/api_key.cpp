#include <muster/workloads/llm/api_key.hpp>

#include "catch.hpp"

#include <stdlib.h>    // setenv

using namespace muster;
using namespace muster::llm;

TEST_CASE("api_key: from the environment alone, and never shown where it is wrong") {
    ::unsetenv("MUSTER_TEST_KEY");
    auto const missing = api_key::from_environment("MUSTER_TEST_KEY");
    REQUIRE_FALSE(missing);
    CHECK(missing.error().text().find("MUSTER_TEST_KEY") != std::string::npos);
    ::setenv("MUSTER_TEST_KEY", "sk-secret\nX-Other: 1", 1);
    auto const wrong = api_key::from_environment("MUSTER_TEST_KEY");
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().text().find("secret") == std::string::npos);
    ::setenv("MUSTER_TEST_KEY", "sk-secret", 1);
    CHECK(api_key::from_environment("MUSTER_TEST_KEY")->reveal() == "sk-secret");
    CHECK(api_key{}.empty());
    ::unsetenv("MUSTER_TEST_KEY");
}
