#include <muster/flow/run_options.hpp>

#include "catch.hpp"

using namespace muster;
using namespace std::chrono_literals;

TEST_CASE("run_options: exactly once, in batches of 1,000 or 100 ms, failures buried", "[flow][run_options]") {
    run_options const usual;
    CHECK(usual.guarantee == delivery::exactly_once);
    CHECK(usual.records == 1'000);
    CHECK(usual.linger == 100ms);
    CHECK(usual.on_failure == failed_record::bury);
    CHECK_FALSE(usual.at);
}
