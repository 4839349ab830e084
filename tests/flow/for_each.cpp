#include <muster/flow/for_each.hpp>

#include "catch.hpp"
#include "flow/ranges.hpp"
#include "testing/event.hpp"

#include <atomic>
#include <forward_list>
#include <list>
#include <memory>
#include <stdexcept>
#include <vector>

#include <muster/exec/thread_pool.hpp>
#include <muster/flow/indices.hpp>
#include <muster/policy/named.hpp>
#include <muster/policy/retry.hpp>
#include <muster/testing/manual_time.hpp>

using namespace muster;
using namespace std::chrono_literals;

namespace {
std::vector<int> numbers(int n) {
    std::vector<int> out;
    for (int i = 0; i < n; ++i) out.push_back(i);
    return out;
}
}  // namespace

TEST_CASE("for_each: calls the task with each item once; no failures means that all went well", "[flow]") {
    for (std::size_t const width : {1u, 2u, 64u}) {
        thread_pool pool{width};
        std::vector<int> items(1'000, 0);
        CHECK(for_each(items, on{pool} | [](int& item) { ++item; }).empty());
        CHECK(items == std::vector<int>(1'000, 1));
    }
    bool called = false;
    CHECK(for_each(std::vector<int>{}, [&](int) { called = true; }).empty());
    CHECK_FALSE(called);
}

TEST_CASE("for_each: without a place the items are called in order, on the caller's thread", "[flow]") {
    std::vector<int> seen;
    CHECK(for_each(numbers(5), [&](int n) { seen.push_back(n); }).empty());
    CHECK(seen == numbers(5));
}

TEST_CASE("for_each: gives the failures alone, sorted by index", "[flow]") {
    thread_pool pool{4};
    auto const failures = for_each(numbers(300), on{pool} | [](int n) {
        if (n % 50 == 9) throw std::runtime_error{"nine"};
    });
    REQUIRE(failures.size() == 6);
    for (std::size_t i = 0; i < 6; ++i) {
        CHECK(failures[i].index() == 50 * i + 9);
        CHECK(failures[i].is(cause::threw));
        CHECK(failures[i].attempts() == 1);
    }
}

TEST_CASE("for_each: an answer is thrown away, a failure is not", "[flow]") {
    auto const failures = for_each(numbers(2), [](int n) -> outcome<int> {
        if (n == 1) return failure{cause::unavailable, "no"};
        return n;
    });
    REQUIRE(failures.size() == 1);
    CHECK(failures[0].is(cause::unavailable));
}

TEST_CASE("for_each: what was not started because of a stop or a deadline is among the failures", "[flow]") {
    for (std::size_t const width : {1u, 4u}) {
        thread_pool pool{width};
        std::stop_source stop;
        std::atomic<std::size_t> calls{0};
        auto const failures = for_each(numbers(200), on{pool} | [&](int) {
            if (++calls == 20) stop.request_stop();
        }, context{stop.get_token()});
        CHECK(failures.size() == 200 - calls);
        for (auto const& each : failures) {
            CHECK(each.is(cause::cancelled));
            CHECK(each.attempts() == 0);
        }
        CHECK(failures.back().index() == 199);
    }
    testing::manual_time time;
    context parent{time};
    auto const deadline = parent.change_deadline(later(time.now(), 1s));
    auto const failures = for_each(numbers(30), [&](int) { time.advance(100ms); }, parent);
    REQUIRE(failures.size() == 20);
    CHECK(failures[0].index() == 10);
    CHECK(failures[0].is(cause::timed_out));
}

TEST_CASE("for_each: moves the elements of an rvalue, and takes ranges without random access", "[flow]") {
    std::list<std::unique_ptr<int>> owned;
    for (int i = 1; i <= 3; ++i) owned.push_back(std::make_unique<int>(i));
    thread_pool pool{2};
    std::atomic<int> sum{0};
    CHECK(for_each(std::move(owned), on{pool} | [&](std::unique_ptr<int> one) { sum += *one; }).empty());
    CHECK(sum == 6);
}

// Ranges

TEST_CASE("for_each: over index ranges, nested freely, on every width", "[flow]") {
    for (std::size_t const width : {1u, 2u, 8u}) {
        thread_pool pool{width};
        std::vector<std::atomic<int>> cells(6 * 7 * 8);
        auto const failures = for_each(indices{6}, on{pool} | [&](std::size_t i, context& cx) -> outcome<void> {
            auto inner = for_each(indices{7}, on{pool} | [&, i](std::size_t j) -> outcome<void> {
                auto const first = 56 * i + 8 * j;
                auto innermost = for_each(indices{first, first + 8}, on{pool} | [&](std::size_t at) { ++cells[at]; });
                return innermost.empty() ? outcome<void>{} : innermost.front();
            }, cx);
            return inner.empty() ? outcome<void>{} : inner.front();
        });
        CHECK(failures.empty());
        for (auto const& cell : cells) REQUIRE(cell == 1);
    }
}

TEST_CASE("for_each: a range that nobody knows the length of is walked to its end first", "[flow]") {
    for (std::size_t const width : {1u, 4u}) {
        thread_pool pool{width};
        std::atomic<int> sum{0};
        std::forward_list<int> ones(100, 1);
        CHECK(for_each(ones, on{pool} | [&](int& one) { sum += one; one = 0; }).empty());
        CHECK(sum == 100);
        CHECK(ones.front() == 0);    // the elements themselves, not copies
        CHECK(for_each(testing::counted_by_walking{"abc"}, on{pool} | [&](char letter) { sum += letter - 'a'; }).empty());
        CHECK(sum == 103);
        CHECK(for_each(testing::counted_by_walking{""}, on{pool} | [&](char) { ++sum; }).empty());
        CHECK(sum == 103);
    }
}

TEST_CASE("for_each: the items of a range that can be read once are taken out of it, and are the task's to keep", "[flow]") {
    for (std::size_t const width : {1u, 4u}) {
        thread_pool pool{width};
        std::vector<std::string> kept(1'000);
        CHECK(for_each(testing::read_once{1'000}, on{pool} | [&](std::string&& word) {
                  auto const at = std::stoul(word);
                  kept[at] = std::move(word);
              }).empty());
        for (std::size_t i = 0; i < kept.size(); ++i) REQUIRE(kept[i] == std::to_string(i));
    }
}

TEST_CASE("for_each: what reading a range throws, before anything runs, the verb throws", "[flow]") {
    bool called = false;
    CHECK_THROWS_WITH(for_each(testing::read_once{5, 3}, [&](std::string const&) { called = true; }), "torn at 3");
    CHECK_FALSE(called);
}

// Plain tasks: nothing is around them and they take the item alone, so they are called in a bare loop

TEST_CASE("for_each: an item that throws in a bare loop fails alone, under its own index, in its own stage", "[flow]") {
    for (std::size_t const width : {1u, 4u}) {
        thread_pool pool{width};
        std::vector<int> seen(3'000);
        auto const failures = for_each(indices{3'000}, on{pool} | named{"odd"} | [&](std::size_t i) {
            ++seen[i];
            if (i % 100 == 99) throw std::runtime_error{std::to_string(i)};
        });
        CHECK(seen == std::vector<int>(3'000, 1));    // each once, also those around the ones that threw
        REQUIRE(failures.size() == 30);
        for (std::size_t f = 0; f < 30; ++f) {
            CHECK(failures[f].index() == 100 * f + 99);
            CHECK(failures[f].text() == std::to_string(100 * f + 99));
            CHECK(failures[f].is(cause::threw));
            CHECK(failures[f].stage() == "odd");
            CHECK(failures[f].attempts() == 1);
            CHECK(failures[f].exception());
        }
    }
}

TEST_CASE("for_each: a bare loop gives the same failures as the calls through a policy", "[flow]") {
    auto const task = [](int n) {
        if (n % 7 == 3) throw std::invalid_argument{"seven"};
        if (n % 7 == 5) throw n;
        if (n % 7 == 6) throw bad_outcome{failure{cause::exhausted, "none left"}.retry_after(2s)};
    };
    auto const outer = [&](int, context& cx) -> outcome<std::vector<failure>> { return for_each(numbers(700), task, cx); };
    auto const slow = [&](int, context& cx) -> outcome<std::vector<failure>> {
        return for_each(numbers(700), retry{.attempts = 1} | task, cx);
    };
    context const here;
    auto below = context::below(here);
    below.item(4);
    auto const stage = below.change_stage("outer");
    auto const a = *outer(0, below), b = *slow(0, below);
    REQUIRE(a.size() == 300);
    REQUIRE(b.size() == 300);
    for (std::size_t i = 0; i < 300; ++i) {
        REQUIRE(to_string(a[i]) == to_string(b[i]));
        REQUIRE(a[i].code() == b[i].code());
        REQUIRE(std::ranges::equal(a[i].path(), b[i].path()));
        REQUIRE(a[i].stage() == b[i].stage());
        REQUIRE(a[i].attempts() == b[i].attempts());
        REQUIRE(a[i].retry_after() == b[i].retry_after());
        REQUIRE(!a[i].exception() == !b[i].exception());
    }
}

TEST_CASE("for_each: a bare loop that is stopped refuses the rest, each item under its own index", "[flow]") {
    for (std::size_t const width : {1u, 4u}) {
        thread_pool pool{width};
        std::stop_source stop;
        std::vector<int> called(20'000);
        auto const failures = for_each(indices{20'000}, named{"quick"} | on{pool} | [&](std::size_t i) noexcept {
            called[i] = 1;
            if (i == 100) stop.request_stop();
        }, context{stop.get_token()});
        std::vector<int> refused(20'000);
        for (auto const& each : failures) {
            refused[each.index()] = 1;
            CHECK(each.is(cause::cancelled));
            CHECK(each.attempts() == 0);
            CHECK(each.stage().empty());    // it never came as far as the stage
        }
        for (std::size_t i = 0; i < 20'000; ++i) REQUIRE(called[i] + refused[i] == 1);
        if (width == 1) CHECK(failures.size() > 20'000 - 1'200);
    }
}

TEST_CASE("for_each: in a bare loop a stop comes before the next item, where items take long", "[flow]") {
    testing::manual_time time;
    std::stop_source stop;
    auto const failures = for_each(indices{5'000}, [&](std::size_t i) noexcept {
        time.advance(1us);
        if (i == 3'000) stop.request_stop();
    }, context{stop.get_token(), time});
    REQUIRE(failures.size() == 1'999);
    CHECK(failures.front().index() == 3'001);
}

TEST_CASE("for_each: in a bare loop no item starts after the deadline, where items take long", "[flow]") {
    testing::manual_time time;
    context parent{time};
    auto const deadline = parent.change_deadline(later(time.now(), 100us));
    auto const failures = for_each(indices{5'000}, [&](std::size_t) noexcept { time.advance(1us); }, parent);
    REQUIRE(failures.size() == 4'900);
    CHECK(failures.front().index() == 100);
    CHECK(failures.front().is(cause::timed_out));
}

TEST_CASE("for_each: a place that wants to see each call sees each call", "[flow]") {
    struct counted {
        using policy_concept = place_tag;
        int* calls;
        [[nodiscard]] auto enter(context&) const { return ++*calls; }
    };
    int calls = 0;
    CHECK(for_each(indices{500}, counted{&calls} | [](std::size_t) noexcept {}).empty());
    CHECK(calls == 500);
}
