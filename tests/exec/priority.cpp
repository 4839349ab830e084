#include <muster/exec/priority.hpp>

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "catch.hpp"
#include "testing/event.hpp"

#include <muster/exec/thread_pool.hpp>

using namespace muster;
using testing::event;

TEST_CASE("priority: what is urgent is begun before all that waits, what can wait after it", "[exec]") {
    thread_pool pool{1};
    event started, gate;
    pool.post([&] {
        started.set();
        static_cast<void>(gate.wait());
    });
    REQUIRE(started.wait());
    std::string order;    // the one worker's
    for (int i = 0; i < 5; ++i) {
        for (int k = 0; k < 4; ++k) pool.post([&] { order += 'n'; });
        pool.post([&] { order += 'l'; }, priority::low);
        pool.post([&] { order += 'h'; }, priority::high);
    }
    auto last = pool.submit([&] { order += 'L'; }, priority::low);
    gate.set();
    REQUIRE(last.get());
    CHECK(order == "hhhhh" + std::string(20, 'n') + "lllllL");
}

TEST_CASE("priority: what is urgent overtakes short jobs that a worker has taken by the handful", "[exec]") {
    thread_pool pool{1};
    event gate, over;
    std::vector<int> order;
    pool.post([&] { static_cast<void>(gate.wait()); });
    for (int i = 0; i < 500; ++i)
        pool.post([&, i] {
            order.push_back(i);
            if (i == 400) pool.post([&] { order.push_back(-1); }, priority::high);
            if (i == 499) over.set();
        });
    gate.set();
    REQUIRE(over.wait());
    REQUIRE(order.size() >= 402);
    CHECK(order[400] == 400);
    CHECK(order[401] == -1);
}

TEST_CASE("priority: what can wait is run although other work never ends", "[exec]") {
    for (std::size_t const workers : {1u, 2u}) {
        std::atomic<bool> ran{false};
        std::atomic<int> chains{4};
        event over;
        thread_pool pool{workers};    // last: its destructor runs the chains out
        std::function<void()> const again = [&] {
            if (!ran) pool.post(again);
            else if (--chains == 0) over.set();
        };
        for (int i = 0; i < 4; ++i) pool.post([&] { again(); });
        pool.post([&] { ran = true; }, priority::low);
        REQUIRE(over.wait());
    }
}
