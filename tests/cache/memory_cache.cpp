#include <muster/cache/memory_cache.hpp>

#include "catch.hpp"
#include "testing/event.hpp"

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <muster/testing/manual_time.hpp>

using namespace muster;
using namespace std::chrono_literals;
using testing::event;
using testing::manual_time;

namespace {
failure down() { return {cause::unavailable, "down"}; }

// One call of get_or_compute on a thread of its own.
struct caller {
    template <class Cache, class Compute>
    caller(Cache& cache, int key, manual_time& time, Compute compute, std::stop_token stop = {}, instant deadline = never)
        : thread([this, &cache, key, &time, compute, stop, deadline] {
              context cx{stop, time};
              auto const until = cx.change_deadline(deadline);
              answer = cache.get_or_compute(key, cx, compute);
              done.set();
          }) {}
    outcome<int> answer;
    event done;
    std::jthread thread;
};
}  // namespace

static_assert(cache<memory_cache<std::string, std::vector<int>>>);
static_assert(!std::copyable<memory_cache<int, int>>);

TEST_CASE("memory_cache: gives what was put, as long as it is good", "[cache]") {
    manual_time time;
    memory_cache<int, std::string> cache{{.ttl = 10s}};
    CHECK_FALSE(cache.get(1, time.now()).has_value());
    cache.put(1, "one", time.now());
    time.advance(10s - 1ns);
    CHECK(cache.get(1, time.now()) == "one");
    cache.put(1, "uno", time.now());    // anew, for another ten seconds
    time.advance(10s - 1ns);
    CHECK(cache.get(1, time.now()) == "uno");
    time.advance(1ns);
    CHECK_FALSE(cache.get(1, time.now()).has_value());
    CHECK(cache.size() == 0);
    CHECK(cache.stats() == cache_stats{.hits = 2, .misses = 2, .stored = 2, .expired = 1});
}

TEST_CASE("memory_cache: without a ttl an entry is good for ever", "[cache]") {
    memory_cache<int, int> cache;
    cache.put(1, 2);
    CHECK(cache.get(1, never - 1ns) == 2);
}

TEST_CASE("memory_cache: never holds more entries than it may, however they hash", "[cache]") {
    for (std::size_t const entries : {1u, 2u, 63u, 64u, 130u, 1'024u, 1'500u}) {
        memory_cache<int, int> cache{{.entries = entries}};
        for (int i = 0; i < 5'000; ++i) {
            cache.put(i * 16, i);
            REQUIRE(cache.size() <= entries);
        }
        CHECK(cache.size() > entries / 2);
        auto const stats = cache.stats();
        CHECK(stats.stored - stats.evicted == cache.size());
    }
}

TEST_CASE("memory_cache: when it is full the oldest goes that was not used since", "[cache]") {
    memory_cache<int, int> cache{{.entries = 3}};
    for (int i = 1; i <= 3; ++i) cache.put(i, i);
    CHECK(cache.get(1) == 1);
    cache.put(4, 4);    // 1 has a second chance, 2 goes
    CHECK_FALSE(cache.get(2).has_value());
    cache.put(5, 5);    // 3 goes
    cache.put(6, 6);    // 1 was not used since it was spared
    CHECK_FALSE(cache.get(3).has_value());
    CHECK_FALSE(cache.get(1).has_value());
    CHECK(cache.get(4) == 4);
    CHECK(cache.stats().evicted == 3);
}

TEST_CASE("memory_cache: what is too old goes first and does not count as evicted", "[cache]") {
    manual_time time;
    memory_cache<int, int> cache{{.entries = 2, .ttl = 1s}};
    cache.put(1, 1, time.now());
    CHECK(cache.get(1, time.now()) == 1);
    time.advance(1s);
    cache.put(2, 2, time.now());
    cache.put(3, 3, time.now());
    CHECK(cache.get(2, time.now()) == 2);
    CHECK(cache.stats().evicted == 0);
    CHECK(cache.stats().expired == 1);
}

TEST_CASE("memory_cache: erase and clear forget", "[cache]") {
    memory_cache<int, int> cache;
    for (int i = 0; i < 100; ++i) cache.put(i, i);
    CHECK(cache.erase(7));
    CHECK_FALSE(cache.erase(7));
    CHECK_FALSE(cache.get(7).has_value());
    CHECK(cache.size() == 99);
    cache.clear();
    CHECK(cache.size() == 0);
    cache.put(7, 8);
    CHECK(cache.get(7) == 8);
}

TEST_CASE("memory_cache: computes what is missing, and remembers answers only", "[cache]") {
    memory_cache<int, int> cache;
    context cx;
    int calls = 0;
    auto const fails = [&](context&) -> outcome<int> { ++calls; return down(); };
    auto const answers = [&](context&) -> outcome<int> { ++calls; return 5; };
    CHECK(cache.get_or_compute(1, cx, fails).error().is(cause::unavailable));
    CHECK(cache.get_or_compute(1, cx, answers) == 5);
    CHECK(cache.get_or_compute(1, cx, fails) == 5);
    CHECK(calls == 2);
}

TEST_CASE("memory_cache: an entry is good from when it was computed, by the time of the call", "[cache]") {
    manual_time time;
    context cx{time};
    memory_cache<int, int> cache{{.ttl = 10s}};
    auto const slow = [&](context&) -> outcome<int> { time.advance(1h); return 5; };
    CHECK(cache.get_or_compute(1, cx, slow) == 5);
    time.advance(9s);
    CHECK(cache.get(1, time.now()) == 5);
}

TEST_CASE("memory_cache: of the calls that miss a key at once one computes, the others wait for its answer", "[cache]") {
    manual_time time;
    memory_cache<int, int> cache;
    event go_on;
    std::atomic<int> calls{0};
    auto const compute = [&](context&) -> outcome<int> { ++calls; return go_on.wait() ? 5 : -1; };
    std::vector<std::unique_ptr<caller>> callers;
    for (int i = 0; i < 16; ++i) callers.push_back(std::make_unique<caller>(cache, 1, time, compute));
    time.until_waiting(15);
    go_on.set();
    for (auto& each : callers) {
        REQUIRE(each->done.wait());
        CHECK(each->answer == 5);
    }
    CHECK(calls == 1);
    CHECK(cache.stats().waited == 15);
    CHECK(cache.stats().stored == 1);
}

TEST_CASE("memory_cache: each waiter has its own stop and deadline; the call goes on without it", "[cache]") {
    manual_time time;
    memory_cache<int, int> cache;
    event begun, go_on;
    auto const compute = [&](context&) -> outcome<int> { begun.set(); return go_on.wait() ? 5 : -1; };
    caller leader{cache, 1, time, compute};
    REQUIRE(begun.wait());
    std::stop_source stop;
    caller stopped{cache, 1, time, compute, stop.get_token()};
    caller late{cache, 1, time, compute, {}, later(time.now(), 1s)};
    caller patient{cache, 1, time, compute};
    time.until_waiting(3);
    stop.request_stop();
    REQUIRE(stopped.done.wait());
    CHECK(stopped.answer.error().is(cause::cancelled));
    time.advance(1s);
    REQUIRE(late.done.wait());
    CHECK(late.answer.error().is(cause::timed_out));
    go_on.set();
    REQUIRE(leader.done.wait());
    REQUIRE(patient.done.wait());
    CHECK(leader.answer == 5);
    CHECK(patient.answer == 5);
}

TEST_CASE("memory_cache: a leader that is stopped hands over to one that waits", "[cache]") {
    manual_time time;
    memory_cache<int, int> cache;
    std::stop_source stop;
    event begun;
    auto const until_stopped = [&](context& cx) -> outcome<int> {
        begun.set();
        wait_point nobody;
        (void)cx.wait(nobody);
        return cx.interruption();
    };
    caller leader{cache, 1, time, until_stopped, stop.get_token()};
    REQUIRE(begun.wait());
    caller next{cache, 1, time, [](context&) -> outcome<int> { return 6; }};
    time.until_waiting(2);
    stop.request_stop();
    REQUIRE(leader.done.wait());
    REQUIRE(next.done.wait());
    CHECK(leader.answer.error().is(cause::cancelled));
    CHECK(next.answer == 6);
    CHECK(cache.get(1, time.now()) == 6);
}

TEST_CASE("memory_cache: a key that is entered again below its own call would wait for itself", "[cache]") {
    memory_cache<int, int> cache;
    context cx;
    auto const answer = cache.get_or_compute(1, cx, [&](context& inner) {
        auto const same = cache.get_or_compute(1, inner, [](context&) -> outcome<int> { return 0; });
        CHECK(same.error().is(cause::would_deadlock));
        return cache.get_or_compute(2, inner, [](context&) -> outcome<int> { return 7; });
    });
    CHECK(answer == 7);
    CHECK(cache.get(2) == 7);
}

TEST_CASE("memory_cache: a compute that throws leaves the key free", "[cache]") {
    memory_cache<int, int> cache;
    context cx;
    CHECK_THROWS_AS(cache.get_or_compute(1, cx, [](context&) -> outcome<int> { throw std::runtime_error{"no"}; }), std::runtime_error);
    CHECK(cache.get_or_compute(1, cx, [](context&) -> outcome<int> { return 3; }) == 3);
}

TEST_CASE("memory_cache: many threads over many keys", "[cache]") {
    memory_cache<int, int> cache{{.entries = 100}};
    std::atomic<int> wrong{0};
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 8; ++t)
            threads.emplace_back([&, t] {
                context cx;
                for (int i = 0; i < 1'000; ++i) {
                    auto const key = (i * 7 + t) % 150;
                    wrong += !(cache.get_or_compute(key, cx, [key](context&) -> outcome<int> { return key + 1; }) == key + 1);
                    if (i % 50 == 0) cache.erase(key);
                    if (i % 333 == 0) cache.clear();
                }
            });
    }
    CHECK(wrong == 0);
    CHECK(cache.size() <= 100);
}

TEST_CASE("memory_cache: options out of range are refused", "[cache]") {
    using small = memory_cache<int, int>;
    CHECK_THROWS_AS(small({.entries = 0}), std::invalid_argument);
    CHECK_THROWS_AS(small({.ttl = 0ns}), std::invalid_argument);
    CHECK_THROWS_AS(small({.ttl = -1s}), std::invalid_argument);
}
