#include <muster/policy/fallback.hpp>

#include "catch.hpp"

#include <string>

#include <muster/core/stage.hpp>
#include <muster/policy/retry.hpp>
#include <muster/testing/manual_time.hpp>
#include <muster/testing/scripted_task.hpp>

using namespace muster;
using namespace std::chrono_literals;

namespace {
failure down() { return {cause::unavailable, "down"}; }
auto const fails = [](int) -> outcome<int> { return down(); };
auto const zero = [](int) { return 0; };
}  // namespace

static_assert(around_policy<fallback<decltype(zero)>>);

TEST_CASE("fallback: a success is the answer, and the other is not asked", "[policy]") {
    bool asked = false;
    auto const other = [&](int) { asked = true; return 0; };
    CHECK((fallback{other} | [](int n) { return n; })(5) == 5);
    CHECK_FALSE(asked);
}

TEST_CASE("fallback: the other is asked with the item, the context or the failure", "[policy]") {
    CHECK((fallback{zero} | fails)(5) == 0);
    CHECK((fallback{[](int n) { return 2 * n; }} | fails)(5) == 10);
    CHECK((fallback{[](int n, context& cx) { return n + static_cast<int>(cx.attempt()); }} | fails)(5) == 6);
    CHECK((fallback{[](int, failure const& why) { return why.is(cause::unavailable) ? 7 : 8; }} | fails)(5) == 7);
}

TEST_CASE("fallback: its answer converts to that of what follows", "[policy]") {
    auto const text = [](int) -> outcome<std::string> { return down(); };
    CHECK((fallback{[](int) { return "nothing"; }} | text)(1) == "nothing");
}

TEST_CASE("fallback: when both fail it gives the second failure, completed by the first", "[policy]") {
    auto const answer = (fallback{[](int) -> outcome<int> { return failure{cause::rejected, "closed"}; }} | fails)(1);
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().is(cause::rejected));
    CHECK(answer.error().text() == "closed; before that: down");
}

TEST_CASE("fallback: an other that throws is a failure", "[policy]") {
    auto const answer = (fallback{[](int) -> int { throw std::runtime_error{"broke"}; }} | fails)(1);
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().is(cause::threw));
}

TEST_CASE("fallback: a stop or a passed deadline goes straight through", "[policy]") {
    std::stop_source stop;
    context stopped{stop.get_token()};
    auto const stops = [&](int) -> outcome<int> { stop.request_stop(); return down(); };
    CHECK((fallback{zero} | stops)(1, stopped).error().is(cause::unavailable));
    testing::manual_time time;
    context late{time};
    auto const soon = late.change_deadline(later(time.now(), 1s));
    auto const slow = [&](int) -> outcome<int> { time.advance(1s); return down(); };
    CHECK((fallback{zero} | slow)(1, late).error().is(cause::unavailable));
}

TEST_CASE("fallback: left of retry it answers after all attempts, right of it after each", "[policy]") {
    testing::manual_time time{testing::manual_time::jumping};
    context cx{time};
    retry const thrice{.attempts = 3};
    testing::scripted_task<int, int> const left{down()}, right{down()};
    CHECK((fallback{zero} | thrice | left)(1, cx) == 0);
    CHECK(left.called() == 3);
    CHECK((thrice | fallback{zero} | right)(1, cx) == 0);
    CHECK(right.called() == 1);
}

TEST_CASE("fallback: may be a stage with policies of its own, also one that only moves its item", "[policy]") {
    testing::manual_time time{testing::manual_time::jumping};
    context cx{time};
    testing::scripted_task<int, int> const second{down(), 4};
    CHECK((fallback{retry{} | second} | fails)(1, cx) == 4);
    CHECK(second.calls()[1].attempt == 2);
}
