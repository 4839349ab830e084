#include <muster/process/process_pool_options.hpp>

#include "catch.hpp"

using namespace muster;

TEST_CASE("process_pool_options: nothing is limited that nobody wrote", "[process][process_pool_options]") {
    process_pool_options const options;
    CHECK(options.memory == 0);
    CHECK(options.timeout.count() == 0);
    CHECK(options.recycle_after == 0);
    CHECK(options.recycle_growth == 0);
    CHECK(options.walls == sandbox{});
    CHECK(options.bounds == limits{});
    CHECK(options.cpus.empty());
    CHECK(options.start == start_method::automatic);
    CHECK(options.restarts == restart_limit{500, std::chrono::seconds{10}});
}
