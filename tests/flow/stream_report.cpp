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
