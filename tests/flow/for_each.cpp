#include <muster/flow/for_each.hpp>

#include "catch.hpp"
#include "testing/event.hpp"

#include <atomic>
#include <list>
#include <memory>
#include <stdexcept>
#include <vector>

#include <muster/exec/thread_pool.hpp>
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
