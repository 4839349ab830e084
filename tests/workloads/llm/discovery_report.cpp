#include <muster/workloads/llm/discovery_report.hpp>

#include "catch.hpp"

#include <nlohmann/json.hpp>

using namespace muster;
using namespace muster::llm;
using namespace std::chrono_literals;

TEST_CASE("discovery_report: complete is every node with its facts, now or before") {
    discovery_report of{.nodes = 10, .done_before = 4, .done = 6};
    CHECK(of.is_complete());
    CHECK(of.success_rate() == 1.0);
    of.done = 3;
    of.failed = 2;
    of.stopped = 1;
    CHECK_FALSE(of.is_complete());
    CHECK(of.success_rate() == 0.5);
    CHECK(discovery_report{}.is_complete());
}

TEST_CASE("discovery_report: as JSON it has what a reader looks for, and as text what is missing") {
    discovery_report const of{.nodes = 3, .done = 1, .failed = 1, .stopped = 1, .kinds = {{"rate limited", 2}}, .stopped_because = "quota spent: \"no\"",
                              .usage = {.total = 77}, .latency_p95 = 1500ms, .predicted = 2s};
    std::string text;
    json_writer to{text};
    of.write_json(to);
    auto const read = nlohmann::json::parse(text);
    CHECK(read["complete"] == false);
    CHECK(read["kinds"]["rate limited"] == 2);
    CHECK(read["stopped_because"] == "quota spent: \"no\"");
    CHECK(read["usage"]["total"] == 77);
    CHECK(read["latency_p95_s"] == 1.5);
    CHECK(read["predicted_s"] == 2.0);
    CHECK(read["run"]["items"] == 0);
    auto const said = to_string(of);
    for (auto const* const part : {"1 of 3 nodes done", "1 failed", "1 stopped", "rate limited: 2", "quota spent", "77 tokens", "predicted"}) {
        INFO(said);
        CHECK(said.find(part) != std::string::npos);
    }
}
