#include <muster/process/process_pool_health.hpp>

#include "catch.hpp"

TEST_CASE("process_pool_health: is a value, of a pool in which nothing has happened", "[process][process_pool_health]") {
    muster::process_pool_health const one, other;
    CHECK(one == other);
    CHECK(one.crashed + one.exited + one.restarts + one.recycled + one.ended == 0);
}
