#include <muster/route/hash_ring_options.hpp>

#include "catch.hpp"

using namespace muster;
using namespace std::chrono_literals;

TEST_CASE("hash_ring_options: as they are, a node that is back is probed within a second", "[route]") {
    CHECK(hash_ring_options{}.probe_every < 1s);
    CHECK(hash_ring_options{} == hash_ring_options{.failures = 3, .probe_every = 500ms, .choices = 3});
}
