#include <muster/exec/blocking_pool.hpp>

#include "catch.hpp"
#include "testing/event.hpp"
#include "testing/no_threads.hpp"

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include <muster/os/cpus.hpp>

using namespace muster;
using testing::crowd;
using testing::event;
using testing::meeting;

namespace {
template <class Each>
auto items(Each each) {
    return [each](std::size_t first, std::size_t last) {
        for (; first != last; ++first) each(first);
    };
}
}  // namespace

static_assert(executor<blocking_pool> && has_waiter<blocking_pool>);    // not in the header: whoever includes it would compile a loop for it
static_assert(!std::copyable<blocking_pool> && !std::movable<blocking_pool>);

TEST_CASE("blocking_pool: as wide as it was made, far wider than the machine", "[exec]") {
    blocking_pool pool{64};
    CHECK(pool.width() == 64);
    meeting all{64};
    std::atomic<std::size_t> met{0};
    pool.bulk(64, 64, items([&](std::size_t) { met += all.arrive(); }));
    CHECK(met == 64);
}

TEST_CASE("blocking_pool: by default at least one thread, and at most twice the granted cores", "[exec]") {
    blocking_pool pool;
    CHECK(pool.width() >= 1);
    CHECK(pool.width() <= 2 * cpus::of_process().granted());
}

TEST_CASE("blocking_pool: the width bounds what is in flight", "[exec]") {
    blocking_pool pool{5};
    crowd inside;
    pool.bulk(500, 400, items([&](std::size_t) {
        crowd::visit const here(inside);
        std::this_thread::yield();
    }));
    CHECK(inside.most() <= 5);
}

TEST_CASE("blocking_pool: threads start when work comes, and no more than wide", "[exec]") {
    auto const before = testing::threads_of_process();
    blocking_pool pool{8};
    pool.bulk(1, 8, items([](std::size_t) {}));
    CHECK(pool.started() == 0);
    CHECK(testing::threads_of_process() == before);
    for (int i = 0; i < 500; ++i) pool.post([] {});
    CHECK(pool.started() >= 1);
    CHECK(pool.started() <= 8);
}

TEST_CASE("blocking_pool: as many jobs run at once as it is wide, whatever the order of waking", "[exec]") {
    for (int round = 0; round < 50; ++round) {
        blocking_pool pool{4};
        event warm;
        pool.post([&] { warm.set(); });
        REQUIRE(warm.wait());
        meeting four{4};
        std::atomic<int> met{0};
        event done;
        for (int i = 0; i < 4; ++i)
            pool.post([&] {
                if (four.arrive() && ++met == 4) done.set();
            });
        REQUIRE(done.wait());
    }
}

TEST_CASE("blocking_pool: nested bulks end, also under a lock, also on one thread", "[exec]") {
    for (std::size_t const width : {1u, 2u, 16u}) {
        blocking_pool pool{width};
        std::mutex one_at_a_time;
        std::atomic<int> inner{0};
        pool.bulk(30, width, items([&](std::size_t) {
            std::lock_guard const lock(one_at_a_time);
            pool.bulk(10, width, items([&](std::size_t) { ++inner; }));
        }));
        CHECK(inner == 300);
    }
}

TEST_CASE("blocking_pool: takes bulks from many more callers than it is wide", "[exec]") {
    blocking_pool pool{2};
    std::atomic<int> done{0};
    {
        std::vector<std::jthread> callers;
        for (int c = 0; c < 48; ++c)
            callers.emplace_back([&] {
                for (int round = 0; round < 20; ++round) pool.bulk(4, 2, items([&](std::size_t) { ++done; }));
            });
    }
    CHECK(done == 48 * 20 * 4);
}

TEST_CASE("blocking_pool: the destructor runs out what was posted", "[exec]") {
    std::atomic<int> ran{0};
    {
        blocking_pool pool{3};
        for (int i = 0; i < 300; ++i) pool.post([&] { ++ran; });
    }
    CHECK(ran == 300);
}

TEST_CASE("blocking_pool: where no thread can be started the callers do the work, and refused() says so", "[exec]") {
    testing::no_threads const none;
    blocking_pool pool{8};
    int done = 0;
    pool.bulk(100, 8, items([&](std::size_t) { ++done; }));
    pool.post([&] { ++done; });
    CHECK(done == 101);
    CHECK(pool.refused());
}
