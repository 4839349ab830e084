#include <muster/testing/conformance.hpp>

#include "catch.hpp"

#include <muster/exec/blocking_pool.hpp>
#include <muster/exec/inline_executor.hpp>
#include <muster/exec/thread_pool.hpp>

using namespace muster;
using testing::conformance;
using broken = conformance::broken;

TEST_CASE("conformance: inline_executor", "[conformance]") {
    inline_executor here;
    CHECK(conformance::of_executor(here) == broken{});
}

TEST_CASE("conformance: thread_pool of 1, 2 and 64", "[conformance]") {
    for (std::size_t const workers : {1u, 2u, 64u}) {
        thread_pool pool{workers};
        CHECK(conformance::of_executor(pool) == broken{});
    }
}

TEST_CASE("conformance: blocking_pool of 1, 2 and 64", "[conformance]") {
    for (std::size_t const width : {1u, 2u, 64u}) {
        blocking_pool pool{width};
        CHECK(conformance::of_executor(pool) == broken{});
    }
}
