#include <muster/core/context.hpp>

#include "catch.hpp"

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

using namespace muster;
using namespace std::chrono_literals;

namespace {

// Time that stands still until somebody waits; counts who reads it.
struct jumping_time {
    instant at{};
    mutable int reads = 0;
    std::vector<instant> waits;
    std::stop_source* stops = nullptr;    // asked to stop in the middle of a wait
    bool wakes = false;                   // wakes the point in the middle of a wait
    [[nodiscard]] instant now() const { ++reads; return at; }
    bool wait_until(wait_point& point, instant until) {
        waits.push_back(until);
        if (stops) stops->request_stop();
        if (wakes) point.wake();
        if (point.woken()) return true;
        at = until;
        return false;
    }
};

using path_of = std::vector<std::size_t>;

}  // namespace

TEST_CASE("context: one that nobody filled in neither stops nor expires", "[core][context]") {
    context const cx;
    CHECK_FALSE(cx.stop_requested());
    CHECK_FALSE(cx.expired());
    CHECK(cx.deadline() == never);
    CHECK(cx.attempt() == 1);
    CHECK(cx.index() == 0);
    CHECK(cx.path().empty());
    CHECK(cx.depth() == 0);
    CHECK(cx.stage().empty());
    CHECK(cx.run() == nullptr);
    CHECK(cx.flights() == nullptr);
    CHECK(cx.from() == origin{});
    CHECK(cx.waiting() == waiter_ref{});
}

TEST_CASE("context: the clock is read only where a deadline is set", "[core][context]") {
    jumping_time time;
    context cx{waiter_ref{time}};
    (void)cx.stop_requested();
    (void)cx.expired();
    (void)context::below(cx).stop_requested();
    CHECK(time.reads == 0);
    auto const guard = cx.change_deadline(instant{} + 1s);
    (void)cx.stop_requested();
    CHECK(time.reads == 1);
}

TEST_CASE("context: a deadline that has come asks to stop, and says which of the two it was", "[core][context]") {
    jumping_time time;
    std::stop_source source;
    context cx{source.get_token(), time};
    auto const guard = cx.change_deadline(instant{} + 2s);
    CHECK_FALSE(cx.stop_requested());
    time.at += 2s;
    CHECK(cx.expired());
    CHECK(cx.stop_requested());
    CHECK(cx.interruption().is(cause::timed_out));
    source.request_stop();
    CHECK(cx.interruption().is(cause::cancelled));    // a stop outranks a deadline
}

TEST_CASE("context: what a policy changes is put back at the end of its scope, innermost first", "[core][context]") {
    context cx;
    run_info const* const no_run = nullptr;
    {
        auto const one = cx.change_deadline(instant{} + 5s);
        auto const two = cx.change_attempt(3);
        auto const three = cx.change_stage("outer");
        {
            auto const four = cx.change_stage("inner");
            auto const five = cx.change_deadline(instant{} + 1s);
            CHECK(cx.stage() == "inner");
            CHECK(cx.deadline() == instant{} + 1s);
        }
        CHECK(cx.stage() == "outer");
        CHECK(cx.deadline() == instant{} + 5s);
        CHECK(cx.attempt() == 3);
        auto const six = cx.change_origin({.source = "log", .offset = 9});
        CHECK(cx.from().offset == 9);
    }
    CHECK(cx.stage().empty());
    CHECK(cx.deadline() == never);
    CHECK(cx.attempt() == 1);
    CHECK(cx.from() == origin{});
    CHECK(cx.run() == no_run);
}

TEST_CASE("context: a policy that throws out of its scope puts the old value back too", "[core][context]") {
    context cx;
    try {
        auto const guard = cx.change_attempt(7);
        throw 1;
    } catch (int) {
    }
    CHECK(cx.attempt() == 1);
}

TEST_CASE("context: one below another inherits stop, deadline, waiter and stage, and starts at attempt 1",
    "[core][context]") {
    jumping_time time;
    std::stop_source source;
    context parent{source.get_token(), time};
    auto const one = parent.change_deadline(instant{} + 4s);
    auto const two = parent.change_attempt(3);
    auto const three = parent.change_stage("parse");
    auto const four = parent.change_origin({.source = "s", .partition = 2});
    auto const child = context::below(parent);
    CHECK(child.deadline() == instant{} + 4s);
    CHECK(child.stage() == "parse");
    CHECK(child.from().partition == 2);
    CHECK(child.waiting() == waiter_ref{time});
    CHECK(child.attempt() == 1);
    source.request_stop();
    CHECK(child.stop_requested());
}

TEST_CASE("context: a child's own deadline leaves its parent's alone", "[core][context]") {
    context parent;
    auto child = context::below(parent);
    auto const guard = child.change_deadline(instant{} + 1s);
    CHECK(parent.deadline() == never);
}

TEST_CASE("context: the path counts verbs, not contexts", "[core][context]") {
    context outermost;
    outermost.item(3);
    auto between = context::below(outermost);      // a policy's own, for a hedged attempt: no item of its own
    auto inner = context::below(between);
    CHECK(inner.index() == 3);
    CHECK(inner.path() == path_of{3});
    CHECK(inner.depth() == 1);
    inner.item(1);
    CHECK(inner.index() == 1);
    CHECK(inner.path() == path_of{3, 1});
    CHECK(inner.depth() == 2);
    CHECK(outermost.path() == path_of{3});
}

TEST_CASE("context: the next item of a verb starts again at attempt 1", "[core][context]") {
    context cx;
    cx.item(0);
    auto const guard = cx.change_attempt(4);
    cx.item(1);
    CHECK(cx.index() == 1);
    CHECK(cx.attempt() == 1);
}

TEST_CASE("context: a stamp says stage, path and attempt", "[core][context]") {
    context outer;
    outer.item(5);
    auto cx = context::below(outer);
    cx.item(2);
    auto const one = cx.change_stage("fetch");
    auto const two = cx.change_attempt(3);
    failure what{cause::threw, "no"};
    cx.stamp(what);
    CHECK(what.stage() == "fetch");
    CHECK(what.path() == path_of{5, 2});
    CHECK(what.attempts() == 3);
}

TEST_CASE("context: a wait ends when woken, and says so", "[core][context]") {
    context const cx;
    wait_point point;
    std::jthread waker{[&] { point.wake(); }};
    CHECK(cx.wait(point) == context::wait_end::woken);
}

TEST_CASE("context: a wait ends when its time has come, at that time and not later", "[core][context]") {
    jumping_time time;
    context const cx{waiter_ref{time}};
    wait_point point;
    CHECK(cx.wait(point, instant{} + 7s) == context::wait_end::elapsed);
    CHECK(time.waits == std::vector<instant>{instant{} + 7s});
}

TEST_CASE("context: a wait past the deadline ends at the deadline, expired", "[core][context]") {
    jumping_time time;
    context cx{waiter_ref{time}};
    auto const guard = cx.change_deadline(instant{} + 2s);
    wait_point point;
    CHECK(cx.wait(point, instant{} + 7s) == context::wait_end::expired);
    CHECK(cx.wait(point) == context::wait_end::expired);
    CHECK(time.waits == std::vector<instant>{instant{} + 2s, instant{} + 2s});
    CHECK(time.at == instant{} + 2s);
}

TEST_CASE("context: a stop ends a wait without end, from before and from another thread", "[core][context]") {
    std::stop_source before;
    before.request_stop();
    wait_point first;
    CHECK(context{before.get_token()}.wait(first) == context::wait_end::stopped);

    for (int round = 0; round < 100; ++round) {
        std::stop_source source;
        context const cx{source.get_token()};
        wait_point point;
        std::jthread stopper{[&] { source.request_stop(); }};
        REQUIRE(cx.wait(point) == context::wait_end::stopped);
    }
}

TEST_CASE("context: a pause takes its time and no more", "[core][context]") {
    jumping_time time;
    context const cx{waiter_ref{time}};
    CHECK(cx.pause(3s).has_value());
    CHECK(time.at == instant{} + 3s);
    CHECK(cx.pause(0s).has_value());
    CHECK(cx.pause(-5s).has_value());
    CHECK(time.at == instant{} + 3s);
    CHECK(time.waits.size() == 1);
}

TEST_CASE("context: a pause cut short by the deadline has timed out, by a stop is cancelled", "[core][context]") {
    jumping_time time;
    std::stop_source source;
    context cx{source.get_token(), time};
    auto const guard = cx.change_deadline(instant{} + 1s);
    auto const late = cx.pause(3s);
    REQUIRE_FALSE(late);
    CHECK(late.error().is(cause::timed_out));
    CHECK(time.at == instant{} + 1s);

    time.stops = &source;
    auto const stopped = cx.pause(3s);
    REQUIRE_FALSE(stopped);
    CHECK(stopped.error().is(cause::cancelled));
}

TEST_CASE("context: a pause without end is ended by a stop", "[core][context]") {
    std::stop_source source;
    context const cx{source.get_token()};
    std::jthread stopper{[&] { source.request_stop(); }};
    CHECK(cx.pause(std::chrono::nanoseconds::max()).error().is(cause::cancelled));
}

TEST_CASE("context: retries below a verb are counted where it says, and nowhere where none does", "[core][context]") {
    context cx;
    cx.note_retry();
    std::atomic<std::uint64_t> outer{0}, inner{0};
    cx.count_retries(&outer);
    auto child = context::below(cx);
    child.note_retry();
    child.count_retries(&inner);
    child.note_retry();
    child.note_retry();
    cx.note_retry();
    CHECK(outer == 2);
    CHECK(inner == 2);
}
