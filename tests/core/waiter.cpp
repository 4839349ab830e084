#include <muster/core/waiter.hpp>

#include "catch.hpp"

#include <limits>
#include <thread>
#include <vector>

using namespace muster;
using namespace std::chrono_literals;

namespace {

// Time that stands still until somebody waits: then it jumps to the end of the wait.
struct jumping_time {
    instant at{};
    std::vector<instant> waits;
    [[nodiscard]] instant now() const { return at; }
    bool wait_until(wait_point& point, instant until) {
        waits.push_back(until);
        if (point.woken()) return true;
        at = until;
        return false;
    }
};

struct ruling_time : jumping_time {
    static constexpr bool rules_time = true;    // executors leave it in place
};

struct no_clock { bool wait_until(wait_point&, instant); };
struct returns_nothing { instant now(); void wait_until(wait_point&, instant); };
struct other_clock { std::chrono::system_clock::time_point now(); bool wait_until(wait_point&, instant); };

}  // namespace

static_assert(waiter<jumping_time>);
static_assert(!waiter<no_clock> && !waiter<returns_nothing> && !waiter<other_clock> && !waiter<int>);
static_assert(!std::copyable<wait_point> && !std::movable<wait_point>);    // others hold references to it
static_assert(!std::constructible_from<waiter_ref, jumping_time>);         // a temporary does not bind

static_assert(later(instant{}, 3s) == instant{} + 3s);
static_assert(later(instant{} + 5s, -3s) == instant{} + 2s);
static_assert(later(instant{}, std::chrono::hours::max()) == never);
static_assert(later(instant{} + 1s, std::chrono::nanoseconds::max()) == never);
static_assert(later(never, 1ns) == never);
static_assert(later(instant::min(), -1ns) == instant::min());
static_assert(later(instant::min(), std::chrono::nanoseconds::max()) < instant{});
static_assert(later(instant{}, std::chrono::hours::min()) == instant::min());
static_assert(later(instant{}, std::chrono::duration<double>{std::numeric_limits<double>::infinity()}) == never);
static_assert(in_nanoseconds(1.5s) == 1'500'000'000ns);
static_assert(in_nanoseconds(std::chrono::years{1'000'000}) == std::chrono::nanoseconds::max());

TEST_CASE("waiter: a wake-up before the wait makes the wait return at once", "[core][waiter]") {
    wait_point point;
    point.wake();
    CHECK(point.woken());
    CHECK(thread_waiter{}.wait_until(point, never));
    CHECK(thread_waiter{}.wait_until(point, never));    // for good
    point.reset();
    CHECK_FALSE(point.woken());
    CHECK_FALSE(thread_waiter{}.wait_until(point, instant::min()));
}

TEST_CASE("waiter: a wait whose time has come returns without a wake-up", "[core][waiter]") {
    wait_point point;
    CHECK_FALSE(thread_waiter{}.wait_until(point, instant::min()));
    CHECK_FALSE(thread_waiter{}.wait_until(point, thread_waiter{}.now()));
}

TEST_CASE("waiter: a nudge makes the blocked thread look once, and is no wake-up", "[core][waiter]") {
    wait_point point;
    point.nudge();
    CHECK_FALSE(point.block_until(never));            // returned because of the nudge
    CHECK_FALSE(point.block_until(instant::min()));   // which is used up
    CHECK_FALSE(point.woken());
    point.nudge();
    CHECK_FALSE(thread_waiter{}.wait_until(point, instant::min()));    // a thread goes on waiting
}

TEST_CASE("waiter: a thread without end of wait is woken by another", "[core][waiter]") {
    for (int round = 0; round < 200; ++round) {
        wait_point point;
        std::jthread waker{[&] { point.wake(); }};
        REQUIRE(thread_waiter{}.wait_until(point, never));
    }
}

TEST_CASE("waiter: the point may go as soon as the waiter has seen the wake-up", "[core][waiter]") {
    // The waker must not touch the point after the waiter could see it; TSan and ASan say if it does.
    for (int round = 0; round < 200; ++round) {
        auto* point = new wait_point;
        std::jthread waker{[point] { point->wake(); }};
        while (!point->woken()) std::this_thread::yield();
        waker.join();
        delete point;
    }
}

TEST_CASE("waiter: nothing named means the calling thread and the steady clock", "[core][waiter]") {
    waiter_ref const plain;
    CHECK(plain == waiter_ref{});
    CHECK_FALSE(plain.rules_time());
    auto const before = std::chrono::steady_clock::now();
    CHECK(plain.now() >= before);
    wait_point point;
    CHECK_FALSE(plain.wait_until(point, instant::min()));
}

TEST_CASE("waiter: a reference asks the waiter that it was made from", "[core][waiter]") {
    jumping_time time, other;
    waiter_ref const by = time;
    CHECK_FALSE(by == waiter_ref{});
    CHECK_FALSE(by.rules_time());
    ruling_time ruler;
    CHECK(waiter_ref{ruler}.rules_time());
    wait_point point;
    CHECK_FALSE(by.wait_until(point, instant{} + 3s));
    CHECK(by.now() == instant{} + 3s);
    CHECK(time.waits == std::vector<instant>{instant{} + 3s});
    waiter_ref const same = by;    // a copy refers to the waiter, not to the reference
    CHECK(same == by);
    CHECK(same == waiter_ref{time});
    CHECK_FALSE(same == waiter_ref{other});
}

TEST_CASE("wait_point: a listener is told once, of a wake-up, an interruption or a nudge", "[core][waiter]") {
    struct counting : wait_listener {
        std::size_t told = 0;
        counting() : wait_listener{[](wait_listener& me) noexcept { ++static_cast<counting&>(me).told; }} {}
    };
    for (auto const end : {&wait_point::wake, &wait_point::interrupt, &wait_point::nudge}) {
        wait_point point;
        counting listener;
        REQUIRE(point.listen(listener));
        (point.*end)();
        CHECK(listener.told == 1);
        (point.*end)();
        CHECK(listener.told == 1);
        CHECK_FALSE(point.stop_listening());           // it was told
        CHECK_FALSE(point.listen(listener));           // there is something already
        auto const is_end = end != &wait_point::nudge;
        CHECK(point.look() == is_end);
        CHECK(point.listen(listener) == !is_end);      // a nudge is over once it was looked at
    }
    wait_point point;
    counting listener;
    REQUIRE(point.listen(listener));
    CHECK(point.stop_listening());
    point.wake();
    CHECK(listener.told == 0);
    CHECK(point.look());
}

TEST_CASE("wait_point: on a thread that carries several calls a wait is the carrier's", "[core][waiter]") {
    struct carrier : wait_carrier {
        std::vector<instant> asked;
        carrier() : wait_carrier{[](wait_carrier& me, wait_point& point, instant until) {
            static_cast<carrier&>(me).asked.push_back(until);
            point.wake();
            return point.look();
        }} {}
    } carries;
    CHECK(wait_point::carrier() == nullptr);
    wait_point::carry(&carries);
    wait_point point;
    CHECK(thread_waiter{}.wait_until(point, never));
    std::jthread([] { CHECK(wait_point::carrier() == nullptr); }).join();
    wait_point::carry(nullptr);
    CHECK(carries.asked == std::vector{never});
    CHECK(point.block_until(never));
    CHECK(carries.asked.size() == 1);
}
