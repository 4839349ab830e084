#include <muster/policy/trip.hpp>

#include "catch.hpp"

#include <muster/gate/circuit_breaker.hpp>
#include <muster/policy/retry.hpp>
#include <muster/testing/manual_time.hpp>
#include <muster/testing/scripted_task.hpp>

using namespace muster;
using namespace std::chrono_literals;
using testing::manual_time;

static_assert(around_policy<trip<circuit_breaker>>);
static_assert(!std::constructible_from<trip<circuit_breaker>, circuit_breaker>);

namespace {
failure down() { return {cause::unavailable, "down"}; }
circuit_breaker_options const small{.window = 4, .minimum = 2, .failure_rate = 0.5, .open_for = 10s};
}  // namespace

TEST_CASE("trip: once the breaker is open no call is made, until it probes", "[policy]") {
    manual_time time;
    context cx{time};
    circuit_breaker breaker{small};
    testing::scripted_task<int, int> const task{down(), down(), 3};
    auto const ask = trip{breaker} | task;
    CHECK(ask(1, cx).error().is(cause::unavailable));
    CHECK(ask(1, cx).error().is(cause::unavailable));
    for (int i = 0; i < 5; ++i) {
        auto const refused = ask(1, cx);
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().is(cause::rejected));
        CHECK(refused.error().attempts() == 0);
        CHECK(refused.error().retry_after() == 10s);
    }
    CHECK(task.called() == 2);
    time.advance(10s);
    CHECK(ask(1, cx) == 3);
    CHECK(breaker.now() == circuit_breaker::state::closed);
}

TEST_CASE("trip: left of retry it counts items, right of it attempts", "[policy]") {
    retry const twice{.attempts = 2, .delay = 0ns};
    {
        manual_time time;
        context cx{time};
        circuit_breaker breaker{small};
        auto const task = testing::scripted_task<int, int>{down()};
        (void)(trip{breaker} | twice | task)(1, cx);
        CHECK(breaker.now() == circuit_breaker::state::closed);
        CHECK(task.called() == 2);
    }
    manual_time time;
    context cx{time};
    circuit_breaker breaker{small};
    auto const task = testing::scripted_task<int, int>{down()};
    (void)(twice | trip{breaker} | task)(1, cx);
    CHECK(breaker.now() == circuit_breaker::state::open);
}

TEST_CASE("trip: a retry in front waits as long as the open breaker says", "[policy]") {
    manual_time time{manual_time::jumping};
    context cx{time};
    circuit_breaker breaker{small};
    testing::scripted_task<int, int> const task{down(), down(), 3};
    CHECK((retry{.attempts = 4, .delay = 0ns} | trip{breaker} | task)(1, cx) == 3);
    CHECK(time.waits() == std::vector<std::chrono::nanoseconds>{10s});
    CHECK(task.called() == 3);
}
