#include <muster/flow/warm.hpp>

#include "catch.hpp"

#include <atomic>
#include <list>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <vector>

#include <muster/cache/memory_cache.hpp>
#include <muster/exec/thread_pool.hpp>
#include <muster/policy/named.hpp>
#include <muster/policy/on.hpp>
#include <muster/policy/retry.hpp>
#include <muster/testing/manual_time.hpp>
#include <muster/testing/scripted_task.hpp>

using namespace muster;
using namespace std::chrono_literals;
using testing::manual_time;

namespace {
struct request {
    std::string url;
    int use = 0;
};
outcome<int> no_odd(int item) {
    if (item % 2 != 0) return failure{cause::invalid_input, std::to_string(item) + " is odd"};
    return item * 10;
}

// A cache that has no room for anything.
struct full {
    using key_type = int;
    using value_type = int;
    static std::optional<int> get(int) { return {}; }
    template <class Compute>
    outcome<int> get_or_compute(int, context& cx, Compute const& compute) { return compute(cx); }
};
// A cache that cannot be used at all.
struct broken : full {
    template <class Compute>
    outcome<int> get_or_compute(int, context&, Compute const&) { throw std::runtime_error{"no memory left"}; }
};
}  // namespace

TEST_CASE("warm: computes what is not there, and keeps it", "[flow]") {
    memory_cache<int, int> cache;
    cache.put(2, 20);
    std::vector<int> const items{1, 2, 3};
    int calls = 0;
    auto const done = warm(cache, items, [&](int item) { ++calls; return item * 10; });
    CHECK(done.computed == 2);
    CHECK(done.there == 1);
    CHECK(done.failed() == 0);
    CHECK(calls == 2);
    for (int const item : items) CHECK(cache.get(item) == item * 10);
    auto const again = warm(cache, items, [](int) -> outcome<int> { return failure{cause::unavailable, "not asked"}; });
    CHECK(again.there == 3);
    CHECK(again.failures.empty());
}

TEST_CASE("warm: what fails is told item by item, in order, and is not there", "[flow]") {
    thread_pool pool{4};
    memory_cache<int, int> cache;
    auto const done = warm(cache, std::vector{0, 1, 2, 3, 4, 5}, named{"tens"} | on{pool} | no_odd);
    CHECK(done.computed == 3);
    CHECK(done.there == 0);
    REQUIRE(done.failed() == 3);
    for (std::size_t i = 0; i < 3; ++i) {
        CHECK(done.failures[i].index() == 2 * i + 1);
        CHECK(done.failures[i].stage() == "tens");
        CHECK(done.failures[i].is(cause::invalid_input));
    }
    CHECK(cache.size() == 3);
}

TEST_CASE("warm: many items on a pool are computed once each", "[flow]") {
    thread_pool pool{4};
    memory_cache<std::size_t, std::size_t> cache{{.entries = 100'000}};
    std::vector<std::atomic<int>> calls(1'000);
    std::vector<std::size_t> items;
    for (std::size_t i = 0; i < 3'000; ++i) items.push_back(i % 1'000);    // each key three times
    auto const done = warm(cache, items, on{pool} | [&](std::size_t item) { ++calls[item]; return item + 1; });
    CHECK(done.computed == 1'000);
    CHECK(done.there == 2'000);
    CHECK(done.failures.empty());
    int wrong = 0;
    for (std::size_t i = 0; i < 1'000; ++i) wrong += calls[i] != 1 || cache.get(i) != i + 1;
    CHECK(wrong == 0);
}

TEST_CASE("warm: cached says what the key is, and how long an answer is good", "[flow]") {
    manual_time time;
    context const parent{time};
    memory_cache<std::string, remembered<std::size_t>> cache;
    int calls = 0;
    auto const length = [&](request const& item) { ++calls; return item.url.size(); };
    auto const by_url = cached{cache, &request::url, {.fresh_for = 1min}};
    std::vector<request> const items{{"a", 1}, {"bb", 2}, {"a", 3}};
    auto const done = warm(by_url, items, length, parent);
    CHECK(done.computed == 2);
    CHECK(done.there == 1);
    time.advance(59s);
    CHECK(warm(by_url, items, length, parent).there == 3);
    time.advance(1s);
    CHECK(warm(by_url, items, length, parent).computed == 2);
    CHECK(calls == 4);
}

TEST_CASE("warm: an older answer that could not be renewed is there, a remembered failure is a failure", "[flow]") {
    manual_time time;
    context const parent{time};
    memory_cache<int, remembered<int>> cache;
    auto const aged = cached{cache, cached_options{.fresh_for = 1min, .stale_for = 1h, .failures = is_transient, .failures_for = 10s}};
    std::vector const items{1};
    CHECK(warm(aged, items, [](int) { return 1; }, parent).computed == 1);
    time.advance(2min);
    testing::scripted_task<int, int> const down{failure{cause::unavailable, "down"}};
    CHECK(warm(aged, items, down, parent).there == 1);
    CHECK(down.called() == 1);
    std::vector const others{2};
    CHECK(warm(aged, others, down, parent).failed() == 1);
    CHECK(warm(aged, others, down, parent).failed() == 1);
    CHECK(down.called() == 2);
}

TEST_CASE("warm: renews in the background where cached names an executor", "[flow]") {
    manual_time time;
    context const parent{time};
    memory_cache<int, remembered<int>> cache;
    std::atomic<int> calls{0};
    std::vector const items{7};
    {
        thread_pool pool{2};
        auto const aged = cached{cache, cached_options{.fresh_for = 1min, .stale_for = 1h}, pool};
        auto const count = [&](int) { return ++calls; };
        CHECK(warm(aged, items, on{pool} | count, parent).computed == 1);
        time.advance(2min);
        CHECK(warm(aged, items, on{pool} | count, parent).there == 1);
    }    // the pool runs out what was posted
    CHECK(calls == 2);
    CHECK(cache.get(7)->answer == 2);
}

TEST_CASE("warm: no items, items that only move, a range without positions", "[flow]") {
    memory_cache<int, int> cache;
    auto const none = warm(cache, std::vector<int>{}, no_odd);
    CHECK(none.computed + none.there + none.failed() == 0);
    CHECK(warm(cache, std::list<int>{2, 4, 4}, no_odd).there == 1);
    std::vector<std::unique_ptr<int>> boxes;
    boxes.push_back(std::make_unique<int>(6));
    auto const key = [](std::unique_ptr<int> const& box) { return *box; };
    CHECK(warm(cached{cache, key}, std::move(boxes), [](std::unique_ptr<int> box) { return *box + 1; }).computed == 1);
    CHECK(cache.get(6) == 7);
}

TEST_CASE("warm: a task that throws fails its item alone", "[flow]") {
    memory_cache<int, int> cache;
    auto const done = warm(cache, std::vector{1, 2}, [](int item) { return item == 1 ? throw std::runtime_error{"one"} : item; });
    CHECK(done.computed == 1);
    REQUIRE(done.failed() == 1);
    CHECK(done.failures[0].is(cause::threw));
    CHECK(done.failures[0].index() == 0);
}

TEST_CASE("warm: after a stop what was not started is among the failures", "[flow]") {
    memory_cache<int, int> cache;
    std::stop_source stop;
    context const parent{stop.get_token()};
    auto const done = warm(cache, std::vector{1, 2, 3}, [&](int item) {
        if (item == 2) stop.request_stop();
        return item;
    }, parent);
    CHECK(done.computed == 2);
    REQUIRE(done.failed() == 1);
    CHECK(done.failures[0].is(cause::cancelled));
    CHECK(done.failures[0].attempts() == 0);
}

TEST_CASE("warm: what the cache has no room for is computed, and not there", "[flow]") {
    full cache;
    auto const done = warm(cache, std::vector{2, 2}, no_odd);
    CHECK(done.computed == 2);
    CHECK(done.failures.empty());
    CHECK_FALSE(cache.get(2).has_value());
}

TEST_CASE("warm: a cache or a key that throws fails its item alone", "[flow]") {
    broken unusable;
    auto const none = warm(unusable, std::vector{2, 4}, no_odd);
    REQUIRE(none.failed() == 2);
    CHECK(none.failures[1].is(cause::threw));
    CHECK(none.failures[1].index() == 1);

    thread_pool pool{2};
    memory_cache<int, int> cache;
    auto const key = [](int item) { return item == 2 ? throw std::runtime_error{"no key"} : item; };
    auto const done = warm(cached{cache, key}, std::vector{0, 2, 4}, on{pool} | no_odd);
    CHECK(done.computed == 2);
    REQUIRE(done.failed() == 1);
    CHECK(done.failures[0].is(cause::threw));
    CHECK(done.failures[0].index() == 1);
}

TEST_CASE("warm: of items with the same key that fail, each is told", "[flow]") {
    memory_cache<int, int> cache;
    auto const done = warm(cache, std::vector{1, 1, 1}, no_odd);
    REQUIRE(done.failed() == 3);
    for (std::size_t i = 0; i < 3; ++i) CHECK(done.failures[i].index() == i);
}
