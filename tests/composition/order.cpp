// "The order that is almost always right": each row of the table says what a swap changes. `isolate` comes with its runner.
#include "catch.hpp"

#include <vector>

#include <muster/cache/memory_cache.hpp>
#include <muster/core/stage.hpp>
#include <muster/gate/circuit_breaker.hpp>
#include <muster/gate/rate_limiter.hpp>
#include <muster/policy/cached.hpp>
#include <muster/policy/deadline.hpp>
#include <muster/policy/limit.hpp>
#include <muster/policy/named.hpp>
#include <muster/policy/retry.hpp>
#include <muster/policy/trip.hpp>
#include <muster/testing/manual_time.hpp>
#include <muster/testing/scripted_task.hpp>

using namespace muster;
using namespace std::chrono_literals;
using testing::manual_time;

namespace {

using waits = std::vector<std::chrono::nanoseconds>;
using script = testing::scripted_task<int, int>;

failure down() { return {cause::unavailable, "down"}; }
retry const steady{.attempts = 4, .delay = 1s, .factor = 1, .jitter = false};

struct fixture {
    manual_time time{manual_time::jumping};
    context cx{time};
};

}  // namespace

TEST_CASE("order: deadline | retry is one budget for all attempts", "[composition]") {
    fixture at;
    auto const start = at.time.now();
    script const task{down()};
    auto const answer = (deadline{2500ms} | steady | task)(1, at.cx);
    CHECK(task.called() == 3);    // at 0, 1 and 2 s; the fourth would start after it
    for (auto const& call : task.calls()) CHECK(call.deadline == start + 2500ms);
    CHECK(answer.error().is(cause::unavailable));
    CHECK(answer.error().attempts() == 3);
}

TEST_CASE("order: retry | deadline is a budget for each attempt", "[composition]") {
    fixture at;
    auto const start = at.time.now();
    script const task{down()};
    (void)(steady | deadline{2500ms} | task)(1, at.cx);
    REQUIRE(task.called() == 4);
    for (int i = 0; i < 4; ++i) CHECK(task.calls()[static_cast<std::size_t>(i)].deadline == start + i * 1s + 2500ms);

    // An attempt that hangs costs its own budget alone; the next one starts afresh.
    fixture hung;
    int calls = 0;
    auto const answer = (steady | deadline{2500ms} | [&](int n, context& cx) -> outcome<int> {
        if (++calls == 1) {
            wait_point nobody;
            (void)cx.wait(nobody);
            return cx.interruption();
        }
        return n;
    })(7, hung.cx);
    CHECK(answer == 7);
    CHECK(calls == 2);
}

TEST_CASE("order: limit | retry takes one permit an item, retry | limit one an attempt", "[composition]") {
    {
        fixture at;
        rate_limiter quota{{.permits = 1, .per = 1min}};
        script const task{down(), down(), 5};
        CHECK((limit{quota} | steady | task)(1, at.cx) == 5);
        CHECK(at.time.waits() == waits{1s, 1s});    // the delays alone
    }
    fixture at;
    rate_limiter quota{{.permits = 1, .per = 1min}};
    script const task{down(), down(), 5};
    CHECK((steady | limit{quota} | task)(1, at.cx) == 5);
    CHECK(at.time.waits() == waits{1s, 59s, 1s, 59s});    // each attempt waits for its permit
}

TEST_CASE("order: cached | limit spends no permit on a hit, limit | cached does", "[composition]") {
    auto const itself = [](int n) { return n; };
    {
        fixture at;
        memory_cache<int, int> cache;
        rate_limiter quota{{.permits = 1, .per = 1min}};
        auto const ask = cached{cache} | limit{quota} | itself;
        for (int i = 0; i < 5; ++i) CHECK(ask(3, at.cx) == 3);
        CHECK(at.time.waits().empty());
    }
    fixture at;
    memory_cache<int, int> cache;
    rate_limiter quota{{.permits = 1, .per = 1min}};
    auto const ask = limit{quota} | cached{cache} | itself;
    for (int i = 0; i < 5; ++i) CHECK(ask(3, at.cx) == 3);
    CHECK(at.time.waits() == waits(4, 1min));
}

TEST_CASE("order: cached | retry remembers what the attempts came to, retry | cached asks the cache for each", "[composition]") {
    for (bool const cached_first : {true, false}) {
        fixture at;
        memory_cache<int, int> cache;
        script const task{down(), down(), 5};
        if (cached_first) CHECK((cached{cache} | steady | task)(1, at.cx) == 5);
        else CHECK((steady | cached{cache} | task)(1, at.cx) == 5);
        CHECK(cache.stats().misses == (cached_first ? 1u : 3u));
        CHECK(cache.get(1, at.time.now()) == 5);
        CHECK(task.called() == 3);
    }
}

TEST_CASE("order: trip | retry counts items, retry | trip attempts", "[composition]") {
    circuit_breaker_options const three{.window = 3, .minimum = 3};
    {
        fixture at;
        circuit_breaker breaker{three};
        script const task{down()};
        for (int i = 0; i < 3; ++i) (void)(trip{breaker} | steady | task)(1, at.cx);
        CHECK(task.called() == 12);
        CHECK(breaker.now() == circuit_breaker::state::open);
    }
    fixture at;
    circuit_breaker breaker{three};
    script const task{down()};
    (void)(steady | trip{breaker} | task)(1, at.cx);
    CHECK(task.called() >= 3);
    CHECK(breaker.now() != circuit_breaker::state::closed);
}

TEST_CASE("order: the whole line, as it is almost always right", "[composition]") {
    fixture at;
    auto const start = at.time.now();
    memory_cache<int, int> cache;
    circuit_breaker breaker;
    rate_limiter quota{{.permits = 2, .per = 1s}};
    script const task{down(), failure{cause::timed_out, "slow"}, 5};
    auto const ask = named{"ask"} | deadline{1min} | cached{cache} | trip{breaker} | steady | limit{quota} | deadline{8s} | task;
    CHECK(ask(1, at.cx) == 5);
    CHECK(ask(1, at.cx) == 5);
    CHECK(task.called() == 3);
    CHECK(task.calls()[0].deadline == start + 8s);
    CHECK(at.time.now() - start == 2s);
    CHECK(breaker.now() == circuit_breaker::state::closed);
    CHECK(at.cx.deadline() == never);
    CHECK(at.cx.attempt() == 1);
    CHECK(at.cx.stage().empty());
}
