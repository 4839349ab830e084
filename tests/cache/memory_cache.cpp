#include <muster/cache/memory_cache.hpp>

#include "catch.hpp"
#include "testing/event.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <random>
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

TEST_CASE("memory_cache: when it is full the oldest goes that was not used twice since it came", "[cache]") {
    memory_cache<int, int> cache{{.entries = 10}};
    for (int i = 1; i <= 10; ++i) cache.put(i, i);
    for (int const used : {1, 1, 3}) CHECK(cache.get(used) == used);
    cache.put(11, 11);    // 1 stays, 2 goes
    cache.put(12, 12);    // 3 was used only once
    for (int const gone : {2, 3}) CHECK_FALSE(cache.get(gone).has_value());
    for (int const here : {1, 4, 11, 12}) CHECK(cache.get(here) == here);
    CHECK(cache.stats().evicted == 2);
}

TEST_CASE("memory_cache: what comes once does not push out what is used, nor what came back soon", "[cache]") {
    memory_cache<int, int> cache{{.entries = 10}};
    for (int i = 1; i <= 10; ++i) cache.put(i, i);
    for (int const used : {1, 1}) CHECK(cache.get(used) == used);
    cache.put(11, 11);
    REQUIRE_FALSE(cache.get(2).has_value());
    cache.put(2, 2);    // it went a moment ago
    for (int i = 100; i < 200; ++i) cache.put(i, i);
    CHECK(cache.get(1) == 1);
    CHECK(cache.get(2) == 2);
    CHECK(cache.size() == 10);
}

TEST_CASE("memory_cache: what was used stays for as many turns as it was used, three at the most", "[cache]") {
    auto const used_twice = [](auto& cache, int key) {
        cache.put(key, key);
        for (int use = 0; use < 2; ++use) (void)cache.get(key);
    };
    // How many others, all of them used, it takes to push out an old one that is used this often.
    auto const outlives = [&](int uses) {
        for (int others = 1;; ++others) {
            memory_cache<int, int> cache{{.entries = 10}};
            for (int i = 1; i <= 11; ++i) used_twice(cache, i);
            for (int use = 0; use < uses; ++use) (void)cache.get(2);
            for (int i = 1; i <= others; ++i) used_twice(cache, 100 + i);
            if (!cache.get(2)) return others;
        }
    };
    CHECK(outlives(0) == 1);
    CHECK(outlives(1) > outlives(0));
    CHECK(outlives(2) > outlives(1));
    CHECK(outlives(3) > outlives(2));
    CHECK(outlives(9) == outlives(3));
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

TEST_CASE("memory_cache: an entry may have a time to live of its own, shorter or longer than the cache's", "[cache]") {
    manual_time time;
    memory_cache<int, int> cache{{.ttl = 10s}};
    cache.put(1, 1, 5s, time.now());
    cache.put(2, 2, time.now());
    cache.put(3, 3, 15s, time.now());
    cache.put(4, 4, std::chrono::nanoseconds::max(), time.now());
    time.advance(5s - 1ns);
    CHECK(cache.get(1, time.now()) == 1);
    time.advance(1ns);
    CHECK_FALSE(cache.get(1, time.now()).has_value());
    time.advance(5s);
    CHECK_FALSE(cache.get(2, time.now()).has_value());
    CHECK(cache.get(3, time.now()) == 3);
    time.advance(5s);
    CHECK_FALSE(cache.get(3, time.now()).has_value());
    CHECK(cache.get(4, never) == 4);
    CHECK_THROWS_AS(cache.put(5, 5, 0ns), std::invalid_argument);
    CHECK_THROWS_AS(cache.put(5, 5, -1s, time.now()), std::invalid_argument);
    CHECK(cache.size() == 1);
}

TEST_CASE("memory_cache: sweep forgets what is too old, and says how many that were", "[cache]") {
    manual_time time;
    memory_cache<int, int> cache{{.entries = 10'000}};
    for (int i = 0; i < 1'000; ++i) cache.put(i, i, i % 10 == 0 ? 2s : 1s, time.now());
    for (int i = 1'000; i < 1'100; ++i) cache.put(i, i, time.now());
    CHECK(cache.sweep(time.now()) == 0);
    time.advance(1s);
    CHECK(cache.sweep(time.now()) == 900);
    CHECK(cache.size() == 200);
    CHECK(cache.stats().expired == 900);
    time.advance(1s);
    CHECK(cache.sweep(time.now()) == 100);
    CHECK(cache.sweep(never) == 0);
    CHECK(cache.size() == 100);
    for (int i = 1'000; i < 1'100; ++i) CHECK(cache.get(i) == i);
}

TEST_CASE("memory_cache: update puts what is made of what is there, and answers it", "[cache]") {
    manual_time time;
    memory_cache<std::string, int> cache{{.ttl = 10s}};
    auto const count = [](std::optional<int> const& known) { return known.value_or(0) + 1; };
    CHECK(cache.update("a", count, time.now()) == 1);
    CHECK(cache.update("a", count, time.now()) == 2);
    time.advance(9s);
    CHECK(cache.update("a", count, time.now()) == 3);    // good from now on
    time.advance(9s);
    CHECK(cache.get("a", time.now()) == 3);
    time.advance(1s);
    CHECK(cache.update("a", count, time.now()) == 1);    // too old is not there
    CHECK(cache.stats().stored == 4);
    auto const throws = [](std::optional<int> const&) -> int { throw std::runtime_error{"no"}; };
    CHECK_THROWS_AS(cache.update("a", throws, time.now()), std::runtime_error);
    CHECK(cache.get("a", time.now()) == 1);
}

TEST_CASE("memory_cache: update is called again with what is there, when somebody changed it meanwhile", "[cache]") {
    memory_cache<int, std::string> cache;
    std::vector<std::string> seen;
    std::vector<std::function<void()>> meanwhile{[&] { cache.put(1, "a"); }, [&] { cache.put(1, "a"); }, [&] { cache.erase(1); }, [] {}};
    auto const answer = cache.update(1, [&](std::optional<std::string> const& known) {
        seen.push_back(known.value_or("nothing"));
        meanwhile[seen.size() - 1]();    // no lock is held
        return known.value_or("nothing") + "!";
    });
    CHECK(seen == std::vector<std::string>{"nothing", "a", "a", "nothing"});    // put anew is changed, though it is the same value
    CHECK(answer == "nothing!");
    CHECK(cache.get(1) == "nothing!");
}

TEST_CASE("memory_cache: of what many threads update nothing is lost", "[cache]") {
    memory_cache<int, int> cache;
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t)
            threads.emplace_back([&] {
                for (int i = 0; i < 2'000; ++i)
                    cache.update(i % 3, [](std::optional<int> const& known) { return known.value_or(0) + 1; });
            });
    }
    CHECK(cache.get(0).value_or(0) + cache.get(1).value_or(0) + cache.get(2).value_or(0) == 8'000);
}

TEST_CASE("memory_cache: for what never grows old the clock is not read", "[cache]") {
    struct asked_time {
        int asked = 0;
        instant now() { return ++asked, instant{}; }
        bool wait_until(wait_point&, instant) { return false; }
    } time;
    context cx{time};
    auto const answers = [](context&) -> outcome<int> { return 5; };
    memory_cache<int, int> ageless;
    for (int i = 0; i < 2; ++i) CHECK(ageless.get_or_compute(1, cx, answers) == 5);
    CHECK(time.asked == 0);
    memory_cache<int, int> ageing{{.ttl = 1s}};
    for (int i = 0; i < 2; ++i) CHECK(ageing.get_or_compute(1, cx, answers) == 5);
    CHECK(time.asked == 2);    // once to store it, once to find it good
}

TEST_CASE("memory_cache: takes no memory for entries that are not there", "[cache]") {
    memory_cache<int, int> cache{{.entries = std::numeric_limits<std::size_t>::max()}};
    for (int i = 0; i < 1'000; ++i) cache.put(i, i);
    CHECK(cache.size() == 1'000);
}

TEST_CASE("memory_cache: a value that goes may use the cache, for no lock is held then", "[cache]") {
    manual_time time;
    struct probe {
        explicit probe(std::function<void()> call) : at_end(std::move(call)) {}
        ~probe() { at_end(); }
        std::function<void()> at_end;
    };
    using probes = memory_cache<int, std::shared_ptr<probe>>;
    probes cache{{.entries = 2}};
    int ended = 0;
    auto const made = [&] { return std::make_shared<probe>([&] { ended += cache.get(77).has_value() ? 0 : 1; }); };
    cache.put(1, made());
    cache.put(1, made());
    CHECK(ended == 1);    // replaced
    cache.put(2, made());
    cache.put(3, made());
    CHECK(ended == 2);    // pushed out
    CHECK(cache.erase(3));
    CHECK(ended == 3);
    cache.put(3, made(), 1s, time.now());
    time.advance(1s);
    CHECK_FALSE(cache.get(3, time.now()).has_value());
    CHECK(ended == 4);    // too old
    cache.put(3, made(), 1s, time.now());
    time.advance(1s);
    CHECK(cache.sweep(time.now()) == 1);
    CHECK(ended == 5);
    cache.put(3, made());
    cache.clear();
    CHECK(ended == 7);
}

namespace {

struct same_hash {
    int number;
    static inline std::size_t compared = 0;
    friend bool operator==(same_hash const& a, same_hash const& b) { return ++compared, a.number == b.number; }
};

// Counts down with each call that may throw, and throws when it comes to 0; counts how many there are.
struct brittle {
    static inline int left = -1;
    static inline int alive = 0;
    static void may_throw() {
        if (left > 0 && --left == 0) throw std::runtime_error{"brittle"};
    }
    brittle(int i) : number(i) { ++alive; }
    brittle(brittle const& other) : number((may_throw(), other.number)) { ++alive; }
    brittle& operator=(brittle const& other) {
        number = -1;
        may_throw();
        number = other.number;
        return *this;
    }
    ~brittle() { --alive; }
    friend bool operator==(brittle const& a, brittle const& b) { return may_throw(), a.number == b.number; }
    int number;
};

}  // namespace

template <>
struct std::hash<same_hash> {
    std::size_t operator()(same_hash const&) const noexcept { return 42; }
};
template <>
struct std::hash<brittle> {
    std::size_t operator()(brittle const& key) const { return brittle::may_throw(), static_cast<std::size_t>(key.number % 5); }
};

TEST_CASE("memory_cache: however keys hash, a call compares 16 of them at the most", "[cache]") {
    memory_cache<same_hash, int> cache{{.entries = 100'000}};
    std::size_t most = 0;
    auto const counted = [&](auto const& call) {
        same_hash::compared = 0;
        call();
        most = std::max(most, same_hash::compared);
    };
    for (int i = 0; i < 20'000; ++i) {
        counted([&] { cache.put({i}, i); });
        REQUIRE(cache.get({i}) == i);    // the last one is always there
        counted([&] { (void)cache.get({i / 2}); });
        if (i % 100 == 50) counted([&] { cache.erase({i - 3}); });
    }
    CHECK(most <= 16);
    CHECK(cache.size() == 16);
    CHECK(cache.stats().evicted > 19'000);
}

TEST_CASE("memory_cache: keys that differ in any bit alone are all kept", "[cache]") {
    for (int shift = 0; shift < 52; shift += 4) {
        memory_cache<std::uint64_t, int> cache{{.entries = 8'192}};
        for (std::uint64_t i = 0; i < 4'096; ++i) cache.put(i << shift, static_cast<int>(i));
        CHECK(cache.size() == 4'096);
    }
}

TEST_CASE("memory_cache: a key or a value that throws costs one entry at the most", "[cache]") {
    for (int point = 1; point < 400; ++point) {
        INFO("throws at call " << point);
        {
            memory_cache<brittle, brittle> cache{{.entries = 12}};
            std::mt19937 random{5};
            brittle::left = point;
            int thrown = 0;
            for (int i = 0; i < 60; ++i) {
                auto const key = static_cast<int>(random() % 20);
                brittle const held = [&] {
                    auto const pause = std::exchange(brittle::left, -1);
                    brittle out{key};
                    brittle::left = pause;
                    return out;
                }();
                try {
                    switch (random() % 6) {
                    case 0: (void)cache.get(held); break;
                    case 1: cache.erase(held); break;
                    case 2: (void)cache.update(held, [&](auto const&) { return brittle{i * 100 + key}; }); break;
                    default: cache.put(held, brittle{i * 100 + key}); break;
                    }
                } catch (std::runtime_error const&) {
                    ++thrown;
                }
            }
            brittle::left = -1;
            REQUIRE(thrown <= 1);
            std::size_t found = 0;
            for (int key = 0; key < 20; ++key)
                if (auto const value = cache.get(key)) {
                    ++found;
                    REQUIRE(value->number % 100 == key);    // one of its own, never half of one
                }
            REQUIRE(found == cache.size());
            for (int i = 0; i < 100; ++i) cache.put(i, i);    // and it goes on
            REQUIRE(cache.size() == 12);
        }
        REQUIRE(brittle::alive == 0);
    }
}

TEST_CASE("memory_cache: what is found is what was put last, whatever else happened", "[cache]") {
    manual_time time;
    memory_cache<int, std::string> cache{{.entries = 1'000, .ttl = 100s}};
    struct known {
        std::string value;
        instant until;
    };
    std::map<int, known> model;
    std::mt19937 random{11};
    std::size_t wrong = 0, hits = 0;
    for (int i = 0; i < 100'000; ++i) {
        auto const key = static_cast<int>(random() % 1'500);
        auto const text = std::to_string(i);
        auto const there = model.find(key);
        auto const good = there != model.end() && time.now() < there->second.until;
        switch (random() % 16) {
        case 0:
            cache.erase(key);
            model.erase(key);
            break;
        case 1:
            cache.put(key, text, 10s, time.now());
            model[key] = {text, time.now() + 10s};
            break;
        case 2:
        case 3:
        case 4:
            cache.put(key, text, time.now());
            model[key] = {text, time.now() + 100s};
            break;
        case 5:
            cache.update(key, [&](std::optional<std::string> const& value) {
                wrong += value && !(good && *value == there->second.value);
                return text;
            }, time.now());
            model[key] = {text, time.now() + 100s};
            break;
        case 6:
            if (i % 20 == 0) cache.sweep(time.now());
            if (i % 5'000 == 0) {
                cache.clear();
                model.clear();
            }
            time.advance(20ms);
            break;
        default:
            auto const value = cache.get(key, time.now());
            wrong += value && !(good && *value == there->second.value);
            hits += value.has_value();
        }
        wrong += cache.size() > 1'000;
    }
    CHECK(wrong == 0);
    CHECK(hits > 10'000);
}

namespace {

constexpr int objects = 200'000;

// Numbers of objects: the most asked for are the smallest, by a Zipf distribution of exponent 0.99.
std::vector<int> zipf(std::size_t count) {
    std::vector<double> sums;
    double sum = 0;
    for (int i = 1; i <= objects; ++i) sums.push_back(sum += 1 / std::pow(i, 0.99));
    std::mt19937_64 random{3};
    std::vector<int> out;
    for (std::size_t i = 0; i < count; ++i) {
        auto const point = static_cast<double>(random() >> 11) * 0x1p-53 * sum;
        out.push_back(static_cast<int>(std::lower_bound(sums.begin(), sums.end() - 1, point) - sums.begin()));
    }
    return out;
}

// S3-FIFO as it is written in the paper, with one queue of each kind for all objects.
class plain_s3_fifo {
public:
    explicit plain_s3_fifo(std::size_t room) : small_room_(room / 10), room_(room), where_(objects), uses_(objects) {}

    bool look(int object) {
        auto& at = where_[static_cast<std::size_t>(object)];
        if (at.in && at.in != &ghosts_) {
            uses_of(object) = std::min(3, uses_of(object) + 1);
            return true;
        }
        while (small_.size() + main_.size() >= room_) {
            if (small_.size() >= small_room_) leave_small();
            else leave_main();
        }
        auto& to = at.in ? main_ : small_;
        if (at.in) ghosts_.erase(at.at);
        uses_of(object) = 0;
        enter(to, object);
        return false;
    }

private:
    struct place {
        std::list<int>* in = nullptr;
        std::list<int>::iterator at;
    };
    int& uses_of(int object) { return uses_[static_cast<std::size_t>(object)]; }
    void enter(std::list<int>& to, int object) { where_[static_cast<std::size_t>(object)] = {&to, to.insert(to.end(), object)}; }
    int oldest(std::list<int>& of) {
        auto const object = of.front();
        of.pop_front();
        where_[static_cast<std::size_t>(object)].in = nullptr;
        return object;
    }
    void leave_small() {
        while (!small_.empty()) {
            auto const object = oldest(small_);
            if (std::exchange(uses_of(object), 0) > 1) {
                enter(main_, object);
                continue;
            }
            enter(ghosts_, object);
            if (ghosts_.size() > room_ - small_room_) oldest(ghosts_);
            return;
        }
    }
    void leave_main() {
        for (;;) {
            auto const object = oldest(main_);
            if (uses_of(object) == 0) return;
            --uses_of(object);
            enter(main_, object);
        }
    }

    std::size_t small_room_, room_;
    std::list<int> small_, main_, ghosts_;
    std::vector<place> where_;
    std::vector<int> uses_;
};

class plain_lru {
public:
    explicit plain_lru(std::size_t room) : room_(room), where_(objects, order_.end()) {}

    bool look(int object) {
        auto& at = where_[static_cast<std::size_t>(object)];
        auto const hit = at != order_.end();
        if (hit) {
            order_.splice(order_.begin(), order_, at);
        } else {
            if (order_.size() == room_) {
                where_[static_cast<std::size_t>(order_.back())] = order_.end();
                order_.pop_back();
            }
            order_.push_front(object);
        }
        at = order_.begin();
        return hit;
    }

private:
    std::size_t room_;
    std::list<int> order_;    // the last one that was asked for first
    std::vector<std::list<int>::iterator> where_;
};

}  // namespace

TEST_CASE("memory_cache: misses as seldom as S3-FIFO in one piece, and a tenth less than LRU", "[cache]") {
    auto const looks = zipf(1'000'000);
    for (std::size_t const room : {2'000u, 20'000u}) {    // 1 % and 10 % of the objects
        memory_cache<int, int> cache{{.entries = room}};
        plain_s3_fifo plain{room};
        plain_lru lru{room};
        double misses = 0, plain_misses = 0, lru_misses = 0;
        for (auto const object : looks) {
            plain_misses += !plain.look(object);
            lru_misses += !lru.look(object);
            if (cache.get(object)) continue;
            ++misses;
            cache.put(object, object);
        }
        INFO("of " << room << " entries: " << misses << ", in one piece " << plain_misses << ", LRU " << lru_misses);
        CHECK(std::abs(misses - plain_misses) < 0.01 * plain_misses);
        CHECK(misses < 0.9 * lru_misses);
    }
}

TEST_CASE("memory_cache: options out of range are refused", "[cache]") {
    using small = memory_cache<int, int>;
    CHECK_THROWS_AS(small({.entries = 0}), std::invalid_argument);
    CHECK_THROWS_AS(small({.ttl = 0ns}), std::invalid_argument);
    CHECK_THROWS_AS(small({.ttl = -1s}), std::invalid_argument);
}
