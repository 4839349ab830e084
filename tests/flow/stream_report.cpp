#include <muster/flow/stream_report.hpp>

#include "catch.hpp"
#include "testing/event.hpp"

#include <chrono>
#include <numeric>
#include <thread>
#include <vector>

#include <muster/exec/blocking_pool.hpp>
#include <muster/flow/stream.hpp>
#include <muster/policy/named.hpp>
#include <muster/policy/on.hpp>
#include <muster/testing/manual_time.hpp>

using namespace muster;
using namespace std::chrono_literals;

TEST_CASE("stream_report: tells of each stage by its name or its number, while the stream runs and after it", "[flow][stream]") {
    auto answers = stream(std::vector<int>{1, 2, 3}, pipeline{named{"half"} | [](int n) -> outcome<int> {
                                                                  if (n % 2 != 0) return failure{cause::invalid_input, "odd"};
                                                                  return n / 2;
                                                              },
                                                              [](int n) { return n; }});
    CHECK(answers.report() == stream_report{.stages = {{.name = "half"}, {.name = "stage 2"}}});
    for (auto& one : answers) {
        (void)one;
        auto const now = answers.report();
        CHECK(now.read == now.yielded);
        CHECK_FALSE(now.over);
    }
    CHECK(answers.report() == stream_report{.read = 3,
                                            .yielded = 3,
                                            .failed = 2,
                                            .over = true,
                                            .stages = {{.name = "half", .in = 3, .out = 1, .failed = 2}, {.name = "stage 2", .in = 1, .out = 1}}});
}

TEST_CASE("stream_report: says to people what happened, with the reasons, and nothing of what did not", "[flow][stream]") {
    CHECK(to_string(stream_report{.read = 3, .yielded = 3, .over = true, .stages = {{.name = "half", .in = 3, .out = 3}}}) ==
          "read 3, yielded 3\n  half: in 3, out 3");
    CHECK(to_string(stream_report{.read = 20,
                                  .yielded = 8,
                                  .failed = 1,
                                  .dropped = 12,
                                  .over = true,
                                  .stopped = true,
                                  .stages = {{.name = "show", .in = 20, .out = 7, .failed = 1, .waiting = 3, .buffer = 9, .dropped = {.oldest = 1, .newest = 2, .sampled = 3, .throttled = 4, .over_share = 2}, .spilled = 5, .spilled_bytes = 600}}}) ==
          "read 20, yielded 8, failed 1, dropped 12, stopped\n"
          "  show: in 20, out 7, failed 1, dropped 12 (oldest 1, newest 2, sampled 3, throttled 4, over share 2), spilled 5 of 600 bytes, waiting 3 of 9");
    CHECK(to_string(stream_report{.read = 9,
                                  .yielded = 6,
                                  .over = true,
                                  .stages = {{.name = "store", .in = 6, .out = 6, .batches = 2, .waiting = 3, .buffer = 9, .lag = 5ms, .waited = {.samples = 1, .p50 = 1us, .p99 = 2us, .most = 3us}, .took = {.samples = 2, .p50 = 1ms, .p99 = 2ms, .most = 2ms}}}}) ==
          "read 9, yielded 6\n"
          "  store: in 6, out 6, batches 2, waiting 3 of 9, the oldest for 5ms, waited (p50 1us, p99 2us, at most 3us), took (p50 1ms, p99 2ms, at most 2ms)");
    CHECK(to_string(stream_report{}) == "read 0, yielded 0, not over");
    CHECK(stream_drops{.oldest = 1, .newest = 2, .sampled = 3, .throttled = 4, .over_share = 5}.all() == 15);
}

TEST_CASE("stream_report: of a stage with workers it tells how long items waited and calls took, and of what waits how long", "[flow][stream]") {
    testing::manual_time time;
    blocking_pool pool{3};
    testing::event inside, go_on;
    auto const slow = [&](int n) {
        if (n == 0) {
            inside.set();
            (void)go_on.wait();
        }
        time.advance(1ms);
        return n;
    };
    std::vector<int> items(40);
    std::iota(items.begin(), items.end(), 0);
    auto answers = stream(items, pipeline{on{pool, 1} | slow, on{pool, 1} | [](int n) { return n; }}, context{time});
    std::jthread const other{[&] {
        (void)inside.wait();
        while (answers.report().stages[0].waiting < 39) std::this_thread::yield();
        time.advance(5ms);
        CHECK(answers.report().stages[0].lag == 5ms);    // those that wait came when time stood still
        go_on.set();
    }};
    for (auto& one : answers) CHECK(one);
    auto const first = answers.report().stages[0];
    CHECK(first.lag == 0ms);
    REQUIRE(first.waited.samples >= 1);
    CHECK(first.waited.most <= 45ms);
    REQUIRE(first.took.samples >= 1);
    CHECK(first.took.p50 >= 1ms);
    CHECK(first.took.most <= 6ms);
}
