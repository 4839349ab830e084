#include <muster/testing/conformance.hpp>

#include "catch.hpp"

#include <map>
#include <optional>
#include <thread>

using namespace muster;
using namespace std::chrono_literals;
using testing::conformance;

// Each promise has a liar here that breaks it alone; what keeps them all is in tests/conformance/.
namespace {

bool says(conformance::broken const& out, std::string const& part) {
    for (auto const& each : out)
        if (each.find(part) != std::string::npos) return true;
    return false;
}

// executors

struct good_executor {
    [[nodiscard]] std::size_t width() const { return 1; }
    template <class Body>
    void bulk(std::size_t n, std::size_t, Body const& body) { if (n != 0) body(std::size_t{0}, n); }
    template <class Job>
    void post(Job job) { job(); }
};
struct no_width : good_executor {
    [[nodiscard]] std::size_t width() const { return 0; }
};
struct forgets_last : good_executor {
    template <class Body>
    void bulk(std::size_t n, std::size_t, Body const& body) { if (n > 1) body(std::size_t{0}, n - 1); }
};
struct calls_twice : good_executor {
    template <class Body>
    void bulk(std::size_t n, std::size_t, Body const& body) {
        body(std::size_t{0}, n);
        if (n == 100) body(std::size_t{99}, n);
    }
};
struct too_wide : good_executor {
    template <class Body>
    void bulk(std::size_t n, std::size_t, Body const& body) {
        std::vector<std::jthread> all;
        for (std::size_t t = 0; t < 8; ++t)
            all.emplace_back([&, t] {
                for (auto i = n * t / 8; i != n * (t + 1) / 8; ++i) body(i, i + 1);
            });
    }
};
struct posts_twice : good_executor {
    template <class Job>
    void post(Job job) {
        job();
        job();
    }
};

// gates

struct good_permit {
    good_permit() = default;
    good_permit(good_permit&&) = default;
    good_permit& operator=(good_permit&&) = default;
    void settle(auto const&) const {}
};
struct good_gate {
    outcome<good_permit> acquire(context&, double) { return good_permit{}; }
};
struct closed_gate {
    outcome<good_permit> acquire(context&, double) { return failure{cause::rejected, "always"}; }
};
struct rude_gate {
    int inside = 0;
    outcome<good_permit> acquire(context&, double) {
        if (inside++ == 0) return good_permit{};
        return failure{cause::crashed, "went up in smoke"};
    }
};
struct once_gate {
    int passed = 0;
    outcome<good_permit> acquire(context&, double) {
        if (passed++ == 0) return good_permit{};
        return failure{cause::exhausted, "never again"};
    }
};

// caches

struct good_cache {
    using key_type = int;
    using value_type = int;
    std::recursive_mutex mutex;
    std::map<int, int> known;
    std::optional<int> get(int key) {
        std::lock_guard lock(mutex);
        auto const found = known.find(key);
        return found == known.end() ? std::nullopt : std::optional{found->second};
    }
};
struct forgets_all : good_cache {
    outcome<int> get_or_compute(int, context& cx, auto const& compute) { return compute(cx); }
};
struct remembers_failures : good_cache {
    outcome<int> get_or_compute(int key, context& cx, auto const& compute) {
        if (auto const there = get(key)) return *there;
        auto const answer = compute(cx);
        std::lock_guard lock(mutex);
        known[key] = answer ? *answer : -1;
        return answer;
    }
};
struct mixes_keys : good_cache {
    std::optional<int> get(int) { return good_cache::get(0); }
    outcome<int> get_or_compute(int, context& cx, auto const& compute) {
        if (auto const there = get(0)) return *there;
        auto const answer = compute(cx);
        std::lock_guard lock(mutex);
        if (answer) known[0] = *answer;
        return answer;
    }
};

// policies

struct around_base {
    using policy_concept = around_tag;
    [[nodiscard]] std::string describe() const { return "liar"; }
};
struct mute {
    using policy_concept = around_tag;
    [[nodiscard]] std::string describe() const { return ""; }
    template <class Next, class Item>
    auto around(Next const& next, context& cx, Item&& item) const -> outcome_of<Next, Item> { return next(cx, item); }
};
struct stubborn : around_base {
    template <class Next, class Item>
    auto around(Next const& next, context& cx, Item const& item) const -> outcome_of<Next, Item const&> {
        for (int i = 0; i < 3; ++i)
            if (auto answer = next(cx, item)) return answer;
        return next(cx, item);
    }
};
struct untidy : around_base {
    template <class Next, class Item>
    auto around(Next const& next, context& cx, Item&& item) const -> outcome_of<Next, Item> {
        cx.no_item();    // and never puts it back
        return next(cx, std::forward<Item>(item));
    }
};
struct makes_up : around_base {
    template <class Next, class Item>
    auto around(Next const& next, context& cx, Item&& item) const -> outcome_of<Next, Item> {
        (void)next(cx, std::forward<Item>(item));
        return 41;
    }
};
struct eager : around_base {
    template <class Next, class Item>
    auto around(Next const& next, context& cx, Item const& item) const -> outcome_of<Next, Item const&> {
        (void)next(cx, item);
        return next(cx, item);
    }
};

// waiters

struct sleepless {
    [[nodiscard]] instant now() const { return thread_waiter{}.now(); }
    bool wait_until(wait_point&, instant) const { return true; }
};
struct backwards {
    mutable int asked = 0;
    [[nodiscard]] instant now() const { return instant{} - std::chrono::seconds{++asked}; }
    bool wait_until(wait_point& point, instant until) const { return thread_waiter{}.wait_until(point, until); }
};

}  // namespace

TEST_CASE("conformance: executors that break a promise are found out", "[testing]") {
    good_executor good;
    CHECK(conformance::of_executor(good).empty());
    no_width none;
    CHECK(says(conformance::of_executor(none, 100ms), "at least 1"));
    forgets_last forgets;
    CHECK(says(conformance::of_executor(forgets, 100ms), "did not call each item once"));
    calls_twice twice;
    CHECK(says(conformance::of_executor(twice, 100ms), "did not call each item once"));
    too_wide wide;
    CHECK(says(conformance::of_executor(wide, 100ms), "more than its width"));
    posts_twice posts;
    CHECK(says(conformance::of_executor(posts, 100ms), "runs once"));
}

TEST_CASE("conformance: gates that break a promise are found out", "[testing]") {
    good_gate good;
    CHECK(conformance::of_gate(good).empty());
    closed_gate closed;
    CHECK(says(conformance::of_gate(closed), "lets one in"));
    rude_gate rude;
    CHECK(says(conformance::of_gate(rude), "went up in smoke"));
    once_gate once;
    CHECK(says(conformance::of_gate(once), "lets one in again"));
}

TEST_CASE("conformance: caches that break a promise are found out", "[testing]") {
    auto const key = [](int i) { return i; };
    auto const value = [](int i) { return 10 * i; };
    forgets_all forgets;
    auto const out = conformance::of_cache(forgets, key, value, 100ms);
    CHECK(says(out, "remembered"));
    CHECK(says(out, "would_deadlock"));
    CHECK(says(out, "at once one computes"));
    CHECK(says(out, "a waiter that is stopped"));
    remembers_failures failures;
    CHECK(says(conformance::of_cache(failures, key, value, 100ms), "failures are not remembered"));
    mixes_keys mixes;
    CHECK(says(conformance::of_cache(mixes, key, value, 100ms), "keys are told apart"));
}

TEST_CASE("conformance: policies that break a promise are found out", "[testing]") {
    CHECK(says(conformance::of_policy(mute{}), "describes itself"));
    CHECK(says(conformance::of_policy(stubborn{}), "after a stop"));
    CHECK(says(conformance::of_policy(untidy{}), "puts back"));
    CHECK(says(conformance::of_policy(makes_up{}), "not replaced"));
    CHECK(says(conformance::of_policy(eager{}), "one call at most"));
}

TEST_CASE("conformance: waiters that break a promise are found out", "[testing]") {
    sleepless awake;
    auto const out = conformance::of_waiter(awake);
    CHECK(says(out, "was not woken"));
    CHECK(says(out, "interruption"));
    backwards back;
    CHECK(says(conformance::of_waiter(back), "backwards"));
}
