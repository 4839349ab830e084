#include <muster/flow/scan.hpp>

#include "catch.hpp"
#include "flow/ranges.hpp"
#include "testing/event.hpp"

#include <atomic>
#include <forward_list>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include <muster/exec/thread_pool.hpp>
#include <muster/flow/indices.hpp>
#include <muster/flow/reduce.hpp>
#include <muster/policy/named.hpp>
#include <muster/policy/retry.hpp>
#include <muster/testing/manual_time.hpp>

using namespace muster;
using namespace std::chrono_literals;

namespace {
auto const letter_of = [](std::size_t i) { return std::string(1, static_cast<char>('a' + i % 26)); };
auto const itself = [](std::size_t i) noexcept { return i; };
auto const plus = [](std::size_t a, std::size_t b) noexcept { return a + b; };
}  // namespace

TEST_CASE("scan: the prefix of each item, its own answer last, on every width and for every number of items", "[flow]") {
    for (std::size_t const width : {1u, 2u, 64u}) {
        thread_pool pool{width};
        for (std::size_t const n : {0u, 1u, 2u, 3u, 511u, 512u, 513u, 2'000u}) {
            auto const with = scan(indices{n}, on{pool} | letter_of, std::string{"<"}, std::plus<>{});
            auto const without = scan.exclusive(indices{n}, on{pool} | letter_of, std::string{"<"}, std::plus<>{});
            REQUIRE(with.has_value());
            REQUIRE(without.has_value());
            REQUIRE(with->size() == n);
            REQUIRE(without->size() == n);
            std::string prefix{"<"};
            for (std::size_t i = 0; i < n; ++i) {
                REQUIRE((*without)[i] == prefix);
                prefix += letter_of(i);
                REQUIRE((*with)[i] == prefix);
            }
        }
    }
}

TEST_CASE("scan: into writes the prefixes, in the span's type, and gives the sum of all", "[flow]") {
    for (std::size_t const width : {1u, 4u}) {
        thread_pool pool{width};
        for (std::size_t const n : {0u, 1u, 1'000u, 100'000u}) {
            std::vector<std::size_t> with(n + 1, 7), without(n + 1, 7);
            CHECK(scan(indices{n}, on{pool} | itself, 1, plus, into{with}) == 1 + n * (n - (n != 0)) / 2);
            CHECK(scan.exclusive(indices{n}, on{pool} | itself, 1, plus, into{without}) == 1 + n * (n - (n != 0)) / 2);
            std::size_t sum = 1;
            for (std::size_t i = 0; i < n; ++i) {
                REQUIRE(without[i] == sum);
                sum += i;
                REQUIRE(with[i] == sum);
            }
            CHECK(with[n] == 7);
            CHECK(without[n] == 7);
        }
    }
}

TEST_CASE("scan: into the range itself", "[flow]") {
    for (std::size_t const width : {1u, 4u}) {
        thread_pool pool{width};
        std::vector<int> sizes(3'000, 2), offsets = sizes;
        auto const same = [](int n) noexcept { return n; };
        CHECK(scan(sizes, on{pool} | same, 0, std::plus<>{}, into{sizes}) == 6'000);
        CHECK(scan.exclusive(offsets, on{pool} | same, 0, std::plus<>{}, into{offsets}) == 6'000);
        for (int i = 0; i < 3'000; ++i) {
            REQUIRE(sizes[static_cast<std::size_t>(i)] == 2 * i + 2);
            REQUIRE(offsets[static_cast<std::size_t>(i)] == 2 * i);
        }
    }
}

TEST_CASE("scan: into with too little room throws before anything runs", "[flow]") {
    std::vector<std::size_t> out(2);
    bool called = false;
    auto const task = [&](std::size_t i) { return called = true, i; };
    CHECK_THROWS_AS(scan(indices{3}, task, 0, plus, into{out}), std::length_error);
    CHECK_THROWS_AS(scan.exclusive(indices{3}, task, 0, plus, into{out}), std::length_error);
    CHECK_FALSE(called);
}

TEST_CASE("scan: floating point comes out the same on every width, and last as reduce has it", "[flow]") {
    auto const third = [](std::size_t i) { return 1.0 / static_cast<double>(3 + i); };
    auto const alone = *scan(indices{10'000}, third, 0.0, std::plus<>{});
    auto const is = [](double a, double b) { return !(a < b) && !(b < a); };
    CHECK(is(alone.back(), *reduce(indices{10'000}, third, 0.0, std::plus<>{})));
    for (std::size_t const width : {2u, 3u, 16u}) {
        thread_pool pool{width};
        auto const together = *scan(indices{10'000}, on{pool} | third, 0.0, std::plus<>{});
        auto const before = *scan.exclusive(indices{10'000}, on{pool} | third, 0.0, std::plus<>{});
        for (std::size_t i = 0; i < 10'000; ++i) REQUIRE(is(together[i], alone[i]));
        CHECK(is(before[0], 0.0));
    }
}

TEST_CASE("scan: each item is asked once, and a task behind policies is asked through them", "[flow]") {
    thread_pool pool{4};
    std::vector<std::atomic<int>> asked(2'000);
    auto const second_time = [&](std::size_t i) -> outcome<std::size_t> {
        if (++asked[i] == 1) return failure{cause::unavailable, "not yet"};
        return i;
    };
    auto const sums = scan(indices{2'000}, on{pool} | retry{.attempts = 2, .delay = 0ns} | second_time, std::size_t{0}, plus);
    REQUIRE(sums.has_value());
    CHECK(sums->back() == 1'999'000);
    for (auto const& each : asked) REQUIRE(each == 2);
}

TEST_CASE("scan: fails as the item that failed, and does not start the rest", "[flow]") {
    std::size_t calls = 0;
    auto const sums = scan(indices{2'000}, named{"add"} | [&](std::size_t i) {
        ++calls;
        if (i == 700) throw std::runtime_error{"seven hundred"};
        return i;
    }, std::size_t{0}, plus);
    REQUIRE_FALSE(sums.has_value());
    CHECK(sums.error().index() == 700);
    CHECK(sums.error().stage() == "add");
    CHECK(sums.error().text() == "seven hundred");
    CHECK(sums.error().attempts() == 1);
    CHECK(calls == 701);
}

TEST_CASE("scan: a failure stops the other items, and theirs are not told instead", "[flow]") {
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
    auto const sum = scan(indices{1'024}, on{pool} | task, std::size_t{0}, plus);
    CHECK(stopped);
    REQUIRE_FALSE(sum.has_value());
    CHECK(sum.error().text() == "down");
    CHECK(sum.error().index() > 1);
}

TEST_CASE("scan: gives a failure of an item, not the stop that it caused in the others", "[flow]") {
    thread_pool pool{8};
    for (int round = 0; round < 50; ++round) {
        std::vector<std::size_t> out(3'000);
        auto const sum = scan(indices{3'000}, on{pool} | [](std::size_t i) -> outcome<std::size_t> {
            if (i % 10 == 3) return failure{cause::unavailable, std::to_string(i)};
            return i;
        }, 0, plus, into{out});
        REQUIRE_FALSE(sum.has_value());
        CHECK(sum.error().is(cause::unavailable));
        CHECK(sum.error().text() == std::to_string(sum.error().index()));
    }
}

TEST_CASE("scan: a combine that throws fails as a whole, and says at which item", "[flow]") {
    for (std::size_t const width : {1u, 4u}) {
        thread_pool pool{width};
        // Blocks of two: the first combination is of 6 and 7.
        auto const within = scan(indices{1'024}, on{pool} | itself, std::size_t{0}, [](std::size_t a, std::size_t b) {
            if (b == 7) throw std::runtime_error{"no sevens"};
            return a + b;
        });
        REQUIRE_FALSE(within.has_value());
        CHECK(within.error().text() == "no sevens");
        CHECK(within.error().index() == 7);
        // What is before a block meets its prefixes later.
        for (bool const exclusive : {false, true}) {
            auto const small = [](std::size_t a, std::size_t b) {
                if (a > 100 && b == 1) throw std::runtime_error{"more than a hundred"};
                return a + b;
            };
            auto const one = [](std::size_t) { return std::size_t{1}; };
            auto const before = exclusive ? scan.exclusive(indices{1'024}, on{pool} | one, std::size_t{0}, small)
                                          : scan(indices{1'024}, on{pool} | one, std::size_t{0}, small);
            REQUIRE_FALSE(before.has_value());
            CHECK(before.error().is(cause::threw));
            CHECK(before.error().text() == "more than a hundred");
            if (width == 1) CHECK(before.error().index() == (exclusive ? 103 : 102));
        }
    }
}

TEST_CASE("scan: a stop or a deadline of its context ends it", "[flow]") {
    std::stop_source stop;
    auto const stopped = scan(indices{1'000}, [&](std::size_t i) noexcept {
        if (i == 10) stop.request_stop();
        return i;
    }, std::size_t{0}, plus, context{stop.get_token()});
    REQUIRE_FALSE(stopped.has_value());
    CHECK(stopped.error().is(cause::cancelled));

    for (std::size_t const width : {1u, 4u}) {
        thread_pool pool{width};
        auto const not_begun = scan(indices{1'000}, on{pool} | itself, std::size_t{0}, plus, context{stop.get_token()});
        REQUIRE_FALSE(not_begun.has_value());
        CHECK(not_begun.error().is(cause::cancelled));
        CHECK(not_begun.error().attempts() == 0);
    }

    testing::manual_time time;
    context parent{time};
    auto const deadline = parent.change_deadline(later(time.now(), 1s));
    auto const late = scan(indices{1'000}, [&](std::size_t i) {
        time.advance(100ms);
        return i;
    }, std::size_t{0}, plus, parent);
    REQUIRE_FALSE(late.has_value());
    CHECK(late.error().is(cause::timed_out));
    CHECK(late.error().index() == 8);    // 9 was the last to start; its block came too late to be put behind those before it
}

TEST_CASE("scan: a stop while the blocks are put together ends it, too", "[flow]") {
    for (std::size_t const width : {1u, 4u}) {
        thread_pool pool{width};
        std::stop_source stop;
        testing::manual_time time;    // each combination takes long, so that a stop is looked for before each
        auto const sums = scan(indices{1'000}, on{pool} | itself, std::size_t{0}, [&](std::size_t a, std::size_t b) {
            time.advance(1us);
            if (a + b == 498'501) stop.request_stop();    // up to 998, which only its prefix comes to
            return a + b;
        }, context{stop.get_token(), time});
        REQUIRE_FALSE(sums.has_value());
        CHECK(sums.error().is(cause::cancelled));
        if (width == 1) CHECK(sums.error().index() == 999);    // at once, others may be behind
        CHECK(sums.error().attempts() == 1);    // its task was done
    }
}

TEST_CASE("scan: unsized ranges, those that can be read once, nested on the same pool", "[flow]") {
    for (std::size_t const width : {1u, 2u, 8u}) {
        thread_pool pool{width};
        std::forward_list<int> const list{3, 1, 4};
        CHECK(*scan(list, on{pool} | [](int n) { return n; }, 0, std::plus<>{}) == std::vector<int>{3, 4, 8});
        auto const take = [](std::string&& word) { return std::move(word); };
        auto const words = scan(testing::read_once{3}, on{pool} | take, std::string{}, std::plus<>{});
        CHECK(*words == std::vector<std::string>{"0", "01", "012"});
        auto const total = scan(indices{20}, on{pool} | [&](std::size_t i, context& cx) {
            return scan(indices{i + 1}, on{pool} | itself, std::size_t{0}, plus, cx)->back();
        }, std::size_t{0}, plus);
        REQUIRE(total.has_value());
        CHECK(total->back() == 1'330);
    }
}

namespace {
struct copied_badly {
    int n = 0;
    copied_badly(int which) : n(which) {}
    copied_badly(copied_badly const& other) : n(other.n) { refuse(); }
    copied_badly& operator=(copied_badly const& other) { return n = other.n, refuse(), *this; }
    void refuse() const {
        if (n == 10) throw std::runtime_error{"no tens"};
    }
};
}  // namespace

TEST_CASE("scan: a prefix that cannot be copied to its place is a failure", "[flow]") {
    for (std::size_t const width : {1u, 2u}) {
        thread_pool pool{width};
        auto const add = [](copied_badly const& a, copied_badly const& b) { return copied_badly{a.n + b.n}; };
        auto const sums = scan(indices{10}, on{pool} | [](std::size_t i) { return static_cast<int>(i); }, copied_badly{0}, add);
        REQUIRE_FALSE(sums.has_value());
        CHECK(sums.error().is(cause::threw));
        CHECK(sums.error().text() == "no tens");
    }
}
