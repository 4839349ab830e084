#include <muster/flow/stream.hpp>

#include "catch.hpp"
#include "flow/jam.hpp"
#include "flow/ranges.hpp"
#include "forked.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <vector>

#include <muster/core/bytes.hpp>
#include <muster/exec/blocking_pool.hpp>
#include <muster/exec/inline_executor.hpp>
#include <muster/exec/thread_pool.hpp>
#include <muster/flow/by_priority.hpp>
#include <muster/flow/fair.hpp>
#include <muster/flow/indices.hpp>
#include <muster/policy/batched.hpp>
#include <muster/policy/buffer.hpp>
#include <muster/policy/drop_newest.hpp>
#include <muster/policy/drop_oldest.hpp>
#include <muster/policy/in_order.hpp>
#include <muster/policy/in_order_by.hpp>
#include <muster/policy/sample.hpp>
#include <muster/policy/spill.hpp>
#include <muster/policy/throttle.hpp>

using namespace muster;
using namespace std::chrono_literals;
using testing::some;
using testing::numbers;
using testing::same;
using testing::answers_of;
using testing::check_sums;

// What all buffers that are more than a ring have in common.

TEST_CASE("stream: buffers of any kind on an executor that runs at once, and on a single worker", "[flow][stream]") {
    inline_executor here;
    thread_pool one{1};
    auto const play = [&](auto const& how, bool drops) {
        for (int round = 0; round < 20; ++round) {
            auto at_once = stream(numbers(500), pipeline{on{here} | how | same, on{here} | how | same});
            CHECK((answers_of(at_once).size() == 500 || drops));
            check_sums(at_once.report());
            auto alone = stream(numbers(500), pipeline{on{one} | how | same, on{one} | how | same});
            CHECK((answers_of(alone).size() == 500 || drops));
            check_sums(alone.report());
        }
    };
    play(drop_oldest{}, true);
    play(spill{.memory = 0}, false);
    play(fair{[](int n) { return n % 3; }}, false);
}

TEST_CASE("stream: buffers of any kind stand in front of batches, and of lanes of keys", "[flow][stream]") {
    blocking_pool waits{4};
    thread_pool one{1};
    auto const at_once = [](std::span<int const> all) { return std::vector<outcome<int>>(all.begin(), all.end()); };
    auto const tens = [](int n) { return n % 10; };
    auto const play = [&](auto const& how, bool drops) {
        auto const check = [&](auto const& flow) {
            auto answers = stream(numbers(500), flow);
            auto seen = answers_of(answers);
            check_sums(answers.report());
            CHECK((seen.size() == 500 || drops));
            std::sort(seen.begin(), seen.end());
            CHECK(std::adjacent_find(seen.begin(), seen.end()) == seen.end());
        };
        for (int round = 0; round < 10; ++round) {
            check(pipeline{on{waits, 2} | same, on{waits, 3} | how | batched{7} | at_once});
            check(pipeline{on{one} | how | batched{.size = 30, .linger = 1h} | at_once, on{one} | how | batched{.size = batched::automatic, .linger = 1us} | at_once});
            check(pipeline{on{waits, 2} | how | in_order_by{tens} | same, on{waits, 3} | how | buffer{5} | in_order_by{tens} | same});
        }
    };
    play(drop_oldest{}, true);
    play(spill{.memory = 0}, false);
    play(by_priority{[](int n) { return n % 3; }}, false);
}

TEST_CASE("stream: batches and lanes of keys take from a buffer in its order, when somebody is free", "[flow][stream]") {
    auto const check = [](auto const& make) {
        blocking_pool pool{2};
        testing::event begun, ended;
        some seen;
        auto const note = [&](int n) {
            begun.set();
            (void)ended.wait();
            seen.push_back(n);
            return n;
        };
        some items{0};
        for (int n = 1; n <= 60; ++n) items.push_back(n);
        auto answers = stream(testing::told_source{items, begun, ended}, make(pool, note));
        CHECK(answers_of(answers).size() == 61);
        std::stable_sort(items.begin() + 1, items.end(), [](int a, int b) { return a % 4 > b % 4; });
        CHECK(seen == items);
    };
    auto const first = by_priority{[](int n) { return n % 4; }};
    check([&](auto& pool, auto const& note) {
        return on{pool, 1} | first | batched{7} | [&note](std::span<int const> all) {
            std::vector<outcome<int>> out;
            for (int const n : all) out.emplace_back(note(n));
            return out;
        };
    });
    check([&](auto& pool, auto const& note) { return on{pool, 1} | first | in_order_by{[](int) { return 0; }} | [&note](int n) { return note(n); }; });
}

TEST_CASE("stream: leaving the loop ends a source that never waits, whatever drops", "[flow][stream]") {
    thread_pool pool{2};
    blocking_pool waits{4};
    auto const number = [](std::size_t n) { return n; };
    for (int leave_at = 0; leave_at < 20; ++leave_at) {
        auto const play = [&](auto const& how) {
            auto answers = stream(indices{1'000'000'000'000}, pipeline{on{pool, 1} | how | number, on{waits, 2} | buffer{4} | how | number});
            int seen = 0;
            if (leave_at == 0) return;
            for (auto& one : answers) {
                CHECK(one.has_value());
                if (++seen >= leave_at) break;
            }
        };
        play(drop_oldest{});
        play(throttle{.items = 100, .per = 1h});
        if (leave_at < 3) play(spill{.memory = 100'000, .disk = 10 * MiB});
        play(by_priority{[](std::size_t n) { return n % 3; }} | drop_newest{});
    }
}

TEST_CASE("stream: a stop ends one that drops or spills, and what waited is said to be cancelled", "[flow][stream]") {
    thread_pool pool{2};
    auto const check = [&](auto const& how) {
        std::stop_source stop;
        auto answers = stream(indices{1'000'000'000'000}, on{pool, 1} | buffer{100} | how | [](std::size_t n) { return n; }, context{stop.get_token()});
        std::size_t seen = 0;
        for (auto& one : answers) {
            if (++seen == 50) stop.request_stop();
            if (!one) CHECK(one.error().is(cause::cancelled));
        }
        auto const report = answers.report();
        CHECK(report.stopped);
        CHECK(report.read + 1 == report.yielded + report.dropped);
        check_sums(report);
    };
    check(drop_oldest{});
    check(spill{.memory = 9'000, .disk = MiB});
    check(fair{[](std::size_t n) { return n % 7; }});
}

TEST_CASE("stream: what the source throws comes after what waited", "[flow][stream]") {
    thread_pool pool{2};
    auto const check = [&](auto const& how, std::size_t all) {
        some seen;
        auto answers = stream(testing::torn_numbers{500}, on{pool, 1} | how | same);
        CHECK_THROWS_WITH([&] {
            for (auto& one : answers) seen.push_back(*one);
        }(), "torn at 500");
        CHECK(seen.size() + answers.report().dropped == 500);
        if (all != 0) CHECK(seen.size() == all);
    };
    check(drop_oldest{}, 0);
    check(spill{.memory = 0}, 500);
    check(by_priority{same}, 500);
}

TEST_CASE("stream: buffers of no size and of any", "[flow][stream]") {
    thread_pool pool{2};
    auto const size = [&](auto const& places) {
        auto answers = stream(numbers(100), on{pool, 1} | places | same);
        auto const seen = answers_of(answers);
        check_sums(answers.report());
        return seen.size();
    };
    CHECK(size(buffer{0}) == 100);
    CHECK(size(buffer{0} | drop_oldest{}) >= 1);
    CHECK(size(buffer{SIZE_MAX} | drop_oldest{}) == 100);
    CHECK(size(buffer{SIZE_MAX} | sample{.every = SIZE_MAX}) == 100);
    CHECK(size(buffer{100} | sample{.every = 0}) == 100);
    CHECK(size(throttle{.items = 0}) == 0);
    CHECK(size(throttle{.items = SIZE_MAX, .per = std::chrono::nanoseconds::max()}) == 100);
    CHECK(size(throttle{.items = 1, .per = std::chrono::nanoseconds::min()}) == 100);
    CHECK(size(buffer{0} | spill{.memory = 0}) == 100);
    CHECK(size(buffer{SIZE_MAX} | spill{.memory = SIZE_MAX}) == 100);
    CHECK(size(buffer{SIZE_MAX} | fair{same}) == 100);
    CHECK(size(buffer{SIZE_MAX} | by_priority{same} | drop_newest{}) == 100);
    if (!sanitized) CHECK_THROWS_AS(size(buffer{SIZE_MAX}), std::bad_alloc);    // sanitizers end the process for it
}

TEST_CASE("stream: items that can only be moved, and items that are lent, wait as others do", "[flow][stream]") {
    thread_pool pool{2};
    auto const own = [](int n) { return std::make_unique<int>(n); };
    auto const number = [](std::unique_ptr<int> n) { return *n; };
    auto const check = [&](auto const& how) {
        auto answers = stream(numbers(1'000), pipeline{own, on{pool} | how | number});
        (void)answers_of(answers);
        check_sums(answers.report());
    };
    check(drop_oldest{});
    check(throttle{});
    CHECK(answers_of(stream(numbers(1'000), pipeline{own, on{pool} | fair{[](auto const& n) { return *n % 3; }} | number})).size() == 1'000);

    struct order {
        std::string tenant;
        int n;
    };
    std::vector<order> const lent(500, {"a", 3});
    auto const of = [](order const& one) { return one.n; };
    CHECK(answers_of(stream(lent, on{pool} | fair{&order::tenant} | of)) == some(500, 3));
    CHECK(answers_of(stream(lent, on{pool} | by_priority{&order::n} | of)) == some(500, 3));
    auto spilled = stream(lent, on{pool} | spill{.memory = 0, .folder = "/nonexistent"} | of);
    CHECK(answers_of(spilled) == some(500, 3));    // they wait where they are
    auto dropped = stream(lent, on{pool} | drop_newest{} | of);
    (void)answers_of(dropped);
    check_sums(dropped.report());
}
