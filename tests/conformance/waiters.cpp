#include <muster/testing/conformance.hpp>

#include "catch.hpp"

#include <muster/testing/manual_time.hpp>
#include <muster/testing/recorder.hpp>

using namespace muster;
using testing::conformance;
using broken = conformance::broken;

TEST_CASE("conformance: waiters", "[conformance]") {
    thread_waiter real;
    CHECK(conformance::of_waiter(real) == broken{});
    waiter_ref by;
    CHECK(conformance::of_waiter(by) == broken{});
    testing::manual_time standing, jumping{testing::manual_time::jumping};
    CHECK(conformance::of_waiter(standing) == broken{});
    CHECK(conformance::of_waiter(jumping) == broken{});
}

TEST_CASE("conformance: the recorder as an observer", "[conformance]") {
    testing::recorder seen;
    CHECK(conformance::of_observer(seen) == broken{});
    CHECK(seen.records().size() == 500);
}
