#include <muster/os/relax.hpp>

#include "catch.hpp"

#include <atomic>    // what the loop looks at
#include <thread>    // jthread

using namespace muster;

static_assert(noexcept(relax()));

TEST_CASE("relax: a loop of it sees what another thread writes", "[os][relax]") {
    std::atomic<int> said{0};
    std::jthread other{[&] { said = 1; }};
    while (said == 0) relax();
    CHECK(said == 1);
}
