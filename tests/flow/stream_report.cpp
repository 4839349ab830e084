#include <muster/flow/stream_report.hpp>

#include "catch.hpp"

#include <vector>

#include <muster/flow/stream.hpp>
#include <muster/policy/named.hpp>

using namespace muster;

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
    CHECK(to_string(stream_report{}) == "read 0, yielded 0, not over");
    CHECK(stream_drops{.oldest = 1, .newest = 2, .sampled = 3, .throttled = 4, .over_share = 5}.all() == 15);
}
