#include <muster/workloads/llm/discovery.hpp>

#include "catch.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <muster/core/line_sink.hpp>
#include <muster/exec/blocking_pool.hpp>
#include <muster/muster.hpp>
#include <muster/testing/manual_time.hpp>
#include <muster/workloads/llm/fact_store.hpp>

#include "temporary_folder.hpp"

using namespace muster;
using namespace muster::llm;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view schema_text = R"({"type":"object","properties":{"price":{"type":"integer"}},"required":["price"]})";

chat_reply reply_of(std::string content) { return {.content = std::move(content), .has_content = true, .usage = {.prompt = 30, .completion = 21, .total = 51}}; }
failure come_again(std::chrono::nanoseconds after) { return failure{make_error_code(fault::rate_limited), "429: too many requests"}.retry_after(after); }

// A store, a log, and somebody who answers what the test has written down, 21 ms later: time is the test's own.
struct world {
    temporary_folder folder{};
    testing::manual_time time{testing::manual_time::jumping};
    context real{};
    context cx{time};
    fact_store store{fact_store::open(real, folder.path() + "/facts.db").value()};
    std::optional<fact_run> run{};
    std::deque<outcome<chat_reply>> answers{};
    std::stop_source* stops_at_last = nullptr;    // when the last of these is given
    kept_lines log{};
    retry patient{.attempts = 3, .delay = 100ms, .jitter = false};

    std::optional<discovery_report> over(std::vector<asked_node> nodes, fact_run_options how = {}) {
        run.reset();
        run.emplace(store.open_run(real, {.document = "d", .prompt = "p", .model = "m", .schema = schema_text}, how).value());
        auto const asked = [this](chat_request const&, context&) -> outcome<chat_reply> {
            time.advance(21ms);
            if (answers.empty()) return reply_of(R"({"price":1})");
            auto next = std::move(answers.front());
            answers.pop_front();
            if (answers.empty() && stops_at_last) stops_at_last->request_stop();
            return next;
        };
        discovery facts{discovery::asked{asked}, *run, {.instructions = "Say it.", .schema = std::string{schema_text}},
                        json_schema::parse(schema_text).value(), log};
        auto report = facts.over(std::move(nodes), named{"ask"}, patient, cx);
        return report ? std::optional{*report} : std::nullopt;
    }
};

std::vector<asked_node> nodes_of(std::size_t count) {
    std::vector<asked_node> out;
    for (std::size_t i = 0; i < count; ++i) out.push_back({.number = i, .name = "Order/" + std::to_string(i), .text = "<node/>"});
    return out;
}

}  // namespace

TEST_CASE("discovery: its log is the same, line by line") {
    world in;
    in.answers = {reply_of(R"({"price":1})"), come_again(500ms), come_again(200ms), reply_of(R"({"price":2})"),
                  chat_reply{.end = finish::content_filter, .usage = {.total = 9}}};
    REQUIRE(in.over(nodes_of(4)));
    REQUIRE(in.over(nodes_of(4), {.retry_failed = true}));
    CHECK(in.log.lines() == std::vector<std::string>{
        R"(LLM-100 run_started run=1 nodes=4 to_ask=4 in_flight=1)",
        R"(LLM-102 ran_sequentially reason="no place was named")",
        R"(LLM-110 node_done node=0 name="Order/0" attempt=1 facts=1 tokens=51 seconds=0.021)",
        R"(LLM-130 paused kind="rate limited" seconds=0.500)",
        R"(LLM-131 pause_over seconds=1.042 refused=2)",
        R"(LLM-110 node_done node=1 name="Order/1" attempt=3 facts=1 tokens=51 seconds=1.063)",
        R"(LLM-120 node_failed node=2 name="Order/2" kind="content filtered" reason="the endpoint's content filter has kept the answer back" partial=false seconds=0.021)",
        R"(LLM-110 node_done node=3 name="Order/3" attempt=1 facts=1 tokens=51 seconds=0.021)",
        R"(LLM-105 had_errors failed=1 kinds="content filtered: 1" hint="a run that is opened with retry_failed asks about them again")",
        R"(LLM-101 run_ended complete=false done=3 failed=1 stopped=0 facts=3 requests=6 rate_limited=2 tokens=162 seconds=1.126)",
        R"(LLM-100 run_started run=1 nodes=4 to_ask=1 in_flight=1)",
        R"(LLM-103 run_resumed done=3 failed=0 sent_again=0)",
        R"(LLM-102 ran_sequentially reason="no place was named")",
        R"(LLM-110 node_done node=2 name="Order/2" attempt=2 facts=1 tokens=51 seconds=0.021)",
        R"(LLM-101 run_ended complete=true done=1 failed=0 stopped=0 facts=1 requests=1 rate_limited=0 tokens=51 seconds=0.021)"});
}

TEST_CASE("discovery: a quota that is spent is in the log once, and not for each node that is left") {
    world in;
    in.answers = {reply_of(R"({"price":1})"), failure{make_error_code(fault::quota_spent), "429: no \"credit\"\nleft"}};
    REQUIRE(in.over(nodes_of(1'000)));
    CHECK(in.log.lines() == std::vector<std::string>{
        R"(LLM-100 run_started run=1 nodes=1000 to_ask=1000 in_flight=1)",
        R"(LLM-102 ran_sequentially reason="no place was named")",
        R"(LLM-110 node_done node=0 name="Order/0" attempt=1 facts=1 tokens=51 seconds=0.021)",
        R"(LLM-104 run_stopped kind="quota spent" reason="429: no \"credit\"\nleft")",
        R"(LLM-101 run_ended complete=false done=1 failed=0 stopped=999 facts=1 requests=2 rate_limited=0 tokens=51 seconds=0.042)"});
}

TEST_CASE("discovery: a stop is in the log, and so is a run with nothing to do") {
    world in;
    in.answers = {reply_of(R"({"price":1})"), reply_of(R"({"price":2})")};
    std::stop_source stop;
    in.stops_at_last = &stop;
    {
        auto const until = in.cx.change_stop(stop.get_token());
        REQUIRE(in.over(nodes_of(3)));
    }
    auto lines = in.log.lines();
    REQUIRE(lines.size() == 6);
    CHECK(lines[4] == R"(LLM-104 run_stopped kind="cancelled" reason="the run was asked to stop")");
    CHECK(lines[5] == R"(LLM-101 run_ended complete=false done=2 failed=0 stopped=1 facts=2 requests=2 rate_limited=0 tokens=102 seconds=0.042)");
    REQUIRE(in.over(nodes_of(3)));
    REQUIRE(in.over(nodes_of(3)));
    lines = in.log.lines();
    lines.erase(lines.begin(), lines.end() - 3);
    CHECK(lines == std::vector<std::string>{
        R"(LLM-100 run_started run=1 nodes=3 to_ask=0 in_flight=0)",
        R"(LLM-103 run_resumed done=3 failed=0 sent_again=0)",
        R"(LLM-101 run_ended complete=true done=0 failed=0 stopped=0 facts=0 requests=0 rate_limited=0 tokens=0 seconds=0.000)"});
}

TEST_CASE("discovery: names of a document cannot write a line of their own") {
    world in;
    REQUIRE(in.over({{.number = 0, .name = "Order\"\r\nLLM-101 run_ended\x1b[2J", .text = "<node/>"}}));
    auto const lines = in.log.lines();
    REQUIRE(lines.size() == 4);
    CHECK(lines[2] == "LLM-110 node_done node=0 name=\"Order\\\"\\r\\nLLM-101 run_ended\\u001b[2J\" attempt=1 facts=1 tokens=51 seconds=0.021");
}

TEST_CASE("discovery: side by side the start is said first, the end last, and each node once") {
    temporary_folder folder;
    context cx;
    auto store = fact_store::open(cx, folder.path() + "/facts.db").value();
    auto run = store.open_run(cx, {.document = "d", .prompt = "p", .model = "m", .schema = schema_text}).value();
    kept_lines log;
    discovery facts{discovery::asked{[](chat_request const&, context&) -> outcome<chat_reply> { return reply_of(R"({"price":1})"); }}, run,
                    {.schema = std::string{schema_text}}, json_schema::parse(schema_text).value(), log};
    blocking_pool io{8};
    REQUIRE(facts.over(nodes_of(100), on{io, 8}, retry{}, cx));
    auto const lines = log.lines();
    REQUIRE(lines.size() == 102);
    CHECK(lines.front() == "LLM-100 run_started run=1 nodes=100 to_ask=100 in_flight=8");
    CHECK(lines.back().find("LLM-101 run_ended complete=true done=100 ") == 0);
    std::set<std::string> done;
    for (auto const& line : lines)
        if (line.find("LLM-110 node_done node=") == 0) done.insert(line.substr(0, line.find(" attempt")));
    CHECK(done.size() == 100);
}
