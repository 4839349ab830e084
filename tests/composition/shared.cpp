// What stages share when they name the same resource: a budget, a cache, an executor.
#include "catch.hpp"
#include "testing/event.hpp"

#include <atomic>
#include <thread>
#include <vector>

#include <muster/cache/memory_cache.hpp>
#include <muster/exec/thread_pool.hpp>
#include <muster/flow/map.hpp>
#include <muster/gate/bulkhead.hpp>
#include <muster/gate/retry_budget.hpp>
#include <muster/policy/cached.hpp>
#include <muster/policy/deadline.hpp>
#include <muster/policy/fallback.hpp>
#include <muster/policy/limit.hpp>
#include <muster/policy/named.hpp>
#include <muster/policy/retry.hpp>
#include <muster/testing/manual_time.hpp>

using namespace muster;
using namespace std::chrono_literals;
using testing::event;
using testing::manual_time;

namespace {
failure down() { return {cause::unavailable, "down"}; }
std::vector<int> numbers(int n) {
    std::vector<int> out;
    for (int i = 0; i < n; ++i) out.push_back(i);
    return out;
}
}  // namespace

TEST_CASE("retry | limit{budget}: of 10,000 items that all fail about one in ten is tried again", "[composition]") {
    manual_time time{manual_time::jumping};
    thread_pool pool{4};
    retry_budget budget;
    std::atomic<int> calls{0};
    auto const answers = map(numbers(10'000), on{pool} | retry{.attempts = 3} | limit{budget} | [&](int) -> outcome<int> {
        ++calls;
        return down();
    }, context{time});
    CHECK(calls >= 10'990);
    CHECK(calls <= 11'010);
    int refused = 0;
    for (std::size_t i = 0; i < answers.size(); ++i) {
        auto const& error = answers[i].error();
        REQUIRE(error.is(cause::unavailable));    // the failure before the refusal: it says more
        REQUIRE(error.index() == i);
        refused += error.text() == "down; no further attempt: the retry budget is spent";
    }
    CHECK(refused > 9'000);
}

TEST_CASE("retry | limit{budget}: two stages share it; one that is healthy pays for the other", "[composition]") {
    manual_time time{manual_time::jumping};
    context cx{time};
    retry_budget budget{{.ratio = 0.1, .reserve = 10}};
    int calls = 0;
    auto const sick = retry{.attempts = 2} | limit{budget} | [&](int) -> outcome<int> { ++calls; return down(); };
    auto const healthy = retry{.attempts = 2} | limit{budget} | [](int n) { return n; };
    for (int i = 0; i < 50; ++i) (void)sick(i, cx);
    auto const alone = calls;
    CHECK(alone <= 66);
    for (int i = 0; i < 100; ++i) (void)healthy(i, cx);
    (void)sick(0, cx);
    CHECK(calls == alone + 2);
}

TEST_CASE("cached: a key that many items of a map ask for is computed once; a failure is each item's own", "[composition]") {
    thread_pool pool{8};
    manual_time time;
    memory_cache<int, int> cache;
    std::atomic<int> calls{0};
    for (bool const good : {false, true}) {
        calls = 0;
        event go_on;
        std::vector<outcome<int>> answers;
        std::jthread runner([&] {
            answers = map(std::vector<int>(8, 3), on{pool} | named{"key"} | cached{cache} | retry{.attempts = 1} | [&](int n) -> outcome<int> {
                ++calls;
                if (!go_on.wait() || !good) return down();
                return n + 1;
            }, context{time});
        });
        time.until_waiting(7);
        go_on.set();
        runner.join();
        CHECK(calls == 1);
        for (std::size_t i = 0; i < 8; ++i) {
            if (good) {
                CHECK(answers[i] == 4);
            } else {
                REQUIRE_FALSE(answers[i].has_value());
                CHECK(answers[i].error().index() == i);
                CHECK(answers[i].error().stage() == "key");
            }
        }
    }
}

TEST_CASE("deadline | cached: each waiter has its own deadline, and the call under way goes on", "[composition]") {
    manual_time time;
    memory_cache<int, int> cache;
    event begun, go_on;
    auto const slow = [&](int n) { begun.set(); return go_on.wait() ? n : -1; };
    outcome<int> patient, hasty;
    std::jthread first([&] {
        context cx{time};
        patient = (cached{cache} | slow)(5, cx);
    });
    REQUIRE(begun.wait());
    std::jthread second([&] {
        context cx{time};
        hasty = (deadline{1s} | cached{cache} | slow)(5, cx);
    });
    time.until_waiting(1);
    time.advance(1s);
    second.join();
    CHECK(hasty.error().is(cause::timed_out));
    go_on.set();
    first.join();
    CHECK(patient == 5);
}

TEST_CASE("deadline | cached: a leader whose time is up hands the key over", "[composition]") {
    manual_time time;
    memory_cache<int, int> cache;
    event begun;
    std::atomic<int> calls{0};
    auto const first_hangs = [&](int n, context& cx) -> outcome<int> {
        if (++calls > 1) return n;
        begun.set();
        wait_point nobody;
        (void)cx.wait(nobody);
        return cx.interruption();
    };
    outcome<int> leader, next;
    std::jthread first([&] {
        context cx{time};
        leader = (deadline{1s} | cached{cache} | first_hangs)(5, cx);
    });
    REQUIRE(begun.wait());
    std::jthread second([&] {
        context cx{time};
        next = (deadline{1h} | cached{cache} | first_hangs)(5, cx);
    });
    time.until_waiting(2);
    time.advance(1s);
    first.join();
    second.join();
    CHECK(leader.error().is(cause::timed_out));
    CHECK(next == 5);
    CHECK(calls == 2);
}

TEST_CASE("cached: two caches that ask each other in a circle fail instead of waiting for ever", "[composition]") {
    thread_pool pool{2};
    memory_cache<int, int> left, right;
    testing::meeting both{2};
    auto const itself = [](int n) { return n; };
    auto const to_right = cached{left} | [&](int n, context& cx) -> outcome<int> {
        (void)both.arrive();
        return (cached{right} | itself)(n, cx);
    };
    auto const to_left = cached{right} | [&](int n, context& cx) -> outcome<int> {
        (void)both.arrive();
        return (cached{left} | itself)(n, cx);
    };
    auto const answers = map(numbers(2), on{pool} | [&](int n, context& cx) { return n == 0 ? to_right(1, cx) : to_left(1, cx); });
    auto const refused = [](outcome<int> const& one) { return !one.has_value() && one.error().is(cause::would_deadlock); };
    CHECK((refused(answers[0]) || refused(answers[1])));
}

TEST_CASE("fallback | retry: after all attempts; its own answer is not cached as the task's", "[composition]") {
    manual_time time{manual_time::jumping};
    context cx{time};
    memory_cache<int, int> cache;
    int calls = 0;
    auto const ask = fallback{[](int) { return 0; }} | cached{cache} | retry{.attempts = 3} | [&](int n) -> outcome<int> {
        if (++calls <= 3) return down();
        return n;
    };
    CHECK(ask(9, cx) == 0);
    CHECK(calls == 3);
    CHECK_FALSE(cache.get(9, time.now()).has_value());
    CHECK(ask(9, cx) == 9);
}

TEST_CASE("limit{bulkhead}: an item that waits in a gate lends its place, also in a pool of one", "[composition]") {
    thread_pool pool{1};
    bulkhead room{1};
    context own;
    std::optional<outcome<bulkhead::permit>> held{room.acquire(own)};
    event done;
    outcome<int> answer;
    pool.post([&] {
        context cx{pool.waiting()};
        answer = (limit{room} | [](int n) { return n; })(3, cx);
        done.set();
    });
    pool.post([&] { held.reset(); });    // would wait for the one thread for ever
    REQUIRE(done.wait());
    CHECK(answer == 3);
}

TEST_CASE("limit{bulkhead}: one tunnel for many items of two maps at once", "[composition]") {
    thread_pool pool{4};
    bulkhead tunnel{1};
    testing::crowd inside;
    auto const exclusive = on{pool} | limit{tunnel} | [&](int n) {
        testing::crowd::visit const here(inside);
        std::this_thread::yield();
        return n;
    };
    {
        std::vector<std::jthread> runs;
        for (int r = 0; r < 2; ++r)
            runs.emplace_back([&] {
                for (auto const& answer : map(numbers(200), exclusive)) (void)answer;
            });
    }
    CHECK(inside.most() == 1);
    CHECK(tunnel.inside() == 0);
}
