#include <muster/policy/cached.hpp>

#include "catch.hpp"
#include "forked.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <sched.h>     // sched_yield
#include <unistd.h>    // getpid

#include <muster/cache/memory_cache.hpp>
#include <muster/cache/shm_cache.hpp>
#include <muster/core/stage.hpp>
#include <muster/exec/inline_executor.hpp>
#include <muster/exec/thread_pool.hpp>
#include <muster/os/shared_memory.hpp>
#include <muster/policy/deadline.hpp>
#include <muster/policy/retry.hpp>
#include <muster/testing/manual_time.hpp>
#include <muster/testing/scripted_task.hpp>

using namespace muster;
using namespace std::chrono_literals;
using testing::manual_time;

namespace {
struct token {
    std::string kid;
    int use = 0;
};
using by_text = memory_cache<std::string, std::size_t>;
std::string const long_key = "a key that is long enough to be allocated, so that moving it empties it";

using text = std::string;
using aging = memory_cache<std::string, remembered<int>>;
using script = testing::scripted_task<std::string, int>;
failure down() { return {cause::unavailable, "down"}; }
bool is_wrong(failure const& what) { return what.is(cause::invalid_input); }

struct aged {
    manual_time time{manual_time::jumping};
    context cx{time};
    aging cache;
};

// An executor that runs its jobs when a test says so.
struct later_on {
    std::vector<std::function<void()>> jobs;
    bool refuses = false;
    static std::size_t width() { return 1; }
    template <class Body>
    void bulk(std::size_t n, std::size_t, Body const& body) const {
        if (n != 0) body(std::size_t{0}, n);
    }
    template <class Job>
    void post(Job job) {
        if (refuses) throw std::runtime_error{"no room"};
        auto const kept = std::make_shared<Job>(std::move(job));
        jobs.emplace_back([kept] { (*kept)(); });
    }
    void run_all() {
        for (auto& job : std::exchange(jobs, {})) job();
    }
};
static_assert(executor<later_on>);

// A cache in which something happens between the look at an entry and its update.
struct interrupted {
    using key_type = text;
    using value_type = remembered<int>;
    std::function<void(aging&)> before_update;
    aging under;

    std::optional<value_type> get(text const& key) { return under.get(key); }
    template <class Compute>
    outcome<value_type> get_or_compute(text const& key, context& cx, Compute const& compute) { return under.get_or_compute(key, cx, compute); }
    void put(text const& key, value_type value, instant now) { under.put(key, std::move(value), now); }
    bool erase(text const& key) { return under.erase(key); }
    template <class Change>
    value_type update(text const& key, Change const& change, instant now) {
        before_update(under);
        return under.update(key, change, now);
    }
};

// A policy of somebody's that throws now and then.
template <class When>
struct throws_if {
    using policy_concept = around_tag;
    When when;
    template <class Next, class Item>
    auto around(Next const& next, context& cx, Item&& item) const -> outcome_of<Next, Item> {
        if (when()) throw std::runtime_error{"in between"};
        return next(cx, std::forward<Item>(item));
    }
};
template <class When>
throws_if(When) -> throws_if<When>;

struct spoilt {
    text key = "a";
    spoilt() = default;
    spoilt(spoilt const&) { throw std::runtime_error{"cannot be copied"}; }
};
}  // namespace

static_assert(around_policy<cached<by_text>>);
static_assert(!std::constructible_from<cached<by_text>, by_text>);    // a temporary cache does not bind
static_assert(sizeof(cached<by_text>) == sizeof(void*));

TEST_CASE("cached: a hit answers without a call, for the key of the item", "[policy]") {
    by_text cache;
    int calls = 0;
    auto const length = cached{cache} | [&](std::string const& text) { ++calls; return text.size(); };
    CHECK(length(std::string{"abc"}) == 3u);
    CHECK(length(std::string{"abc"}) == 3u);
    CHECK(calls == 1);
    CHECK(length(std::string{"abcd"}) == 4u);
    CHECK(calls == 2);
}

TEST_CASE("cached: the key may be a member, or what a function makes of the item", "[policy]") {
    by_text cache;
    int calls = 0;
    auto const count = [&](token const& item) { ++calls; return item.kid.size(); };
    auto const by_member = cached{cache, &token::kid} | count;
    CHECK(by_member(token{"abc", 1}) == 3u);
    CHECK(by_member(token{"abc", 2}) == 3u);
    auto const by_function = cached{cache, [](token const& item) { return item.kid + "!"; }} | count;
    CHECK(by_function(token{"abc", 3}) == 3u);
    CHECK(calls == 2);
    CHECK(cache.get("abc!") == 3u);
}

TEST_CASE("cached: failures are not remembered", "[policy]") {
    by_text cache;
    int calls = 0;
    auto const task = cached{cache} | [&](std::string const& text) -> outcome<std::size_t> {
        if (++calls == 1) return failure{cause::unavailable, "down"};
        return text.size();
    };
    CHECK(task(std::string{"a"}).error().is(cause::unavailable));
    CHECK(task(std::string{"a"}) == 1u);
    CHECK(calls == 2);
}

TEST_CASE("cached: an answer is remembered for the key as it was, whatever the task does to the item", "[policy]") {
    by_text cache;
    auto const consume = cached{cache} | [](std::string text) { return text.size(); };
    CHECK(consume(std::string{long_key}) == long_key.size());
    CHECK(cache.get(long_key) == long_key.size());
    CHECK_FALSE(cache.get("").has_value());

    auto const spoil = cached{cache} | [](std::string& text) { text = "spoiled"; return std::size_t{7}; };
    std::string item = "fresh";
    CHECK(spoil(item) == 7u);
    CHECK(cache.get("fresh") == 7u);
    CHECK_FALSE(cache.get("spoiled").has_value());

    auto const by_member = cached{cache, &token::kid} | [](token item_taken) { return item_taken.kid.size(); };
    CHECK(by_member(token{long_key + '2'}) == long_key.size() + 1);
    CHECK(cache.get(long_key + '2').has_value());
}

TEST_CASE("cached: a key that is entered again below its own call fails instead of waiting for itself", "[policy]") {
    by_text cache;
    outcome<std::size_t> inner;
    auto const task = cached{cache} | [&](std::string const& text, context& cx) {
        inner = (cached{cache} | [](std::string const&) { return std::size_t{0}; })(text, cx);
        return text.size();
    };
    CHECK(task(std::string{"abc"}) == 3u);
    REQUIRE_FALSE(inner.has_value());
    CHECK(inner.error().is(cause::would_deadlock));
}

TEST_CASE("cached: items that only move, answers that convert", "[policy]") {
    memory_cache<int, double> cache;
    auto const task = cached{cache, [](std::unique_ptr<int> const& item) { return *item; }} |
                      [](std::unique_ptr<int> item) { return *item + 1; };
    CHECK(task(std::make_unique<int>(4)) == 5.0);
    CHECK(cache.get(4) == 5.0);
}

TEST_CASE("cached: equal where cache and key are", "[policy]") {
    by_text a, b;
    CHECK(cached{a} == cached{a});
    CHECK_FALSE(cached{a} == cached{b});
    CHECK(cached{a, &token::kid}.describe() == "cached");
}

// With options

TEST_CASE("cached: an answer is given as long as it is fresh, then made anew", "[policy]") {
    aged at;
    script const task{1, 2};
    auto const ask = cached{at.cache, cached_options{.fresh_for = 1min}} | task;
    CHECK(ask("a", at.cx) == 1);
    at.time.advance(1min - 1ns);
    CHECK(ask("a", at.cx) == 1);
    CHECK(task.called() == 1);
    at.time.advance(1ns);
    CHECK(ask("a", at.cx) == 2);
    CHECK(task.called() == 2);
    auto const entry = at.cache.get("a", at.time.now());
    REQUIRE(entry.has_value());
    CHECK(entry->made == at.time.now());
    CHECK(entry->fresh_until == at.time.now() + 1min);
    CHECK(entry->given_until == entry->fresh_until);
}

TEST_CASE("cached: without an end, an answer is given for ever", "[policy]") {
    aged at;
    script const task{1, 2};
    auto const ask = cached{at.cache, cached_options{.stale_for = 1h, .ahead = 1, .jitter = 1}} | task;
    CHECK(ask("a", at.cx) == 1);
    at.time.advance(24h * 365);
    CHECK(ask("a", at.cx) == 1);
}

TEST_CASE("cached: chosen failures are remembered for their time, others are not", "[policy]") {
    aged at;
    script const task{failure{cause::invalid_input, "no such name"}, down(), 3};
    auto const ask = cached{at.cache, cached_options{.fresh_for = 1min, .failures = is_wrong, .failures_for = 5s}} | task;
    CHECK(ask("a", at.cx).error().text() == "no such name");
    at.time.advance(5s - 1ns);
    CHECK(ask("a", at.cx).error().is(cause::invalid_input));
    CHECK(task.called() == 1);
    at.time.advance(1ns);
    CHECK(ask("a", at.cx).error().is(cause::unavailable));
    CHECK(ask("a", at.cx) == 3);
    CHECK(task.called() == 3);
}

TEST_CASE("cached: a failure is remembered for as long as it asks to be left alone", "[policy]") {
    aged at;
    auto busy = failure{cause::rejected, "too many"};
    busy.retry_after(20s);
    script const task{busy, 1};
    auto const any = [](failure const&) { return true; };
    auto const ask = cached{at.cache, cached_options{.failures = any, .failures_for = 1s}} | task;
    CHECK_FALSE(ask("a", at.cx).has_value());
    at.time.advance(19s);
    CHECK_FALSE(ask("a", at.cx).has_value());
    CHECK(task.called() == 1);
    at.time.advance(1s);
    CHECK(ask("a", at.cx) == 1);
}

TEST_CASE("cached: what ends with the caller's own deadline is not remembered", "[policy]") {
    aged at;
    auto const any = [](failure const&) { return true; };
    int calls = 0;
    auto const slow = [&](std::string const&, context& cx) -> outcome<int> {
        if (++calls > 1) return 7;
        if (auto slept = cx.pause(1min); !slept) return slept.error();
        return 1;
    };
    auto const policy = cached{at.cache, cached_options{.failures = any, .failures_for = 1h}};
    CHECK((deadline{1s} | policy | slow)("a", at.cx).error().is(cause::timed_out));
    CHECK((policy | slow)("a", at.cx) == 7);
}

TEST_CASE("cached: what says nothing of the key is not remembered, whatever is chosen", "[policy]") {
    auto const any = [](failure const&) { return true; };
    for (auto const& why : {failure{}, failure{cause::cancelled, "the pool ended"}, failure{cause::would_deadlock, "a circle"}}) {
        aged at;
        script const task{why, 1};
        auto const ask = cached{at.cache, cached_options{.failures = any, .failures_for = 1h}} | task;
        CHECK(ask("a", at.cx).error() == why);
        CHECK(ask("a", at.cx) == 1);
    }
}

TEST_CASE("cached: a stale answer is renewed by the one who finds it, who gets the newer one", "[policy]") {
    aged at;
    int calls = 0;
    outcome<int> meanwhile;
    auto const policy = cached{at.cache, cached_options{.fresh_for = 1min, .stale_for = 1h}};
    auto const ask = policy | [&](std::string const& key, context& cx) {
        // Somebody else asks while the newer one is made.
        if (++calls == 2) meanwhile = (policy | [&](std::string const&) { return calls += 100; })(key, cx);
        return calls;
    };
    CHECK(ask("a", at.cx) == 1);
    at.time.advance(1min);
    CHECK(ask("a", at.cx) == 2);
    CHECK(meanwhile == 1);
    CHECK(ask("a", at.cx) == 2);
    CHECK(calls == 2);
}

TEST_CASE("cached: a renewal that fails leaves the stale answer to its end, and is tried again after a while", "[policy]") {
    aged at;
    script const task{1, down(), down(), down(), 5};
    cached_options const say{.fresh_for = 1min, .stale_for = 1h, .failures = is_transient, .failures_for = 10s};
    auto const ask = cached{at.cache, say} | task;
    CHECK(ask("a", at.cx) == 1);
    at.time.advance(1min);
    CHECK(ask("a", at.cx) == 1);
    CHECK(task.called() == 2);
    at.time.advance(10s - 1ns);
    CHECK(ask("a", at.cx) == 1);
    CHECK(task.called() == 2);
    at.time.advance(1ns);
    CHECK(ask("a", at.cx) == 1);
    CHECK(task.called() == 3);
    at.time.advance(1h);
    CHECK(ask("a", at.cx).error().is(cause::unavailable));    // over: the failure is the answer, and remembered
    CHECK(ask("a", at.cx).error().is(cause::unavailable));
    CHECK(task.called() == 4);
    at.time.advance(10s);
    CHECK(ask("a", at.cx) == 5);
}

TEST_CASE("cached: a renewal that its caller's deadline ended is left to the next one at once", "[policy]") {
    aged at;
    int calls = 0;
    auto const policy = cached{at.cache, cached_options{.fresh_for = 1min, .stale_for = 1h, .failures_for = 10min}};
    auto const slow = [&](std::string const&, context& cx) -> outcome<int> {
        if (++calls == 2)
            if (auto slept = cx.pause(1min); !slept) return slept.error();
        return calls;
    };
    CHECK((policy | slow)("a", at.cx) == 1);
    at.time.advance(1min);
    {
        auto const soon = at.cx.change_deadline(at.time.now() + 1s);
        CHECK((policy | slow)("a", at.cx) == 1);
    }
    CHECK((policy | slow)("a", at.cx) == 3);
}

TEST_CASE("cached: who renews and never comes back is replaced", "[policy]") {
    aged at;
    later_on where;
    script const task{1, 2};
    auto const ask = cached{at.cache, cached_options{.fresh_for = 1min, .stale_for = 1h, .renew_within = 5s}, where} | task;
    CHECK(ask(text{"a"}, at.cx) == 1);
    at.time.advance(1min);
    CHECK(ask(text{"a"}, at.cx) == 1);
    CHECK(ask(text{"a"}, at.cx) == 1);
    CHECK(where.jobs.size() == 1);
    where.jobs.clear();    // it is never run
    at.time.advance(5s);
    CHECK(ask(text{"a"}, at.cx) == 1);
    REQUIRE(where.jobs.size() == 1);
    where.run_all();
    CHECK(ask(text{"a"}, at.cx) == 2);
}

TEST_CASE("cached: ahead renews in the last share of the fresh time", "[policy]") {
    aged at;
    script const task{1, 2};
    auto const ask = cached{at.cache, cached_options{.fresh_for = 100s, .ahead = 0.25}} | task;
    CHECK(ask("a", at.cx) == 1);
    at.time.advance(75s - 1ns);
    CHECK(ask("a", at.cx) == 1);
    at.time.advance(1ns);
    CHECK(ask("a", at.cx) == 2);
    CHECK(task.called() == 2);
}

TEST_CASE("cached: ahead begins earlier for what takes longer to make, but not in the first half", "[policy]") {
    for (auto const& [took, early] : {std::pair{30s, 30s}, {5s, 10s}, {80s, 50s}}) {
        aged at;
        auto const slow = [took = took](std::string const&, context& cx) -> outcome<int> {
            if (auto slept = cx.pause(took); !slept) return slept.error();
            return 1;
        };
        CHECK((cached{at.cache, cached_options{.fresh_for = 100s, .ahead = 0.1}} | slow)("a", at.cx) == 1);
        auto const entry = at.cache.get("a", at.time.now());
        REQUIRE(entry.has_value());
        CHECK(entry->fresh_until - entry->renew_from == early);
    }
}

TEST_CASE("cached: jitter spreads the ends of what is stored together, each key's the same each time", "[policy]") {
    auto const lives = [] {
        aged at;
        auto const ask = cached{at.cache, cached_options{.fresh_for = 100s, .jitter = 0.2}} | [](std::string const&) { return 1; };
        std::vector<std::chrono::nanoseconds> out;
        for (int i = 0; i < 200; ++i) {
            auto const key = std::to_string(i);
            (void)ask(key, at.cx);
            out.push_back(at.cache.get(key, at.time.now())->fresh_until - at.time.now());
        }
        return out;
    };
    auto const once = lives();
    CHECK(once == lives());
    CHECK(std::set(once.begin(), once.end()).size() == once.size());
    std::size_t inside = 0, in_lower_half = 0;
    for (auto const life : once) {
        inside += life > 80s && life <= 100s;
        in_lower_half += life < 90s;
    }
    CHECK(inside == once.size());
    CHECK(in_lower_half > 70);
    CHECK(in_lower_half < 130);
}

TEST_CASE("cached: keys that std::hash does not know have jitter all the same", "[policy]") {
    struct pair_key {
        int a = 0, b = 0;
    };
    instant const made = instant{} + 1h;
    CHECK(detail::share_of(pair_key{}, made) == detail::share_of(pair_key{}, made));
    CHECK(detail::share_of(pair_key{}, made) != detail::share_of(pair_key{}, made + 1ns));
    CHECK(detail::share_of(7, made) == detail::share_of(7, made + 1ns));
}

TEST_CASE("cached: with an executor nobody waits for a newer answer", "[policy]") {
    aged at;
    later_on where;
    script const task{1, 2, down(), 4};
    auto const ask = cached{at.cache, cached_options{.fresh_for = 1min, .stale_for = 1h, .failures_for = 10s}, where} | task;
    CHECK(ask(text{"a"}, at.cx) == 1);
    CHECK(where.jobs.empty());    // where nothing is there, the caller makes it
    at.time.advance(1min);
    CHECK(ask(text{"a"}, at.cx) == 1);
    CHECK(ask(text{"a"}, at.cx) == 1);
    CHECK(where.jobs.size() == 1);
    where.run_all();
    CHECK(ask(text{"a"}, at.cx) == 2);

    at.time.advance(1min);
    CHECK(ask(text{"a"}, at.cx) == 2);
    where.run_all();    // fails
    CHECK(ask(text{"a"}, at.cx) == 2);
    CHECK(where.jobs.empty());
    at.time.advance(10s);
    CHECK(ask(text{"a"}, at.cx) == 2);
    where.run_all();
    CHECK(ask(text{"a"}, at.cx) == 4);
    CHECK(task.calls().back().deadline == at.time.now() + 30s);    // it is to end before another one begins
}

TEST_CASE("cached: an executor that takes no job leaves the renewal to the caller", "[policy]") {
    aged at;
    later_on where;
    where.refuses = true;
    script const task{1, 2};
    auto const ask = cached{at.cache, cached_options{.fresh_for = 1min, .stale_for = 1h}, where} | task;
    CHECK(ask(text{"a"}, at.cx) == 1);
    at.time.advance(1min);
    CHECK(ask(text{"a"}, at.cx) == 2);
}

TEST_CASE("cached: a renewal in the background outlives its caller, item and stage", "[policy]") {
    aged at;
    std::atomic<int> calls{0};
    auto const by_kid = [&](auto& pool) { return cached{at.cache, &token::kid, {.fresh_for = 1min, .stale_for = 1h}, pool}; };
    auto const count = [&calls](token item) { return item.kid == long_key ? ++calls : -1; };
    {
        thread_pool pool{2};
        CHECK((by_kid(pool) | retry{.attempts = 2} | count)(token{long_key}, at.cx) == 1);
        at.time.advance(1min);
        CHECK((by_kid(pool) | retry{.attempts = 2} | count)(token{long_key}, at.cx) == 1);
    }    // the pool runs out what was posted
    CHECK(calls == 2);
    CHECK(at.cache.get(long_key, at.time.now())->answer == 2);
}

TEST_CASE("cached: what was erased while somebody renews it does not come back", "[policy]") {
    aged at;
    auto const policy = cached{at.cache, cached_options{.fresh_for = 1min, .stale_for = 1h}};
    int calls = 0;
    auto const ask = policy | [&](std::string const& key) -> outcome<int> {
        if (++calls != 2) return calls;
        at.cache.erase(key);
        return down();
    };
    CHECK(ask("a", at.cx) == 1);
    at.time.advance(1min);
    CHECK(ask("a", at.cx) == 1);
    CHECK(ask("a", at.cx) == 3);
}

TEST_CASE("cached: what was erased while somebody makes a newer answer does not come back either", "[policy]") {
    aged at;
    auto const policy = cached{at.cache, cached_options{.fresh_for = 1min, .stale_for = 1h}};
    int calls = 0;
    auto const ask = policy | [&](std::string const& key) {
        if (++calls == 2) at.cache.erase(key);    // what this call has read is no longer so
        return calls;
    };
    CHECK(ask("a", at.cx) == 1);
    at.time.advance(1min);
    CHECK(ask("a", at.cx) == 2);
    CHECK(ask("a", at.cx) == 3);
}

TEST_CASE("cached: who comes back from a renewal too late does not take away a newer answer", "[policy]") {
    aged at;
    auto const policy = cached{at.cache, cached_options{.fresh_for = 1min, .stale_for = 1h, .renew_within = 5s}};
    outcome<int> meanwhile;
    auto const slow = policy | [&](std::string const& key, context& cx) {
        at.time.advance(5s);    // taken for dead: the next caller makes it
        meanwhile = (policy | [](std::string const&) { return 3; })(key, cx);
        return 2;
    };
    CHECK((policy | [](std::string const&) { return 1; })("a", at.cx) == 1);
    at.time.advance(1min);
    CHECK(slow("a", at.cx) == 2);
    CHECK(meanwhile == 3);
    CHECK(at.cache.get("a", at.time.now())->answer == 3);
}

TEST_CASE("cached: who fails in a renewal too late does not take it from the next one", "[policy]") {
    aged at;
    later_on where;
    cached_options const say{.fresh_for = 1min, .stale_for = 1h, .failures_for = 1s, .renew_within = 5s};
    script const task{1};
    CHECK((cached{at.cache, say, where} | task)(text{"a"}, at.cx) == 1);
    at.time.advance(1min);
    auto const slow = cached{at.cache, say} | [&](std::string const& key, context& cx) -> outcome<int> {
        at.time.advance(5s);    // taken for dead: the next caller has it made
        CHECK((cached{at.cache, say, where} | task)(key, cx) == 1);
        return down();
    };
    CHECK(slow("a", at.cx) == 1);
    at.time.advance(1s);
    CHECK((cached{at.cache, say, where} | task)(text{"a"}, at.cx) == 1);
    CHECK(where.jobs.size() == 1);
}

TEST_CASE("cached: a renewal that throws leaves the stale answer, and is tried again after a while", "[policy]") {
    aged at;
    auto const policy = cached{at.cache, cached_options{.fresh_for = 1min, .stale_for = 1h, .failures_for = 10s}};
    int calls = 0;
    auto const ask = policy | throws_if{[&] { return ++calls == 2; }} | [&](std::string const&) { return calls; };
    CHECK(ask("a", at.cx) == 1);
    at.time.advance(1min);
    CHECK(ask("a", at.cx) == 1);
    at.time.advance(10s - 1ns);
    CHECK(ask("a", at.cx) == 1);
    CHECK(calls == 2);
    at.time.advance(1ns);
    CHECK(ask("a", at.cx) == 3);
}

TEST_CASE("cached: a cache that throws when the newer answer is put there does not take the answer from the caller", "[policy]") {
    manual_time time;
    context cx{time};
    int updates = 0;
    interrupted cache{[&](aging&) { if (++updates >= 2) throw std::runtime_error{"no room"}; }, {}};
    script const task{1, 2};
    auto const ask = cached{cache, cached_options{.fresh_for = 1min, .stale_for = 1h}} | task;
    CHECK(ask("a", cx) == 1);
    time.advance(1min);
    CHECK(ask("a", cx) == 2);
    time.advance(1min);
    CHECK(ask("a", cx) == 1);    // nobody can say that he renews it: what is there is given
}

TEST_CASE("cached: an item that cannot be copied for the executor leaves the renewal to the caller", "[policy]") {
    aged at;
    later_on where;
    auto const ask = cached{at.cache, &spoilt::key, {.fresh_for = 1min, .stale_for = 1h}, where} |
                     [calls = std::make_shared<int>(0)](spoilt const&) { return ++*calls; };
    CHECK(ask(spoilt{}, at.cx) == 1);
    at.time.advance(1min);
    CHECK(ask(spoilt{}, at.cx) == 2);
}

TEST_CASE("cached: a job that begins late ends before another one begins, or is left to that one", "[policy]") {
    aged at;
    later_on where;
    script const task{1, 2, 3, 4};
    auto const ask = cached{at.cache, cached_options{.fresh_for = 1min, .stale_for = 1h, .renew_within = 30s}, where} | task;
    auto const ask_when_stale = [&](int answer) {
        at.time.advance(1min);
        CHECK(ask(text{"a"}, at.cx) == answer);
    };
    CHECK(ask(text{"a"}, at.cx) == 1);
    ask_when_stale(1);
    auto const posted_at = at.time.now();
    at.time.advance(20s);
    where.run_all();
    CHECK(task.calls().back().deadline == posted_at + 30s);

    ask_when_stale(2);
    at.time.advance(40s);    // nobody else has begun: it may
    where.run_all();
    CHECK(task.calls().back().deadline == at.time.now() + 30s);

    ask_when_stale(3);
    at.time.advance(40s);
    CHECK(ask(text{"a"}, at.cx) == 3);    // another one is posted
    REQUIRE(where.jobs.size() == 2);
    where.run_all();
    CHECK(task.called() == 4);
    CHECK(ask(text{"a"}, at.cx) == 4);
}

TEST_CASE("cached: in a stopped run nothing is renewed, what is there is given", "[policy]") {
    aged at;
    script const task{1, 2};
    auto const ask = cached{at.cache, cached_options{.fresh_for = 1min, .stale_for = 1h}} | task;
    CHECK(ask("a", at.cx) == 1);
    at.time.advance(1min);
    std::stop_source stop;
    stop.request_stop();
    context stopped{stop.get_token(), at.time};
    CHECK(ask("a", stopped) == 1);
    CHECK(task.called() == 1);
}

TEST_CASE("cached: of many who find an answer stale one makes the newer one, and nobody else waits", "[policy]") {
    manual_time time;    // stands still
    aging cache{};
    std::atomic<int> calls{0}, old{0}, wrong{0};
    constexpr int threads = 8;
    auto const ask = cached{cache, cached_options{.fresh_for = 1min, .stale_for = 1h}} | [&](std::string const&) {
        if (++calls == 1) return 1;
        while (old != threads - 1) ::sched_yield();    // all the others are given the older one meanwhile
        return 2;
    };
    context first{time};
    CHECK(ask("a", first) == 1);
    time.advance(1min);
    std::atomic<int> newer{0};
    {
        std::vector<std::jthread> all;
        for (int i = 0; i < threads; ++i)
            all.emplace_back([&] {
                context cx{time};
                auto const answer = ask("a", cx);
                if (answer == 1) ++old;
                else if (answer == 2) ++newer;
                else ++wrong;
            });
    }
    CHECK(calls == 2);
    CHECK(old == threads - 1);
    CHECK(newer == 1);
    CHECK(wrong == 0);
}

TEST_CASE("cached: of many who find an answer stale at the same time one makes the newer one", "[policy]") {
    manual_time time;
    constexpr int threads = 4;
    std::atomic<int> found{0}, calls{0}, newer{0}, old{0};
    interrupted cache{[&](aging&) {
        ++found;
        while (found < threads) ::sched_yield();    // all have seen the stale one before anybody says that it is his
    }, {}};
    auto const ask = cached{cache, cached_options{.fresh_for = 1min, .stale_for = 1h}} | [&](std::string const&) { return ++calls; };
    context first{time};
    CHECK(ask("a", first) == 1);
    time.advance(1min);
    {
        std::vector<std::jthread> all;
        for (int i = 0; i < threads; ++i)
            all.emplace_back([&] {
                context cx{time};
                auto const answer = ask("a", cx);
                newer += answer == 2;
                old += answer == 1;
            });
    }
    CHECK(calls == 2);
    CHECK(newer == 1);
    CHECK(old == threads - 1);
}

TEST_CASE("cached: what is erased before somebody can say that he renews it does not come back", "[policy]") {
    manual_time time;
    context cx{time};
    interrupted cache{[](aging& under) { under.erase("a"); }, {}};
    script const task{1, 2};
    auto const ask = cached{cache, cached_options{.fresh_for = 1min, .stale_for = 1h}} | task;
    CHECK(ask("a", cx) == 1);
    time.advance(1min);
    CHECK(ask("a", cx) == 1);    // it has it in its hands
    CHECK(task.called() == 1);
    CHECK(ask("a", cx) == 2);
}

TEST_CASE("cached: of many who find nothing, or what is over, one makes the answer for all", "[policy]") {
    manual_time time;
    aging cache;
    std::atomic<int> calls{0}, wrong{0};
    constexpr int threads = 8;
    auto const ask = cached{cache, cached_options{.fresh_for = 1ns, .failures = is_wrong}} | [&](std::string const&) {
        auto const answer = ++calls;
        time.until_waiting(threads - 1);
        time.advance(1h);    // it is over long before those who waited see it: it is made while they did
        return answer;
    };
    for (int round = 1; round <= 2; ++round) {
        std::vector<std::jthread> all;
        for (int i = 0; i < threads; ++i)
            all.emplace_back([&] {
                context cx{time};
                wrong += !(ask("a", cx) == round);
            });
        all.clear();
        time.advance(1s);
    }
    CHECK(calls == 2);
    CHECK(wrong == 0);
}

TEST_CASE("cached: many threads, short lives, failures: every answer is one that was good", "[policy]") {
    manual_time time;
    memory_cache<int, remembered<int>> cache{{.entries = 64}};
    thread_pool pool{2};
    std::atomic<int> made{0}, wrong{0};
    cached_options const say{.fresh_for = 20ns, .stale_for = 20ns, .ahead = 0.2, .jitter = 0.3, .failures = is_wrong, .failures_for = 5ns};
    auto const task = [&](int key) -> outcome<int> {
        auto const number = ++made;
        if (number % 7 == 0) return failure{cause::invalid_input, std::to_string(key)};
        if (number % 5 == 0) return down();
        return key;
    };
    {
        std::vector<std::jthread> all;
        for (int t = 0; t < 4; ++t)
            all.emplace_back([&, t] {
                auto const here = cached{cache, say} | task;
                auto const there = cached{cache, say, pool} | task;
                for (int i = 0; i < 2'000; ++i) {
                    context cx{time};
                    int const key = (i * 7 + t) % 100;
                    auto const answer = t % 2 == 0 ? here(key, cx) : there(key, cx);
                    if (answer.has_value()) wrong += *answer != key;
                    else if (answer.error().is(cause::invalid_input)) wrong += answer.error().text() != std::to_string(key);
                    else wrong += !answer.error().is(cause::unavailable);
                    time.advance(1ns);
                }
            });
    }
    CHECK(wrong == 0);
}

TEST_CASE("cached: with options it is equal where cache, key, executor and options are, and says them", "[policy]") {
    aging a, b;
    later_on where, elsewhere;
    cached_options const say{.fresh_for = 1min, .stale_for = 1h};
    CHECK(cached{a, say} == cached{a, say});
    CHECK_FALSE(cached{a, say} == cached{b, say});
    CHECK_FALSE(cached{a, say} == cached{a, cached_options{}});
    CHECK(cached{a, say, where} == cached{a, say, where});
    CHECK_FALSE(cached{a, say, where} == cached{a, say, elsewhere});
    CHECK(cached{a, &token::kid, {.fresh_for = 1min, .stale_for = 1h}} == cached{a, &token::kid, say});
    CHECK(cached{a, say}.describe() == "cached{fresh for 60s, stale for 1h}");
}

namespace {
class shared_name {
public:
    shared_name() : name_("muster-test-cached-" + std::to_string(::getpid())) {}
    shared_name(shared_name const&) = delete;
    shared_name& operator=(shared_name const&) = delete;
    ~shared_name() { (void)shm_cache<std::string, remembered<int>>::unlink(name_); }
    operator std::string const&() const noexcept { return name_; }

private:
    std::string name_;
};
}  // namespace

TEST_CASE("cached: answers, ages and failures are shared by the processes that open a shm_cache", "[policy][forks]") {
    shared_name const name;
    shm_cache<std::string, remembered<int>> cache{name};
    cached_options const say{.fresh_for = 1h, .failures = is_wrong, .failures_for = 1h};
    auto const wrong_b = [](int answer) {
        return [answer](std::string const& key) -> outcome<int> {
            if (key == "b") return failure{cause::invalid_input, "no b"};
            return answer;
        };
    };
    CHECK((cached{cache, say} | wrong_b(1))("a") == 1);
    CHECK((cached{cache, say} | wrong_b(1))("b").error().is(cause::invalid_input));
    CHECK(in_child([&] {
        shm_cache<std::string, remembered<int>> same{name};
        script const never_asked{9};
        auto const ask = cached{same, say} | never_asked;
        auto const b = ask("b");
        bool const known = ask("a") == 1 && !b && b.error().text() == "no b" && never_asked.called() == 0;
        return known && (cached{same, say} | wrong_b(3))("c") == 3 ? 0 : 1;
    }) == exits(0));
    CHECK((cached{cache, say} | wrong_b(4))("c") == 3);
}

TEST_CASE("cached: while one process renews an answer, another one is given the older", "[policy][forks]") {
    shared_name const name;
    struct notes {
        std::atomic<int> renewing{0}, asked{0};
    };
    shared_memory const memory{sizeof(notes)};
    auto& told = *::new (memory.data()) notes;
    cached_options const say{.fresh_for = 1min, .stale_for = 1h};
    shm_cache<std::string, remembered<int>> cache{name};
    // An answer that became stale a while ago.
    auto const now = thread_waiter{}.now();
    REQUIRE(cache.put("a", {1, now - 2min, now - 1min, now - 1min, now + 1h}));

    std::jthread const here([&] {    // asks while the child renews
        while (told.renewing == 0) ::sched_yield();
        shm_cache<std::string, remembered<int>> same{name};
        bool asked = false;
        auto const answer = (cached{same, say} | [&](std::string const&) { asked = true; return 3; })("a");
        told.asked = answer == 1 && !asked ? 1 : 2;
    });
    CHECK(in_child([&] {
        shm_cache<std::string, remembered<int>> same{name};
        auto const answer = (cached{same, say} | [&](std::string const&) {
            told.renewing = 1;
            while (told.asked == 0) ::sched_yield();
            return 2;
        })("a");
        return answer == 2 ? 0 : 1;
    }) == exits(0));
    told.renewing = 1;    // whatever became of the child
    CHECK(told.asked == 1);
    CHECK(cache.get("a")->answer == 2);
}

TEST_CASE("cached: of a hundred callers in two processes who find an answer late one makes the newer one", "[policy][forks]") {
    shared_name const name;
    struct notes {
        std::atomic<int> ready{0}, calls{0}, older{0}, newer{0};
        std::atomic<bool> over{false};
    };
    shared_memory const memory{sizeof(notes)};
    auto& told = *::new (memory.data()) notes;
    constexpr int each = 50;
    shm_cache<std::string, remembered<int>> cache{name};
    auto const now = thread_waiter{}.now();
    REQUIRE(cache.put("a", {1, now - 2min, now - 1min, now - 1min, now + 1h}));

    auto const callers = [&] {
        shm_cache<std::string, remembered<int>> same{name};
        auto const ask = cached{same, cached_options{.fresh_for = 1h, .stale_for = 1h, .renew_within = 1h}} | [&](std::string const&) {
            ++told.calls;
            while (told.older + told.calls < 2 * each && !told.over) ::sched_yield();    // all others have come and gone
            return 2;
        };
        std::vector<std::jthread> all;
        for (int i = 0; i < each; ++i)
            all.emplace_back([&] {
                ++told.ready;
                while (told.ready < 2 * each && !told.over) ::sched_yield();
                auto const answer = ask("a");
                told.older += answer == 1;
                told.newer += answer == 2;
            });
    };
    std::jthread const here{callers};
    CHECK(in_child([&] { return callers(), 0; }) == exits(0));
    told.over = told.ready < 2 * each;    // the child ended before it began: nobody waits for it
    while (told.older + told.newer < 2 * each && !told.over) ::sched_yield();
    CHECK(told.calls == 1);
    CHECK(told.newer == 1);
    CHECK(told.older == 2 * each - 1);
}

TEST_CASE("cached: a process that dies while it renews leaves the older answer, and after a while the renewal", "[policy][forks]") {
    shared_name const name;
    shm_cache<std::string, remembered<int>> cache{name};
    cached_options const say{.fresh_for = 1min, .stale_for = 1h, .renew_within = 10s};
    manual_time time{manual_time::jumping};
    context cx{time};
    CHECK((cached{cache, say} | [](std::string const&) { return 1; })("a", cx) == 1);
    time.advance(2min);
    CHECK(in_child([&] {
        shm_cache<std::string, remembered<int>> same{name};
        (void)(cached{same, say} | [](std::string const&) -> int { ::_exit(3); })("a", cx);
        return 0;
    }) == exits(3));
    auto const ask = cached{cache, say} | [](std::string const&) { return 2; };
    CHECK(ask("a", cx) == 1);
    time.advance(10s - 1ns);
    CHECK(ask("a", cx) == 1);
    time.advance(1ns);
    CHECK(ask("a", cx) == 2);
}
