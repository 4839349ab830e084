#include <muster/policy/retry.hpp>

#include "catch.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <set>

#include <muster/core/stage.hpp>
#include <muster/testing/manual_time.hpp>
#include <muster/testing/scripted_task.hpp>

using namespace muster;
using namespace std::chrono_literals;
using testing::manual_time;

static_assert(around_policy<retry>);
static_assert(retry{.attempts = 4} == retry{.attempts = 4} && retry{} != retry{.attempts = 4});

namespace {
failure down() { return {cause::unavailable, "down"}; }
struct fixture {
    manual_time time{manual_time::jumping};
    context cx{time};
};
using script = testing::scripted_task<int, int>;
}  // namespace

TEST_CASE("retry: a call that succeeds is made once, and nothing waits", "[policy]") {
    fixture at;
    script const task{42};
    CHECK((retry{} | task)(1, at.cx) == 42);
    CHECK(task.called() == 1);
    CHECK(at.time.waits().empty());
}

TEST_CASE("retry: tries again until it succeeds; the task sees which attempt it is", "[policy]") {
    fixture at;
    script const task{down(), down(), 42};
    CHECK((retry{.attempts = 5} | task)(1, at.cx) == 42);
    REQUIRE(task.called() == 3);
    for (unsigned i = 0; i < 3; ++i) CHECK(task.calls()[i].attempt == i + 1);
    CHECK(at.cx.attempt() == 1);
}

TEST_CASE("retry: fails with the last failure, after as many calls as it says", "[policy]") {
    fixture at;
    script const task{failure{cause::unavailable, "first"}, failure{cause::unavailable, "second"}, failure{cause::crashed, "third"}};
    auto const answer = (retry{.attempts = 3} | task)(1, at.cx);
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().is(cause::crashed));
    CHECK(answer.error().text() == "third");
    CHECK(answer.error().attempts() == 3);
    CHECK(task.called() == 3);
    for (unsigned const few : {0u, 1u}) {
        script const once{down()};
        CHECK((retry{.attempts = few} | once)(1, at.cx).error().attempts() == 1);
        CHECK(once.called() == 1);
    }
}

TEST_CASE("retry: the delay doubles up to the most, exactly without jitter", "[policy]") {
    fixture at;
    retry const policy{.attempts = 6, .delay = 100ms, .most = 500ms, .jitter = false};
    (void)(policy | script{down()})(1, at.cx);
    CHECK(at.time.waits() == std::vector<std::chrono::nanoseconds>{100ms, 200ms, 400ms, 500ms, 500ms});
    CHECK(retry{.delay = 1min, .most = 5s}.wait_after(1) == 5s);
    CHECK(retry{.delay = 0ns}.wait_after(100'000) == 0ns);
    CHECK(retry{}.wait_after(4'000'000'000u) == 30s);
    CHECK(retry{.factor = 1}.wait_after(1'000) == 100ms);
}

TEST_CASE("retry: with jitter a wait lies anywhere between nothing and the delay", "[policy]") {
    fixture at;
    retry const policy{.delay = 1s, .most = 1s};
    double sum = 0;
    std::chrono::nanoseconds least = 1h, most = 0ns;
    for (int i = 0; i < 10'000; ++i) {
        auto const wait = policy.drawn(at.cx, 1);
        CHECK((wait >= 0ns && wait < 1s));
        least = std::min(least, wait);
        most = std::max(most, wait);
        sum += static_cast<double>(wait.count());
    }
    CHECK(least < 10ms);
    CHECK(most > 990ms);
    CHECK(sum / 10'000 == Approx(500e6).epsilon(0.05));
}

TEST_CASE("retry: a seed gives the same waits in each run, others for each item and attempt", "[policy]") {
    context cx;
    retry const policy{.delay = 1s, .most = 1s, .seed = 7};
    std::set<std::chrono::nanoseconds> seen;
    for (std::size_t i = 0; i < 100; ++i) {
        cx.item(i);
        for (unsigned tried = 1; tried <= 3; ++tried) {
            CHECK(policy.drawn(cx, tried) == policy.drawn(cx, tried));
            seen.insert(policy.drawn(cx, tried));
        }
    }
    CHECK(seen.size() == 300);
}

TEST_CASE("retry: waits at least as long as the failure asks", "[policy]") {
    fixture at;
    auto asks = failure{cause::rejected, "busy"};
    asks.retry_after(7s);
    (void)(retry{.attempts = 2, .delay = 1s} | script{asks, 1})(1, at.cx);
    REQUIRE(at.time.waits().size() == 1);
    CHECK(at.time.waits()[0] >= 7s);
    CHECK(at.time.waits()[0] <= 8s);
}

TEST_CASE("retry: a failure that asks for all the time in the world does not overflow", "[policy]") {
    fixture at;
    auto asks = failure{cause::rejected, "busy"};
    asks.retry_after(std::chrono::nanoseconds::max());
    auto const soon = at.cx.change_deadline(later(at.time.now(), 1h));
    script const task{asks, 1};
    auto const answer = (retry{.jitter = false} | task)(1, at.cx);
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().is(cause::rejected));
    CHECK(task.called() == 1);
    CHECK(at.time.waits().empty());
}

TEST_CASE("retry: gives up at once where the next attempt would start after the deadline", "[policy]") {
    fixture at;
    auto const soon = at.cx.change_deadline(later(at.time.now(), 250ms));
    script const task{down()};
    auto const answer = (retry{.attempts = 9, .delay = 100ms, .jitter = false} | task)(1, at.cx);
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().is(cause::unavailable));
    CHECK(answer.error().text() == "down; no further attempt: it would start after the deadline");
    CHECK(answer.error().attempts() == 2);
    CHECK(at.time.waits() == std::vector<std::chrono::nanoseconds>{100ms});
}

TEST_CASE("retry: what no attempt can cure is not tried again, nor what its predicate refuses", "[policy]") {
    fixture at;
    for (auto const which : {cause::invalid_input, cause::cancelled, cause::would_deadlock, cause::exhausted, cause::wrong_shape,
                             cause::forbidden}) {
        script const task{failure{which, "no"}, 1};
        CHECK((retry{} | task)(1, at.cx).error().is(which));
        CHECK(task.called() == 1);
    }
    for (auto const which : {cause::threw, cause::timed_out, cause::rejected, cause::crashed, cause::exited, cause::out_of_memory,
                             cause::unavailable}) {
        script const task{failure{which, "no"}, 1};
        CHECK((retry{} | task)(1, at.cx) == 1);
    }
    script const picky{failure{cause::crashed, "no"}, 1};
    CHECK_FALSE((retry{.when = [](failure const& what) { return what.is(cause::unavailable); }} | picky)(1, at.cx).has_value());
    CHECK(picky.called() == 1);
}

TEST_CASE("retry: a stop in a wait ends it as cancelled, with what was tried before", "[policy]") {
    manual_time time{manual_time::jumping};
    std::stop_source stop;
    context cx{stop.get_token(), time};
    auto const start = time.now();
    auto const answer = (retry{.attempts = 9, .delay = 1h, .most = 1h, .jitter = false} | [&](int, context& call) -> outcome<int> {
        if (call.attempt() == 2) stop.request_stop();
        return down();
    })(1, cx);
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().is(cause::cancelled));
    CHECK(answer.error().text().find("down") != std::string::npos);
    CHECK(answer.error().attempts() == 2);
    CHECK(time.now() - start == 1h);    // a wait that is cut short takes no time
}

TEST_CASE("retry: no attempt after a stop, also where nothing is waited for between attempts", "[policy]") {
    std::stop_source stop;
    context cx{stop.get_token()};
    int calls = 0;
    auto const answer = (retry{.attempts = 1'000, .delay = 0ns} | [&](int) -> outcome<int> {
        if (++calls == 3) stop.request_stop();
        return down();
    })(1, cx);
    CHECK(calls == 3);
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().is(cause::cancelled));
    CHECK(answer.error().attempts() == 3);
}

TEST_CASE("retry: a task that itself says that its quota is spent is believed", "[policy]") {
    fixture at;
    script const task{failure{cause::unavailable, "down"}, failure{cause::exhausted, "10,000 requests a day"}};
    auto const answer = (retry{} | task)(1, at.cx);
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().is(cause::exhausted));
    CHECK(answer.error().text() == "10,000 requests a day");
    CHECK(answer.error().attempts() == 2);
}

TEST_CASE("retry: each attempt gets the same item, also one that only moves", "[policy]") {
    fixture at;
    int calls = 0;
    auto const ask = retry{} | [&](std::unique_ptr<int> const& item) -> outcome<int> {
        if (++calls < 3) return down();
        return *item;
    };
    CHECK(ask(std::make_unique<int>(9), at.cx) == 9);
}

TEST_CASE("retry: with 5 % transient faults and 3 retries at most 0.1 % stay failed", "[policy]") {
    fixture at;
    std::uint64_t state = 2'024;    // a linear congruential sequence: the same faults in each run
    auto const flaky = retry{.attempts = 4} | [&](int n) -> outcome<int> {
        state = state * 6'364'136'223'846'793'005u + 1'442'695'040'888'963'407u;
        if ((state >> 33) % 100 < 5) return down();
        return n;
    };
    int residual = 0, calls = 0;
    for (int i = 0; i < 100'000; ++i) {
        auto const answer = flaky(i, at.cx);
        residual += !answer.has_value();
        ++calls;
    }
    CHECK(residual <= calls / 1'000);
    CHECK(at.time.waits().size() > 4'500);    // there were faults to cure
    CHECK(at.time.waits().size() < 6'000);
}

TEST_CASE("retry: says itself", "[policy]") {
    CHECK(retry{.attempts = 4, .delay = 200ms}.describe() == "retry{attempts 4, delay 200ms}");
}

TEST_CASE("retry: a delay below nothing is none, whatever the failure asks, and costs nothing to work out", "[policy]") {
    CHECK(retry{.delay = -1s}.wait_after(1) == 0s);
    CHECK(retry{.delay = 1s, .most = -1s}.wait_after(1) == 0s);
    CHECK(retry{.delay = {}}.wait_after(std::numeric_limits<unsigned>::max()) == 0s);
}
