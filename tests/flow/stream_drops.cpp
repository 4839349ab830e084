#include <muster/flow/stream.hpp>

#include "catch.hpp"
#include "flow/jam.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

#include <muster/exec/blocking_pool.hpp>
#include <muster/exec/thread_pool.hpp>
#include <muster/flow/flatten.hpp>
#include <muster/policy/buffer.hpp>
#include <muster/policy/drop_newest.hpp>
#include <muster/policy/drop_oldest.hpp>
#include <muster/policy/in_order.hpp>
#include <muster/policy/sample.hpp>
#include <muster/policy/throttle.hpp>
#include <muster/testing/manual_time.hpp>

using namespace muster;
using namespace std::chrono_literals;
using testing::some;
using testing::numbers;
using testing::same;
using testing::answers_of;
using testing::check_sums;
using testing::through_a_jam;

TEST_CASE("stream: drop_oldest leaves the newest to a stage that is late, and what feeds it never waits", "[flow][stream]") {
    stream_report report;
    auto const seen = through_a_jam(numbers(10'000), buffer{64} | drop_oldest{}, report);
    REQUIRE(seen.size() == 65);    // one was inside
    CHECK(seen[0] == 0);
    for (int i = 0; i < 64; ++i) CHECK(seen[static_cast<std::size_t>(i) + 1] == 10'000 - 64 + i);
    CHECK(report.stages[0].dropped == stream_drops{.oldest = 10'000 - 65});
    CHECK(report.failed == 0);
}

TEST_CASE("stream: drop_newest leaves the oldest to a stage that is late", "[flow][stream]") {
    stream_report report;
    auto const seen = through_a_jam(numbers(10'000), buffer{64} | drop_newest{}, report);
    CHECK(seen == numbers(65));
    CHECK(report.stages[0].dropped == stream_drops{.newest = 10'000 - 65});
}

TEST_CASE("stream: sample leaves one in so many, evenly, and says how many it passed by", "[flow][stream]") {
    stream_report report;
    auto const seen = through_a_jam(numbers(10'000), buffer{64} | sample{.every = 10}, report);
    CHECK(seen.size() == 65);
    auto const& dropped = report.stages[0].dropped;
    CHECK(dropped.sampled >= 9 * (10'000 - 65) / 10 - 9);
    CHECK(dropped.newest + dropped.sampled == 10'000 - 65);
}

TEST_CASE("stream: throttle lets so many through in so much time of the context", "[flow][stream]") {
    testing::manual_time time;
    thread_pool pool{2};
    auto answers = stream(numbers(1'000), on{pool, 1} | throttle{.items = 10, .per = 1s} | same, context{time});
    CHECK(answers_of(answers) == numbers(10));
    CHECK(answers.report().stages[0].dropped == stream_drops{.throttled = 990});
    check_sums(answers.report());
    stream_report report;
    auto const seen = through_a_jam(numbers(1'000), buffer{8} | throttle{.items = 100, .per = 24h} | drop_oldest{}, report);
    CHECK(seen.size() == 9);
    CHECK(seen.back() == 99);
    CHECK(report.stages[0].dropped == stream_drops{.oldest = 91, .throttled = 900});
}

TEST_CASE("stream: what waits may drop in each stage, keep the order or not, and everything adds up", "[flow][stream]") {
    thread_pool pool{3};
    blocking_pool waits{4};
    auto const fails = [](int n) -> outcome<int> {
        if (n % 10 == 7) return failure{cause::invalid_input, "a seven"};
        return n;
    };
    auto const play = [&](auto flow, bool ordered) {
        auto answers = stream(numbers(3'000), flow);
        some seen;
        std::uint64_t failed = 0;
        for (auto& one : answers) {
            if (one) seen.push_back(*one);
            else ++failed;
        }
        auto const report = answers.report();
        check_sums(report);
        CHECK(report.read == 3'000);
        CHECK(report.failed == failed);
        CHECK(report.yielded == seen.size() + failed);
        CHECK(report.read == report.yielded + report.dropped);
        if (ordered) CHECK(std::is_sorted(seen.begin(), seen.end()));
        std::sort(seen.begin(), seen.end());
        CHECK(std::unique(seen.begin(), seen.end()) == seen.end());
    };
    auto const all = [&](auto const& how) {
        for (std::size_t const room : {1u, 7u}) {
            play(pipeline{on{pool} | buffer{room} | how | fails, on{pool} | buffer{room} | how | same}, false);
            play(pipeline{on{pool} | in_order{} | buffer{room} | how | fails, on{waits, 3} | in_order{} | how | same, same}, true);
        }
    };
    for (int round = 0; round < 3; ++round) {
        all(drop_oldest{});
        all(drop_newest{});
        all(sample{.every = 3});
        all(throttle{.items = 500, .per = 1h} | drop_oldest{});
    }
}

TEST_CASE("stream: failures come through a buffer that drops, all of them", "[flow][stream]") {
    thread_pool pool{3};
    auto const odd = [](int n) -> outcome<int> {
        if (n % 2 != 0) return failure{cause::invalid_input, "odd"};
        return n;
    };
    auto const check = [&](auto const& how) {
        auto answers = stream(numbers(5'000), pipeline{on{pool} | odd, on{pool, 1} | buffer{4} | how | same});
        auto const seen = answers_of(answers);
        CHECK(std::count(seen.begin(), seen.end(), -1) == 2'500);
        check_sums(answers.report());
    };
    check(drop_oldest{});
    check(sample{});
    check(throttle{.items = 3, .per = 1h});
}

TEST_CASE("stream: an operator may give to a buffer that drops, more than it holds", "[flow][stream]") {
    thread_pool pool{2};
    std::vector<some> const lists(20, numbers(100));
    auto answers = stream(lists, pipeline{[](some const& one) { return one; }, flatten{}, on{pool, 2} | buffer{8} | drop_oldest{} | same});
    auto const seen = answers_of(answers);
    auto const report = answers.report();
    CHECK(report.stages[1].out == 2'000);
    CHECK(report.stages[2].in == 2'000);
    CHECK(seen.size() + report.dropped == 2'000);
    CHECK(seen.back() >= 0);
}
