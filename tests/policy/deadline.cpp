#include <muster/policy/deadline.hpp>

#include "catch.hpp"

#include <muster/core/stage.hpp>
#include <muster/policy/retry.hpp>
#include <muster/testing/manual_time.hpp>

using namespace muster;
using namespace std::chrono_literals;
using testing::manual_time;

static_assert(around_policy<deadline>);
static_assert(deadline{2s} == deadline{2'000ms} && deadline{2s} != deadline{3s});
static_assert([] { constexpr deadline soon{1s}; return soon.after == 1s; }());

namespace {
struct fixture {
    manual_time time{manual_time::jumping};
    context cx{time};
};
}  // namespace

TEST_CASE("deadline: an answer in time is the answer, one that comes late is refused", "[policy]") {
    fixture at;
    auto const takes = [&](std::chrono::nanoseconds how_long) {
        return [&at, how_long](int n) { at.time.advance(how_long); return n; };
    };
    CHECK((deadline{2s} | takes(2s - 1ns))(1, at.cx) == 1);
    auto const late = (deadline{2s} | takes(2s))(1, at.cx);
    REQUIRE_FALSE(late.has_value());
    CHECK(late.error().is(cause::timed_out));
    CHECK(late.error().text() == "the answer came after the deadline of 2s");
    CHECK(at.cx.deadline() == never);    // it is put back
}

TEST_CASE("deadline: the task sees it, and every wait ends with it", "[policy]") {
    fixture at;
    auto const start = at.time.now();
    auto const answer = (deadline{2s} | [](int, context& cx) -> outcome<int> {
        CHECK_FALSE(cx.stop_requested());
        if (auto const paused = cx.pause(1h); !paused) return paused.error();
        return 1;
    })(1, at.cx);
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().is(cause::timed_out));
    CHECK(answer.error().attempts() == 1);
    CHECK(at.time.now() - start == 2s);
}

TEST_CASE("deadline: an earlier one of the caller stays, a later one does not help", "[policy]") {
    fixture at;
    auto const start = at.time.now();
    auto const when = [](int, context& cx) { return cx.deadline(); };
    CHECK((deadline{2s} | deadline{1h} | when)(1, at.cx) == start + 2s);
    CHECK((deadline{1h} | deadline{2s} | when)(1, at.cx) == start + 2s);
    CHECK((deadline{std::chrono::nanoseconds::max()} | when)(1, at.cx) == never);
}

TEST_CASE("deadline: one that has passed, or a stop, refuses without a call", "[policy]") {
    fixture at;
    int calls = 0;
    auto const task = [&](int n) { ++calls; return n; };
    for (auto const none : {0ns, -5ns}) {
        auto const refused = (deadline{none} | task)(1, at.cx);
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().is(cause::timed_out));
        CHECK(refused.error().attempts() == 0);
    }
    std::stop_source stop;
    stop.request_stop();
    context stopped{stop.get_token()};
    CHECK((deadline{1h} | task)(1, stopped).error().is(cause::cancelled));
    CHECK(calls == 0);
}

TEST_CASE("deadline: what failed for another reason keeps it, what was given up because of the time timed out", "[policy]") {
    fixture at;
    auto const fails_late = [&](cause which) {
        return [&at, which](int) -> outcome<int> { at.time.advance(3s); return failure{which, "why"}; };
    };
    CHECK((deadline{2s} | fails_late(cause::invalid_input))(1, at.cx).error().is(cause::invalid_input));
    CHECK((deadline{2s} | fails_late(cause::cancelled))(1, at.cx).error().is(cause::timed_out));
    CHECK((deadline{2s} | fails_late(cause::timed_out))(1, at.cx).error().is(cause::timed_out));
    std::stop_source stop;
    context cx{stop.get_token(), at.time};
    CHECK((deadline{2s} | [&](int) -> outcome<int> {
        stop.request_stop();
        at.time.advance(3s);
        return failure{cause::cancelled, "stopped"};
    })(1, cx).error().is(cause::cancelled));
}

TEST_CASE("deadline: what timed out at the third attempt says three attempts", "[policy]") {
    fixture at;
    auto const answer = (deadline{10s} | retry{.attempts = 5, .delay = 0ns} | [&](int, context& cx) -> outcome<int> {
        if (cx.attempt() == 3) at.time.advance(1h);
        return failure{cause::timed_out, "no answer"};
    })(1, at.cx);
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().is(cause::timed_out));
    CHECK(answer.error().attempts() == 3);
}

TEST_CASE("deadline: one that is longer than nanoseconds reach is none", "[policy]") {
    auto const ask = deadline{std::chrono::hours::max()} | [](int n, context& cx) { return cx.deadline() == never ? n : 0; };
    CHECK(ask(1) == 1);
}

TEST_CASE("deadline: says itself", "[policy]") { CHECK(deadline{1500ms}.describe() == "deadline{1.5s}"); }
