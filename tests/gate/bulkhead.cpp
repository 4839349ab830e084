#include <muster/gate/bulkhead.hpp>

#include "catch.hpp"
#include "testing/event.hpp"

#include <atomic>
#include <limits>
#include <optional>
#include <thread>
#include <vector>

#include <muster/testing/manual_time.hpp>

using namespace muster;
using namespace std::chrono_literals;
using testing::event;
using testing::manual_time;

static_assert(!std::copyable<bulkhead> && !std::movable<bulkhead>);

namespace {

// A call that waits for a permit on a thread of its own, and keeps it until it is told to go.
struct visitor {
    visitor(bulkhead& room, manual_time& time, double weight = 1, std::stop_token stop = {}, instant deadline = never)
        : thread([this, &room, &time, weight, stop, deadline] {
              context cx{stop, time};
              auto const until = cx.change_deadline(deadline);
              auto permit = room.acquire(cx, weight);
              if (!permit) why = permit.error();
              answered.set();
              (void)leave.wait();
          }) {}
    visitor(visitor const&) = delete;
    visitor& operator=(visitor const&) = delete;
    ~visitor() { leave.set(); }

    event answered, leave;
    outcome<void> why;
    std::jthread thread;
};

}  // namespace

TEST_CASE("bulkhead: never lets more in than it may, and is empty at the end", "[gate]") {
    bulkhead room{3};
    testing::crowd inside;
    std::atomic<int> entered{0};
    {
        std::vector<std::jthread> callers;
        for (int c = 0; c < 16; ++c)
            callers.emplace_back([&] {
                context cx;
                for (int i = 0; i < 200; ++i) {
                    auto const permit = room.acquire(cx);
                    entered += permit.has_value();
                    testing::crowd::visit const here(inside);
                    std::this_thread::yield();
                }
            });
    }
    CHECK(entered == 3'200);
    CHECK(inside.most() <= 3);
    CHECK(room.peak() <= 3);
    CHECK(room.inside() == 0);
    CHECK(room.waiting() == 0);
}

TEST_CASE("bulkhead: weights add up, and fractions leave nothing behind", "[gate]") {
    bulkhead room{1};
    context cx;
    for (int round = 0; round < 100; ++round) {
        std::vector<outcome<bulkhead::permit>> held;
        for (int i = 0; i < 10; ++i) held.push_back(room.acquire(cx, 0.1));
        for (auto const& one : held) REQUIRE(one.has_value());
        CHECK(room.inside() == Approx(1));
    }
    CHECK(room.inside() == 0);
    CHECK(room.peak() == Approx(1));
}

TEST_CASE("bulkhead: waiters enter first come first served, and light ones do not overtake a heavy one", "[gate]") {
    manual_time time;
    bulkhead room{2};
    context own{time};
    std::optional<outcome<bulkhead::permit>> first{room.acquire(own)}, second{room.acquire(own)};
    visitor heavy{room, time, 2};
    time.until_waiting(1);
    visitor light{room, time, 1};
    time.until_waiting(2);
    first.reset();    // room for the light one, but it is not its turn
    second.reset();
    REQUIRE(heavy.answered.wait());
    CHECK_FALSE(light.answered.is_set());
    heavy.leave.set();
    REQUIRE(light.answered.wait());
    CHECK(light.why.has_value());
}

TEST_CASE("bulkhead: a waiter that is stopped or runs out of time makes way", "[gate]") {
    manual_time time;
    bulkhead room{1};
    context own{time};
    std::optional<outcome<bulkhead::permit>> held{room.acquire(own)};
    std::stop_source stop;
    visitor stopped{room, time, 1, stop.get_token()};
    time.until_waiting(1);
    visitor late{room, time, 1, {}, later(time.now(), 1s)};
    time.until_waiting(2);
    visitor patient{room, time};
    time.until_waiting(3);
    stop.request_stop();
    REQUIRE(stopped.answered.wait());
    CHECK(stopped.why.error().is(cause::cancelled));
    time.advance(1s);
    REQUIRE(late.answered.wait());
    CHECK(late.why.error().is(cause::timed_out));
    CHECK(room.waiting() == 1);
    held.reset();
    REQUIRE(patient.answered.wait());
    CHECK(patient.why.has_value());
}

TEST_CASE("bulkhead: a heavy waiter that gives up lets those behind it in at once", "[gate]") {
    manual_time time;
    bulkhead room{2};
    context own{time};
    auto const held = room.acquire(own);
    visitor heavy{room, time, 2, {}, later(time.now(), 1s)};
    time.until_waiting(1);
    visitor light{room, time};
    time.until_waiting(2);
    time.advance(1s);
    REQUIRE(light.answered.wait());
    CHECK(light.why.has_value());
}

TEST_CASE("bulkhead: one more than may wait is rejected at once, an item heavier than the whole is exhausted", "[gate]") {
    manual_time time;
    bulkhead room{{.inside = 1, .most_waiting = 1}};
    context own{time};
    auto const held = room.acquire(own);
    visitor waits{room, time, 1, {}, later(time.now(), 1s)};
    time.until_waiting(1);
    CHECK(room.acquire(own).error().is(cause::rejected));
    CHECK(room.acquire(own, 1.5).error().is(cause::exhausted));
    time.advance(1s);
    REQUIRE(waits.answered.wait());
}

TEST_CASE("bulkhead: resize acts at once: more enter, or those inside drain first", "[gate]") {
    manual_time time;
    bulkhead room{1};
    context own{time};
    std::optional<outcome<bulkhead::permit>> held{room.acquire(own)};
    visitor a{room, time}, b{room, time};
    time.until_waiting(2);
    room.resize(3);
    REQUIRE(a.answered.wait());
    REQUIRE(b.answered.wait());
    CHECK(room.inside() == 3);
    room.resize(1);
    visitor c{room, time};
    time.until_waiting(1);
    held.reset();
    a.leave.set();
    a.thread.join();
    CHECK(room.inside() == 1);
    CHECK_FALSE(c.answered.is_set());
    b.leave.set();
    REQUIRE(c.answered.wait());
    CHECK(c.why.has_value());
}

TEST_CASE("bulkhead: a waiter that no longer fits after a resize is exhausted, and those behind it go on", "[gate]") {
    manual_time time;
    bulkhead room{3};
    context own{time};
    auto const held = room.acquire(own);
    visitor heavy{room, time, 3};
    time.until_waiting(1);
    visitor light{room, time};
    time.until_waiting(2);
    room.resize(2);
    REQUIRE(heavy.answered.wait());
    CHECK(heavy.why.error().is(cause::exhausted));
    REQUIRE(light.answered.wait());
    CHECK(light.why.has_value());
}

TEST_CASE("bulkhead: may be resized from many threads while others pass", "[gate]") {
    bulkhead room{4};
    std::vector<std::jthread> threads;
    std::atomic<int> entered{0};
    for (int c = 0; c < 4; ++c) {
        threads.emplace_back([&, c] {
            for (int i = 0; i < 200; ++i) room.resize(1 + (i + c) % 4);
        });
        threads.emplace_back([&] {
            context cx;
            for (int i = 0; i < 200; ++i) entered += room.acquire(cx).has_value();
        });
    }
    threads.clear();
    CHECK(entered == 800);
    CHECK(room.inside() == 0);
}

TEST_CASE("bulkhead: a permit is given back once, however it is moved", "[gate]") {
    bulkhead room{2};
    context cx;
    {
        auto a = std::move(*room.acquire(cx));
        auto b = std::move(a);
        CHECK(room.inside() == 1);
        auto c = std::move(*room.acquire(cx));
        c = std::move(b);
    }
    CHECK(room.inside() == 0);
}

TEST_CASE("bulkhead: one that lets nothing in is refused", "[gate]") {
    for (double const bad : {0.0, -1.0, std::numeric_limits<double>::quiet_NaN()}) {
        CHECK_THROWS_AS(bulkhead{bad}, std::invalid_argument);
        bulkhead room{1};
        CHECK_THROWS_AS(room.resize(bad), std::invalid_argument);
    }
}
