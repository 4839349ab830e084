#include <muster/observe/run_report.hpp>

#include "catch.hpp"

using namespace muster;
using namespace std::chrono_literals;

namespace {

run_report const good{.items = 100, .finished = 100, .failed = 2, .configured = 8, .workers = 8, .cores = 16,
                      .why = sequential_reason::none, .wall = 1'000ms, .busy = 7'619ms};

std::string json_of(run_report const& report) {
    std::string text;
    json_writer{text}.value(report);
    return text;
}

}  // namespace

TEST_CASE("run report: speed-up is busy over wall, efficiency stands beside it", "[observe][run_report]") {
    CHECK(good.speedup() == Approx(7.619));
    CHECK(good.efficiency() == Approx(7.619 / 8));
    CHECK(to_string(good) == "98 of 100 items done, 2 failed in 1s on 8 workers: speed-up 7.61, efficiency 95 %");
}

TEST_CASE("run report: a figure just below its target does not print as the target", "[observe][run_report]") {
    run_report report = good;
    report.busy = 4'299ms;
    CHECK(to_string(report).find("speed-up 4.29,") != std::string::npos);
}

TEST_CASE("run report: a run one after another says why", "[observe][run_report]") {
    for (auto const why :
        {sequential_reason::disabled, sequential_reason::unavailable, sequential_reason::too_few_items,
            sequential_reason::cannot_start, sequential_reason::asked_for, sequential_reason::no_place}) {
        run_report const report{.items = 2, .finished = 2, .why = why, .wall = 3ms, .busy = 3ms};
        CHECK(to_string(report) == "2 items done in 3ms, one after another: " + std::string{name_of(why)});
        CHECK(json_of(report).find("\"sequential_because\":\"" + std::string{name_of(why)} + '"') != std::string::npos);
    }
}

TEST_CASE("run report: what was stopped before it began is neither done nor failed", "[observe][run_report]") {
    run_report const report{.items = 10, .finished = 4, .failed = 1, .wall = 350us, .busy = 350us};
    CHECK(
        to_string(report) == "3 of 10 items done, 1 failed, 6 not run in 350us, one after another: no place was named");
}

TEST_CASE("run report: an empty run divides by nothing", "[observe][run_report]") {
    run_report const none;
    CHECK(none.speedup() == 0.0);
    CHECK(none.efficiency() == 0.0);
    CHECK(to_string(none) == "0 items done in 0s, one after another: no place was named");
    run_report const odd{.workers = 0, .wall = 1s, .busy = 1s};
    CHECK(odd.efficiency() == 1.0);
}

TEST_CASE("run report: as JSON, with every figure", "[observe][run_report]") {
    CHECK(json_of(good)
          == R"({"items":100,"finished":100,"failed":2,"parallel":true,"configured":8,"workers":8,"cores":16,)"
             R"("sequential_because":null,"wall_s":1,"busy_s":7.619,"speedup":7.619,"efficiency":0.952375})");
}
