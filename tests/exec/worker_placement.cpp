#include <muster/exec/worker_placement.hpp>

#include "catch.hpp"
#include "testing/event.hpp"

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <thread>
#include <vector>

#include <muster/exec/thread_pool.hpp>
#include <muster/os/affinity.hpp>

using namespace muster;
using testing::meeting;

TEST_CASE("worker_placement: workers are bound where it says, and a CPU that is not there changes nothing", "[exec]") {
    auto const cpus = affinity::of_thread().cpus();
    thread_pool pool{{.workers = 3, .spares = 0, .placement = {.cpus = {cpus.front(), 60'000}, .near = {1, 0}, .bind = [](std::size_t cpu) { (void)pin_to(cpu); }}}};
    auto const caller = std::this_thread::get_id();
    meeting all{3};
    std::mutex mutex;
    std::vector<std::size_t> bound_to;
    pool.bulk(3, 3, [&](std::size_t, std::size_t) {
        (void)all.arrive();
        if (std::this_thread::get_id() == caller) return;
        std::lock_guard const lock(mutex);
        bound_to.push_back(affinity::of_thread().count());
    });
    CHECK(std::count(bound_to.begin(), bound_to.end(), 1u) >= 1);
    CHECK(affinity::of_thread().cpus() == cpus);    // the caller's own are left alone
}
