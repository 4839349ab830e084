#include <muster/adapt/fiber_thread_options.hpp>

#include "catch.hpp"

#include <type_traits>

using namespace muster;

static_assert(std::is_aggregate_v<fiber_thread_options>);

TEST_CASE("fiber_thread_options: the defaults fit into the memory maps that Linux allows, and compare", "[adapt][fibers]") {
    constexpr fiber_thread_options usual;
    static_assert(usual.most * 2 < 65'530);
    CHECK(usual == fiber_thread_options{.stack = 256 * KiB, .most = 10'000});
    CHECK_FALSE(usual == fiber_thread_options{.most = 5'000});
}
