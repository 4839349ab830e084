#include <muster/testing/manual_time.hpp>

#include "catch.hpp"

#include <thread>

#include <muster/core/context.hpp>

using namespace muster;
using namespace std::chrono_literals;
using testing::manual_time;

static_assert(!std::copyable<manual_time>);

TEST_CASE("manual_time: stands still until it is moved", "[testing]") {
    manual_time time;
    auto const start = time.now();
    CHECK(time.now() == start);
    time.advance(3s);
    CHECK(time.now() == start + 3s);
    time.advance(std::chrono::nanoseconds::max());
    CHECK(time.now() == never);
}

TEST_CASE("manual_time: a wait blocks until advance reaches its end, and no sooner", "[testing]") {
    manual_time time;
    context cx{time};
    outcome<void> paused = failure{};
    std::jthread waiter([&] { paused = cx.pause(10s); });
    CHECK(time.until_waiting(1) == 1);
    time.advance(10s - 1ns);
    CHECK(time.waiting() == 1);
    time.advance(1ns);
    waiter.join();
    CHECK(paused.has_value());
    CHECK(time.waiting() == 0);
    CHECK(time.waits() == std::vector<std::chrono::nanoseconds>{10s});
}

TEST_CASE("manual_time: a wait ends when it is woken, stopped, or at its deadline", "[testing]") {
    manual_time time;
    wait_point point;
    context::wait_end end{};
    std::jthread woken([&] { end = context{time}.wait(point); });
    time.until_waiting(1);
    point.wake();
    woken.join();
    CHECK(end == context::wait_end::woken);

    std::stop_source stop;
    outcome<void> paused;
    std::jthread stopped([&] { paused = context{stop.get_token(), time}.pause(1h); });
    time.until_waiting(1);
    stop.request_stop();
    stopped.join();
    CHECK(paused.error().is(cause::cancelled));

    std::jthread late([&] {
        context cx{time};
        auto const until = cx.change_deadline(later(time.now(), 2s));
        paused = cx.pause(1h);
    });
    time.until_waiting(1);
    time.advance(2s);
    late.join();
    CHECK(paused.error().is(cause::timed_out));
}

TEST_CASE("manual_time: jumping, a single thread runs through its waits at once", "[testing]") {
    manual_time time{manual_time::jumping};
    context cx{time};
    auto const start = time.now();
    CHECK(cx.pause(1h).has_value());
    CHECK(cx.pause(5min).has_value());
    CHECK(time.now() - start == 65min);
    CHECK(time.waits() == std::vector<std::chrono::nanoseconds>{1h, 5min});
}

TEST_CASE("manual_time: jumping, a wait that was woken or stopped before takes no time", "[testing]") {
    manual_time time{manual_time::jumping};
    auto const start = time.now();
    wait_point point;
    point.wake();
    CHECK(context{time}.wait(point, start + 1h) == context::wait_end::woken);
    std::stop_source stop;
    stop.request_stop();
    CHECK(context{stop.get_token(), time}.pause(1h).error().is(cause::cancelled));
    CHECK(time.now() == start);
}
