#include <muster/exec/thread_pool.hpp>

#include "catch.hpp"
#include "testing/event.hpp"
#include "testing/no_threads.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

using namespace muster;
using testing::crowd;
using testing::event;
using testing::meeting;

namespace {

// Each item below `n` once, whatever the ranges.
template <class Each>
auto items(Each each) {
    return [each](std::size_t first, std::size_t last) {
        for (; first != last; ++first) each(first);
    };
}

void recurse(thread_pool& pool, unsigned depth, std::atomic<std::size_t>& leaves) {
    if (depth == 0) {
        ++leaves;
        return;
    }
    pool.bulk(3, 3, items([&, depth](std::size_t) { recurse(pool, depth - 1, leaves); }));
}

}  // namespace

static_assert(executor<thread_pool> && has_waiter<thread_pool>);    // not in the header: whoever includes it would compile a loop for it
static_assert(!std::copyable<thread_pool> && !std::movable<thread_pool>);    // it has identity

TEST_CASE("thread_pool: bulk calls each item once, and has returned when all have", "[exec]") {
    for (std::size_t const workers : {1u, 2u, 64u}) {
        thread_pool pool{workers};
        for (std::size_t const n : {0u, 1u, 2u, 3u, 63u, 64u, 65u, 1'000u, 100'000u})
            for (std::size_t const width : {0u, 1u, 2u, 3u, 64u, 1'000u}) {
                std::vector<unsigned char> seen(n);    // plain: what was written is visible after bulk
                pool.bulk(n, width, items([&](std::size_t i) { ++seen[i]; }));
                CHECK(seen == std::vector<unsigned char>(n, 1));
            }
    }
}

TEST_CASE("thread_pool: as many items run at once as it has workers, the caller's among them", "[exec]") {
    for (std::size_t const workers : {2u, 7u, 64u}) {
        thread_pool pool{workers};
        meeting all{workers};
        std::atomic<std::size_t> met{0};
        pool.bulk(workers, workers, items([&](std::size_t) { met += all.arrive(); }));
        CHECK(met == workers);
        CHECK(pool.started() <= workers);
    }
}

TEST_CASE("thread_pool: never more items at once than the width of the call or of the pool", "[exec]") {
    thread_pool pool{6};
    for (std::size_t const width : {1u, 2u, 3u, 6u, 50u}) {
        crowd inside;
        pool.bulk(500, width, items([&](std::size_t) {
            crowd::visit const here(inside);
            std::this_thread::yield();
        }));
        CHECK(inside.most() <= std::min<std::size_t>(width, 6));
    }
}

TEST_CASE("thread_pool: nested bulks end, six deep, on 1, 2 and 64 workers", "[exec]") {
    for (std::size_t const workers : {1u, 2u, 64u}) {
        thread_pool pool{workers};
        std::atomic<std::size_t> leaves{0};
        recurse(pool, 6, leaves);
        CHECK(leaves == 729);
    }
}

TEST_CASE("thread_pool: a nested bulk under a lock runs no stranger's item on the thread that holds it", "[exec]") {
    for (std::size_t const workers : {1u, 2u, 3u, 16u}) {
        thread_pool pool{workers};
        std::mutex one_at_a_time;
        static thread_local bool holding = false;
        std::atomic<std::size_t> strangers{0}, inner{0};
        pool.bulk(60, workers, items([&](std::size_t) {
            strangers += holding;    // would lock a second time: undefined, in practice for ever
            std::lock_guard const lock(one_at_a_time);
            holding = true;
            pool.bulk(20, workers, items([&](std::size_t) { ++inner; }));
            holding = false;
        }));
        CHECK(strangers == 0);
        CHECK(inner == 1'200);
    }
}

TEST_CASE("thread_pool: whoever joins helps with what its own items started", "[exec]") {
    // The caller is done with its item when the other one starts two that must meet, and no further thread can be had.
    for (int round = 0; round < 100; ++round) {
        thread_pool pool{2};
        meeting both{2}, two{2};
        std::atomic<std::size_t> met{0};
        auto const caller = std::this_thread::get_id();
        pool.bulk(2, 2, items([&](std::size_t) {
            met += both.arrive();
            if (std::this_thread::get_id() == caller) return;
            testing::no_threads const none;
            pool.bulk(2, 2, items([&](std::size_t) { met += two.arrive(); }));
        }));
        REQUIRE(met == 4);
    }
}

TEST_CASE("thread_pool: takes bulks from many more threads than it has workers", "[exec]") {
    for (std::size_t const workers : {1u, 2u, 4u}) {
        thread_pool pool{workers};
        std::atomic<std::size_t> done{0};
        {
            std::vector<std::jthread> callers;
            for (int c = 0; c < 32; ++c)
                callers.emplace_back([&] {
                    for (int round = 0; round < 30; ++round)
                        pool.bulk(9, 4, items([&](std::size_t i) {
                            if (i % 3 == 0) pool.bulk(3, 3, items([&](std::size_t) { ++done; }));
                        }));
                });
        }
        CHECK(done == 32 * 30 * 9);
        CHECK_FALSE(pool.refused());
    }
}

TEST_CASE("thread_pool: two pools may call each other", "[exec]") {
    thread_pool a{2}, b{2};
    std::atomic<std::size_t> leaves{0};
    a.bulk(6, 2, items([&](std::size_t) {
        b.bulk(6, 2, items([&](std::size_t) { a.bulk(6, 2, items([&](std::size_t) { ++leaves; })); }));
    }));
    CHECK(leaves == 216);
}

TEST_CASE("thread_pool: starts no thread before there is work for it, and none for a width of 1 or one item", "[exec]") {
    auto const before = testing::threads_of_process();
    thread_pool pool{64};
    pool.bulk(0, 64, items([](std::size_t) {}));
    pool.bulk(1, 64, items([](std::size_t) {}));
    pool.bulk(1'000, 1, items([](std::size_t) {}));
    CHECK(pool.started() == 0);
    CHECK(testing::threads_of_process() == before);
    thread_pool one{1};
    one.bulk(1'000, 64, items([](std::size_t) {}));
    CHECK(one.started() == 0);
    CHECK(testing::threads_of_process() == before);
}

TEST_CASE("thread_pool: starts no more threads than workers where nobody waits", "[exec]") {
    thread_pool pool{2};
    std::atomic<int> ran{0};
    for (int i = 0; i < 300; ++i) pool.post([&] { ++ran; });
    pool.bulk(300, 2, items([&](std::size_t) { ++ran; }));
    CHECK(pool.started() <= 2);
}

TEST_CASE("thread_pool: the destructor runs out what was posted, and what that posts", "[exec]") {
    for (std::size_t const workers : {1u, 2u, 64u}) {
        std::atomic<int> ran{0};
        {
            thread_pool pool{workers};
            for (int i = 0; i < 200; ++i)
                pool.post([&] {
                    ++ran;
                    pool.post([&] { ++ran; });
                });
        }
        CHECK(ran == 400);
    }
}

TEST_CASE("thread_pool: a job is run while another one blocks, also when only one thread was there and asleep", "[exec]") {
    for (int round = 0; round < 100; ++round) {
        thread_pool pool{2};
        event started, first_done, second_done;
        pool.post([&] { started.set(); });
        REQUIRE(started.wait());    // one thread, about to fall asleep
        pool.post([&] {
            if (second_done.wait()) first_done.set();
        });
        pool.post([&] { second_done.set(); });
        REQUIRE(first_done.wait());
    }
}

TEST_CASE("thread_pool: a job that blocks keeps none of those behind it, though a worker takes short ones by the handful", "[exec]") {
    for (int round = 0; round < 50; ++round) {
        thread_pool pool{2};
        event first_done, last_done, gate, ready;
        pool.post([&] {
            ready.set();
            static_cast<void>(gate.wait());
        });
        REQUIRE(ready.wait());
        std::atomic<int> ran{0};
        for (int i = 0; i < 300; ++i) pool.post([&] { ++ran; });    // all are there before the first is taken
        pool.post([&] {
            if (last_done.wait()) first_done.set();
        });
        for (int i = 0; i < 30; ++i) pool.post([&] { ++ran; });
        pool.post([&] { last_done.set(); });
        gate.set();
        REQUIRE(first_done.wait());
    }
}

TEST_CASE("thread_pool: a job that waits in a policy keeps none of those behind it, also with one worker", "[exec]") {
    for (int round = 0; round < 20; ++round) {
        thread_pool pool{1};
        event through, gate;
        wait_point opened;
        pool.post([&] { static_cast<void>(gate.wait()); });
        for (int i = 0; i < 200; ++i) pool.post([] {});
        pool.post([&] {
            context cx{pool.waiting()};
            if (cx.wait(opened) == context::wait_end::woken) through.set();
        });
        for (int i = 0; i < 10; ++i) pool.post([] {});
        pool.post([&] { opened.wake(); });
        gate.set();
        REQUIRE(through.wait());
    }
}

TEST_CASE("thread_pool: no job is lost where urgent ones come between those taken by the handful and those posted inside", "[exec]") {
    constexpr int each = 20'000;
    std::atomic<int> ran{0};
    {
        thread_pool pool{2};
        std::jthread const urgent([&] {
            for (int i = 0; i < each; ++i) {
                pool.post([&] { ++ran; }, priority::high);
                if (i % 64 == 0) pool.resize(1 + static_cast<std::size_t>(i / 64) % 2);
            }
        });
        for (int i = 0; i < each; ++i)
            pool.post([&] {
                for (int k = 0; k < 3; ++k) pool.post([&] { ++ran; });
                ++ran;
            });
    }
    CHECK(ran == 5 * each);
}

TEST_CASE("thread_pool: jobs from outside are run although those inside post others without end", "[exec]") {
    for (std::size_t const workers : {1u, 2u}) {
        std::atomic<bool> ran{false};
        std::atomic<int> chains{4};
        event begun, over;
        thread_pool pool{workers};    // last: its destructor runs the chains out
        std::function<void()> const again = [&] {
            begun.set();
            if (!ran) pool.post(again);
            else if (--chains == 0) over.set();
        };
        for (int i = 0; i < 4; ++i) pool.post([&] { again(); });
        REQUIRE(begun.wait());
        pool.post([&] { ran = true; });
        REQUIRE(over.wait());
    }
}

TEST_CASE("thread_pool: with a placement every worker finds what lies with any other", "[exec]") {
    for (std::size_t const placed : {2u, 4u}) {
        worker_placement where;
        for (std::size_t i = 0; i < placed; ++i) where.cpus.push_back(i);
        for (std::size_t i = 0; i < placed; ++i)    // the farthest first, none of them bound
            for (std::size_t k = placed - 1; k > 0; --k) where.near.push_back((i + k) % placed);
        for (std::size_t const workers : {2u, 3u, 6u}) {
            thread_pool pool{{.workers = workers, .placement = where}};
            std::vector<event> done(workers);
            std::atomic<std::size_t> blocked{0};
            for (std::size_t i = 0; i + 1 < workers; ++i)    // all but one block; what each needs lies in its own queue
                pool.post([&, i] {
                    pool.post([&, i] { done[i].set(); });
                    blocked += done[i].wait();
                    if (blocked == workers - 1) done[workers - 1].set();
                });
            REQUIRE(done[workers - 1].wait());
        }
    }
}

TEST_CASE("thread_pool: to grow starts the threads that what waits needs", "[exec]") {
    thread_pool pool{1};
    event blocks, second_done, first_done;
    pool.post([&] {
        blocks.set();
        if (second_done.wait()) first_done.set();
    });
    REQUIRE(blocks.wait());
    pool.post([&] { second_done.set(); });
    pool.resize(2);
    REQUIRE(first_done.wait());
}

TEST_CASE("thread_pool: posts jobs of any size and alignment, and from threads that are gone when they run", "[exec]") {
    std::atomic<int> right{0};
    {
        thread_pool pool{2};
        event gate;
        pool.post([&] { static_cast<void>(gate.wait()); });
        pool.post([&] { static_cast<void>(gate.wait()); });
        std::thread([&] {
            std::array<char, 2'000> large;
            large.fill('x');
            struct alignas(128) aligned { int value = 7; } const wide;
            std::array<char, 100> small;
            small.fill('y');
            for (int i = 0; i < 100; ++i) {
                pool.post([&right, large] { right += large[1'999] == 'x'; });
                pool.post([&right, wide] { right += wide.value == 7 && reinterpret_cast<std::uintptr_t>(&wide) % 128 == 0; });
                pool.post([&right, small] { right += small[99] == 'y'; });
            }
        }).join();
        gate.set();
    }
    CHECK(right == 300);
}

TEST_CASE("thread_pool: a job that cannot be moved into the queue is the caller's failure, and nothing is left of it", "[exec]") {
    struct throws_when_moved {
        std::shared_ptr<int> held = std::make_shared<int>(1);
        throws_when_moved() = default;
        throws_when_moved(throws_when_moved const&) = default;
        throws_when_moved(throws_when_moved&&) : held() { throw std::runtime_error{"not today"}; }
        void operator()() const {}
    };
    thread_pool pool{1};
    throws_when_moved const job;
    CHECK_THROWS_AS(pool.post(throws_when_moved{job}), std::runtime_error);
    CHECK(job.held.use_count() == 1);
    event ran;
    pool.post([&] { ran.set(); });
    CHECK(ran.wait());
}

TEST_CASE("thread_pool: a worker that waits in a policy lends its place, also the only one", "[exec]") {
    thread_pool pool{1};
    for (int round = 0; round < 50; ++round) {
        wait_point opened;
        event through;
        pool.post([&] {
            context cx{pool.waiting()};
            if (cx.wait(opened) == context::wait_end::woken) through.set();
        });
        pool.post([&] { opened.wake(); });
        REQUIRE(through.wait());
    }
    CHECK(pool.started() == 2);    // one spare, used again and again
}

TEST_CASE("thread_pool: no more spares than the options say", "[exec]") {
    std::array<wait_point, 8> opened;
    std::atomic<int> waiting{0};
    thread_pool pool{{.workers = 1, .spares = 3}};
    event four;
    for (auto& point : opened)
        pool.post([&] {
            if (++waiting == 4) four.set();
            context cx{pool.waiting()};
            (void)cx.wait(point);
        });
    REQUIRE(four.wait());
    CHECK(pool.started() == 4);
    for (auto& point : opened) point.wake();
}

TEST_CASE("thread_pool: a wait through the pool ends at its time, and at once where it was woken before", "[exec]") {
    thread_pool pool{1};
    event checked;
    pool.post([&] {
        wait_point point;
        CHECK_FALSE(pool.waiting().wait_until(point, pool.waiting().now()));
        point.wake();
        CHECK(pool.waiting().wait_until(point, never));
        checked.set();
    });
    CHECK(checked.wait());
    wait_point outside;
    outside.wake();
    CHECK(pool.waiting().wait_until(outside, never));
    CHECK_FALSE(pool.waiting().rules_time());
}

TEST_CASE("thread_pool: the destructor joins a spare that fell asleep again while work was queued", "[exec]") {
    for (int round = 0; round < 200; ++round) {
        std::optional<thread_pool> pool{1};
        wait_point opened;
        event through, blocked, go_on;
        pool->post([&] {
            context cx{pool->waiting()};
            if (cx.wait(opened) == context::wait_end::woken) through.set();
        });
        pool->post([&] { opened.wake(); });
        REQUIRE(through.wait());    // a worker and a spare
        pool->post([&] {
            blocked.set();
            (void)go_on.wait();
        });
        REQUIRE(blocked.wait());
        std::atomic<bool> ran{false};
        pool->post([&] { ran = true; });
        event gone;
        std::jthread const destroyer([&] {
            pool.reset();
            gone.set();
        });
        if (round % 2) std::this_thread::yield();
        go_on.set();
        REQUIRE(gone.wait());
        CHECK(ran);
    }
}

TEST_CASE("thread_pool: a job that waits for another one gets its spare also while the pool is closing", "[exec]") {
    for (int round = 0; round < 50; ++round) {
        std::atomic<bool> through{false};
        event gone;
        std::jthread const owner([&] {
            {
                wait_point opened;
                event closing;
                thread_pool pool{1};
                pool.post([&] {
                    (void)closing.wait();
                    context cx{pool.waiting()};
                    through = cx.wait(opened) == context::wait_end::woken;
                });
                pool.post([&] { opened.wake(); });
                closing.set();
            }
            gone.set();
        });
        REQUIRE(gone.wait());
        CHECK(through);
    }
}

TEST_CASE("thread_pool: where no thread can be started the callers do the work, and refused() says so", "[exec]") {
    testing::no_threads const none;
    thread_pool pool{8};
    CHECK_FALSE(pool.refused());
    std::size_t done = 0;    // plain: there is one thread
    pool.bulk(100, 8, items([&](std::size_t) { pool.bulk(2, 2, items([&](std::size_t) { ++done; })); }));
    CHECK(done == 200);
    CHECK(pool.refused());
    CHECK(pool.started() == 0);
}

TEST_CASE("thread_pool: a posted job runs also where no thread can be started", "[exec]") {
    testing::no_threads const none;
    thread_pool pool{8};
    bool ran = false;
    pool.post([&] { ran = true; });
    CHECK(ran);
    CHECK(pool.submit([] { return 42; }).get() == 42);
    CHECK(pool.refused());
}

TEST_CASE("thread_pool: threads that could not be started are started when they can be", "[exec]") {
    thread_pool pool{2};
    {
        testing::no_threads const none;
        pool.bulk(10, 2, items([](std::size_t) {}));
        CHECK(pool.started() == 0);
    }
    meeting two{2};
    std::atomic<int> met{0};
    pool.bulk(2, 2, items([&](std::size_t) { met += two.arrive(); }));
    CHECK(met == 2);
}

TEST_CASE("thread_pool: prepare starts one thread to see whether there are any, and says how wide a run can be", "[exec]") {
    thread_pool pool{8};
    CHECK(pool.prepare(1) == 1);
    CHECK(pool.started() == 0);
    CHECK(pool.prepare(3) == 3);
    CHECK(pool.started() == 1);
    CHECK(pool.prepare(100) == 8);
    CHECK(pool.started() == 1);
    thread_pool another{8};
    testing::no_threads const none;
    CHECK(another.prepare(8) == 1);
}

TEST_CASE("thread_pool: a loop that was short stays with its caller, until one of its items waits", "[exec]") {
    thread_pool pool{{.workers = 4, .spares = 0}};
    bool waits = false;
    std::array<wait_point, 3> entered;
    std::atomic<int> elsewhere{0}, met{0};
    auto const caller = std::this_thread::get_id();
    auto const body = items([&](std::size_t i) {
        elsewhere += std::this_thread::get_id() != caller;
        if (!waits) return;
        entered[i].wake();    // each waits for the next one: they end only side by side
        context const cx{pool.waiting()};
        met += cx.wait(entered[(i + 1) % 3]) == context::wait_end::woken;
    });
    for (int i = 0; i < 1'000; ++i) pool.bulk(3, 4, body);
    elsewhere = 0;
    int alone = 0;
    for (int i = 0; i < 100; ++i) {
        pool.bulk(3, 4, body);
        alone += elsewhere.exchange(0) == 0;
    }
    CHECK(alone > 0);
    waits = true;
    for (int round = 0; round < 20; ++round) {
        for (auto& each : entered) each.reset();
        met = 0;
        pool.bulk(3, 4, body);
        REQUIRE(met == 3);
    }
}

TEST_CASE("thread_pool: items that wait at the same time offer the loop around theirs once", "[exec]") {
    detail::crew pool{3, 64};    // under the pool, where a loop can be offered at once whatever the last ones took
    std::atomic<bool> nested{false};
    std::atomic<std::size_t> calls{0};
    auto const body = items([&](std::size_t) {
        if (++calls != 1 || !nested) return;
        std::atomic<std::size_t> there{0};
        meeting together{2};
        pool.bulk(2, 2, items([&](std::size_t) {
            wait_point over;
            over.wake();
            if (!together.arrive()) return;
            ++there;
            while (there != 2) std::this_thread::yield();    // both wait within less than a wake-up takes
            (void)pool.wait_until(over, never);
        }));
    });
    for (int round = 0; round < 1'000; ++round) {
        nested = false;
        for (int i = 0; i < 30; ++i) pool.bulk_if_worth_it(4, 3, body);    // so short that the next one stays with its caller
        calls = 0;
        nested = true;
        pool.bulk_if_worth_it(4, 3, body);
        CHECK(calls == 4);
    }
}

TEST_CASE("thread_pool: while it is closing, a job that waits for one it posts gets a thread also after others had no work", "[exec]") {
    wait_point left;    // a worker has ended
    struct farewell {
        wait_point* to = nullptr;
        ~farewell() {
            if (to) to->wake();
        }
    };
    outcome<int> answer;
    {
        meeting both{2};
        event closing;
        thread_pool pool{2};
        pool.post([&] {
            (void)both.arrive();
            (void)closing.wait();
            (void)thread_waiter{}.wait_until(left, later(thread_waiter{}.now(), std::chrono::milliseconds{50}));
            context cx{pool.waiting()};
            auto const until = cx.change_deadline(later(cx.now(), testing::longest_wait));
            answer = pool.submit([] { return 1; }).get(cx);
        });
        pool.post([&] {
            static thread_local farewell bye;
            bye.to = &left;
            (void)both.arrive();
        });
        closing.set();
    }
    CHECK(answer == 1);
}

TEST_CASE("thread_pool: a worker that waits below the items of another pool lends its place", "[exec]") {
    thread_pool narrow{1}, wide{2};
    outcome<int> waited[2];
    auto const outer = narrow.submit([&] {
        wide.bulk(2, 2, items([&](std::size_t i) {
            context cx{narrow.waiting()};
            auto const until = cx.change_deadline(later(cx.now(), testing::longest_wait));
            waited[i] = narrow.submit([] { return 1; }).get(cx);
        }));
        return 0;
    }).get();
    CHECK(outer == 0);
    CHECK(waited[0] == 1);
    CHECK(waited[1] == 1);
}

TEST_CASE("thread_pool: grows and shrinks while it is used", "[exec]") {
    thread_pool pool{{.workers = 1, .spares = 0, .most_workers = 6}};
    CHECK(pool.width() == 1);
    CHECK(pool.resize(4) == 4);
    meeting four{4};
    std::atomic<std::size_t> met{0};
    pool.bulk(4, 4, items([&](std::size_t) { met += four.arrive(); }));
    CHECK(met == 4);
    CHECK(pool.resize(0) == 1);
    CHECK(pool.resize(100) == 6);
    CHECK(pool.resize(2) == 2);
    crowd inside;
    pool.bulk(200, 6, items([&](std::size_t) {
        crowd::visit const here(inside);
        std::this_thread::yield();
    }));
    CHECK(inside.most() <= 2);
    // From within, from outside, under way: nothing is lost.
    std::atomic<std::size_t> done{0};
    {
        std::jthread const turning([&](std::stop_token stop) {
            for (std::size_t n = 1; !stop.stop_requested(); n = n % 6 + 1) pool.resize(n);
        });
        for (int round = 0; round < 300; ++round) {
            pool.bulk(50, 6, items([&](std::size_t i) {
                if (i == 7) pool.resize(1 + static_cast<std::size_t>(round) % 6);
                ++done;
            }));
            done += pool.run([](worker w) { return join(w, [](worker) { return 1u; }, [](worker) { return 1u; }).second; }).value();
        }
    }
    CHECK(done == 300 * 51);
}

TEST_CASE("thread_pool: warm_up starts all workers, and they have worked", "[exec]") {
    thread_pool pool{3};
    std::atomic<int> called{0};
    pool.warm_up([&] { ++called; });
    CHECK(called == 4);    // by the caller too
    CHECK(pool.started() == 3);
    thread_pool one{{.workers = 1, .spares = 0}};
    one.warm_up();
    CHECK(one.submit([&] { return one.warm_up(), 1; }).get().value() == 1);    // also in its only worker
    CHECK(one.run([] { return 1; }).value() == 1);
    testing::no_threads const none;
    thread_pool refused{4};
    std::string order;
    refused.post([&] {    // on the caller, who then looks for more
        for (auto const how : {priority::low, priority::normal, priority::high}) refused.post([&order, how] { order += "lnh"[static_cast<int>(how)]; }, how);
    });
    CHECK(order.size() == 3);
    refused.warm_up();
    CHECK(refused.refused());
}

TEST_CASE("thread_pool: in a child of fork the end waits for nobody, and the parent has lost nothing", "[exec][forks]") {
    auto pool = std::make_unique<thread_pool>(2);
    event ran;
    pool->post([&] { ran.set(); });
    REQUIRE(ran.wait());
    auto const child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::alarm(60);    // what hangs is killed
        pool.reset();
        ::_exit(7);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 7);
    std::atomic<int> here{0};
    pool->bulk(100, 2, items([&](std::size_t) { ++here; }));
    CHECK(here == 100);
}

TEST_CASE("thread_pool: tells what its workers did", "[exec]") {
    thread_pool pool{2};
    std::atomic<bool> taken{false};
    (void)pool.run([&](worker w) {
        join(w, [&](worker in) { while (!taken) join(in, [](worker) {}, [](worker) {}); }, [&](worker) { taken = true; });
    });
    std::uint64_t shared = 0, ran = 0;
    for (std::size_t i = 0; i <= pool.started(); ++i) shared += pool.stats(i).shared, ran += pool.stats(i).taken;
    CHECK(shared >= 1);
    CHECK(ran >= 1);
    CHECK(ran <= shared);
}
