#include <muster/os/thread_stripe.hpp>

#include "catch.hpp"

#include <array>
#include <cstddef>
#include <thread>

using namespace muster;

TEST_CASE("thread_stripe: is the same each time, and another one in each of as many threads as there are", "[os][thread_stripe]") {
    std::array<std::size_t, thread_stripes> seen{};
    std::size_t moved = 0, outside = 0;
    for (std::size_t i = 0; i < thread_stripes; ++i)
        std::thread{[&] {
            auto const mine = thread_stripe();
            if (mine < thread_stripes) ++seen[mine];
            else ++outside;
            moved += thread_stripe() != mine;
        }}.join();
    CHECK(outside == 0);
    CHECK(moved == 0);
    for (auto const each : seen) CHECK(each == 1);
}
