#include <muster/flow/reduce.hpp>

#include "catch.hpp"
#include "flow/ranges.hpp"
#include "testing/event.hpp"

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include <muster/exec/thread_pool.hpp>
#include <muster/flow/indices.hpp>
#include <muster/policy/named.hpp>
#include <muster/testing/manual_time.hpp>

using namespace muster;
using namespace std::chrono_literals;

namespace {
std::vector<int> numbers(int n) {
    std::vector<int> out(static_cast<std::size_t>(n));
    std::iota(out.begin(), out.end(), 0);
    return out;
}
auto const text_of = [](int n) { return std::to_string(n) + ' '; };
auto const itself = [](int n) { return n; };
}  // namespace

TEST_CASE("reduce: combines in the order of the range, on every width and for every number of items", "[flow]") {
    for (std::size_t const width : {1u, 2u, 64u}) {
        thread_pool pool{width};
        for (int const n : {0, 1, 2, 3, 511, 512, 513, 5'000}) {
            std::string expected = "< ";
            for (int i = 0; i < n; ++i) expected += text_of(i);
            CHECK(reduce(numbers(n), on{pool} | text_of, std::string{"< "}, std::plus<>{}) == expected);
        }
    }
}

TEST_CASE("reduce: no items give the start, and no call", "[flow]") {
    bool called = false;
    auto const touch = [&](int n) { called = true; return n; };
    auto const combine = [&](int a, int b) { called = true; return a + b; };
    CHECK(reduce(std::vector<int>{}, touch, 42, combine) == 42);
    CHECK_FALSE(called);
}

TEST_CASE("reduce: sums of floating point come out the same on every width", "[flow]") {
    auto const third = [](int n) { return 1.0 / (3 + n); };
    auto const alone = *reduce(numbers(10'000), third, 0.0, std::plus<>{});
    for (std::size_t const width : {2u, 3u, 16u}) {
        thread_pool pool{width};
        for (int round = 0; round < 5; ++round) {
            auto const sum = *reduce(numbers(10'000), on{pool} | third, 0.0, std::plus<>{});
            CHECK_FALSE(sum < alone);
            CHECK_FALSE(alone < sum);
        }
    }
}

TEST_CASE("reduce: fails as the item that failed, and does not start the rest", "[flow]") {
    int calls = 0;
    auto const sum = reduce(numbers(2'000), named{"add"} | [&](int n) {
        ++calls;
        if (n == 700) throw std::runtime_error{"seven hundred"};
        return n;
    }, 0, std::plus<>{});
    REQUIRE_FALSE(sum.has_value());
    CHECK(sum.error().index() == 700);
    CHECK(sum.error().stage() == "add");
    CHECK(sum.error().text() == "seven hundred");
    CHECK(sum.error().attempts() == 1);
    CHECK(calls == 701);
}

TEST_CASE("reduce: a failure stops the other items, and theirs are not told instead", "[flow]") {
    thread_pool pool{2};
    testing::meeting two{2};
    std::atomic<bool> stopped{false};
    auto const task = [&](std::size_t i, context& cx) -> outcome<std::size_t> {
        if (!two.arrive()) return failure{cause::threw, "alone"};
        if (i != 0) return failure{cause::unavailable, "down"};
        wait_point nobody;
        stopped = cx.wait(nobody, later(cx.now(), testing::longest_wait)) == context::wait_end::stopped;
        return i;    // item 1, of the same block, is not started: cancelled, and before the one that failed
    };
    auto const sum = reduce(indices{1'024}, on{pool} | task, std::size_t{0}, std::plus<>{});
    CHECK(stopped);
    REQUIRE_FALSE(sum.has_value());
    CHECK(sum.error().text() == "down");
    CHECK(sum.error().index() > 1);
}

TEST_CASE("reduce: gives a failure of an item, not the stop that it caused in the others", "[flow]") {
    thread_pool pool{8};
    for (int round = 0; round < 50; ++round) {
        auto const sum = reduce(numbers(3'000), on{pool} | [](int n) -> outcome<int> {
            if (n % 10 == 3) return failure{cause::unavailable, std::to_string(n)};
            return n;
        }, 0, std::plus<>{});
        REQUIRE_FALSE(sum.has_value());
        CHECK(sum.error().is(cause::unavailable));
        CHECK(sum.error().text() == std::to_string(sum.error().index()));
    }
}

TEST_CASE("reduce: a combine that throws fails as a whole, and says at which item", "[flow]") {
    auto const careful = [](int a, int b) {
        if (b == 5) throw std::runtime_error{"no fives"};
        return a + b;
    };
    // More items than blocks: the fifth is combined within a block.
    auto const within = reduce(numbers(1'024), itself, 0, careful);
    REQUIRE_FALSE(within.has_value());
    CHECK(within.error().text() == "no fives");
    CHECK(within.error().index() == 5);
    auto const between = reduce(numbers(10), itself, 0, careful);
    REQUIRE_FALSE(between.has_value());
    CHECK(between.error().is(cause::threw));
}

TEST_CASE("reduce: a stop or a deadline of its context ends it", "[flow]") {
    std::stop_source stop;
    auto const stopped = reduce(numbers(1'000), [&](int n) {
        if (n == 10) stop.request_stop();
        return n;
    }, 0, std::plus<>{}, context{stop.get_token()});
    REQUIRE_FALSE(stopped.has_value());
    CHECK(stopped.error().is(cause::cancelled));
    CHECK(stopped.error().index() == 11);
    CHECK(stopped.error().attempts() == 0);

    testing::manual_time time;
    context parent{time};
    auto const deadline = parent.change_deadline(later(time.now(), 1s));
    auto const late = reduce(numbers(1'000), [&](int n) {
        time.advance(100ms);
        return n;
    }, 0, std::plus<>{}, parent);
    REQUIRE_FALSE(late.has_value());
    CHECK(late.error().is(cause::timed_out));
    CHECK(late.error().index() == 10);
}

TEST_CASE("reduce: values that only move, ranges without random access, nested", "[flow]") {
    auto const box = [](int n) { return std::make_unique<int>(n); };
    auto const add = [](std::unique_ptr<int> a, std::unique_ptr<int> b) { return std::make_unique<int>(*a + *b); };
    thread_pool pool{2};
    auto sum = reduce(std::list{1, 2, 3}, on{pool} | box, std::make_unique<int>(0), add);
    REQUIRE(sum.has_value());
    CHECK(**sum == 6);

    auto const total = reduce(numbers(20), on{pool} | [&](int n, context& cx) {
        return *reduce(numbers(n), on{pool} | itself, 0, std::plus<>{}, cx);
    }, 0, std::plus<>{});
    CHECK(total == 1'140);
}

namespace {
struct sum_that_moves_badly {
    int n = 0;
    int moved = 0;
    sum_that_moves_badly(int which) : n(which) {}
    sum_that_moves_badly(sum_that_moves_badly&& other) : n(other.n), moved(other.moved + 1) {
        if (n == 5 && moved > 2) throw std::runtime_error{"cannot move"};
    }
    sum_that_moves_badly& operator=(sum_that_moves_badly&& other) = default;
};
}  // namespace

TEST_CASE("reduce: a part that cannot be moved to its place is a failure", "[flow]") {
    thread_pool pool{2};
    std::vector<int> const numbers{1, 5, 2};
    auto const sum = reduce(numbers, on{pool} | [](int n) { return n; }, sum_that_moves_badly{0},
                            [](sum_that_moves_badly a, sum_that_moves_badly b) { return sum_that_moves_badly{a.n + b.n}; });
    REQUIRE(!sum.has_value());
    CHECK(sum.error().code() == cause::threw);
}

TEST_CASE("reduce: index ranges, unsized ranges and those that can be read once", "[flow]") {
    thread_pool pool{3};
    auto const plus = [](std::size_t a, std::size_t b) noexcept { return a + b; };
    for (std::size_t const n : {0u, 1u, 256u, 512u, 1'000u, 300'000u}) {
        auto const sum = n * (n + 1) / 2;
        CHECK(reduce(indices{n}, [](std::size_t i) noexcept { return i + 1; }, std::size_t{0}, plus) == sum);
        CHECK(reduce(indices{n}, on{pool} | [](std::size_t i) { return i + 1; }, std::size_t{0}, plus) == sum);
    }
    auto const text = [](char letter) { return std::string(1, letter); };
    CHECK(reduce(testing::counted_by_walking{"abc"}, on{pool} | text, std::string{}, std::plus<>{}) == "abc");
    auto const take = [](std::string&& word) { return std::move(word); };
    CHECK(reduce(testing::read_once{12}, on{pool} | take, std::string{}, std::plus<>{}) == "01234567891011");
}

TEST_CASE("reduce: a stop or a deadline ends it also where neither task nor combine can fail", "[flow]") {
    std::stop_source stop;
    auto const stopped = reduce(indices{1'000'000}, [&](std::size_t i) noexcept {
        if (i == 5'000) stop.request_stop();
        return i;
    }, std::size_t{0}, [](std::size_t a, std::size_t b) noexcept { return a + b; }, context{stop.get_token()});
    REQUIRE_FALSE(stopped.has_value());
    CHECK(stopped.error().is(cause::cancelled));
    CHECK(stopped.error().index() > 5'000);
    CHECK(stopped.error().index() <= 5'000 + 1'024);
    CHECK(stopped.error().attempts() == 0);

    testing::manual_time time;
    context parent{time};
    auto const deadline = parent.change_deadline(later(time.now(), 1ms));
    auto const late = reduce(indices{10'000}, [&](std::size_t i) noexcept {
        time.advance(1us);
        return i;
    }, std::size_t{0}, [](std::size_t a, std::size_t b) noexcept { return a + b; }, parent);
    REQUIRE_FALSE(late.has_value());
    CHECK(late.error().is(cause::timed_out));
    CHECK(late.error().index() == 1'000);
}
