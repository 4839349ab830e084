#include <muster/workloads/llm/discovery.hpp>

#include "catch.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include <muster/adapt/http_client.hpp>
#include <muster/muster.hpp>
#include <muster/workloads/llm/fact_store.hpp>
#include <muster/workloads/llm/responder.hpp>

#include "temporary_folder.hpp"

using namespace muster;
using namespace muster::llm;
using namespace std::chrono_literals;

namespace {

std::vector<asked_node> nodes_of(std::size_t count) {
    std::vector<asked_node> out;
    for (std::size_t i = 0; i < count; ++i) out.push_back({.number = i, .name = "Order/" + std::to_string(i), .text = "<node n=\"" + std::to_string(i) + "\"/>"});
    return out;
}

// One document, one store, one endpoint; a process that died is another `fact_run` of the same file.
struct world {
    temporary_folder folder{};
    responder by;
    http_client http{{.environment_proxy = false}};
    client model;
    context cx{};
    fact_store store;
    std::optional<fact_run> run{};
    std::optional<discovery> facts{};

    explicit world(responder_options options = {})
        : by(std::move(options)), model(http, {.url = by.url(), .model = "small"}), store(fact_store::open(cx, folder.path() + "/facts.db").value()) {
        open();
    }
    void open() {
        facts.reset();
        run.reset();
        run.emplace(store.open_run(cx, {.document = "d", .prompt = "p", .model = "small", .schema = responder::schema()}).value());
        facts.emplace(model, *run, discovery_question{.instructions = "Say what is there.", .schema = std::string{responder::schema()}},
                      json_schema::parse(responder::schema()).value());
    }
};

struct seen {
    using policy_concept = around_tag;
    std::vector<std::string>* into;
    auto around(auto const& next, context& cx, auto&& item) const {
        into->push_back(item.name);
        return next(cx, item);
    }
};

auto const patient = retry{.attempts = 4, .delay = 1ms, .most = 4ms};

}  // namespace

TEST_CASE("discovery: every node is asked once and has its facts, side by side or one after another") {
    blocking_pool io{8};
    for (bool const one_by_one : {false, true}) {
        world in;
        auto const nodes = nodes_of(40);
        auto const report = one_by_one ? in.facts->over(nodes, named{"ask"}, patient, in.cx) : in.facts->over(nodes, on{io, 8}, patient, in.cx);
        INFO((report ? to_string(*report) : to_string(report.error())));
        REQUIRE(report);
        CHECK(report->is_complete());
        CHECK(report->done == 40);
        CHECK(report->attempts == 40);
        CHECK(report->failed + report->stopped == 0);
        CHECK(report->usage.total > 0);
        CHECK(report->facts > 0);
        CHECK(report->latency_p95 >= report->latency_p50);
        CHECK(in.by.stats().requests == 40);
        CHECK(in.run->is_finished());
        for (auto const& each : nodes) CHECK(in.by.asked(each.text).answered == 1);
    }
}

TEST_CASE("discovery: how many are asked about at a time may change while it runs, from the next node on") {
    std::vector<std::size_t> at_once;    // of each request, itself among them; written by the endpoint's thread
    world in{{.latency_of = [&](responder_request const& request) {
        at_once.push_back(request.in_flight);
        return std::chrono::nanoseconds{0};
    }}};
    blocking_pool io{8};
    bulkhead turns{4};
    in.by.hold();
    std::optional<outcome<discovery_report>> report;
    std::thread runs([&] { report.emplace(in.facts->over(nodes_of(30), on{io, 8} | limit{turns}, patient, in.cx)); });
    REQUIRE(in.by.until_in_flight(4));
    turns.resize(6);    // more, at once
    REQUIRE(in.by.until_in_flight(6));
    turns.resize(1);    // switched off: what is under way goes on, what follows is one after another
    in.by.release();
    runs.join();
    REQUIRE(*report);
    CHECK((*report)->is_complete());
    CHECK(in.by.stats().requests == 30);    // under the endpoint's lock: what its thread wrote is there
    REQUIRE(at_once.size() == 30);
    CHECK(std::vector<std::size_t>(at_once.begin(), at_once.begin() + 6) == std::vector<std::size_t>{1, 2, 3, 4, 5, 6});
    CHECK(std::count(at_once.begin() + 6, at_once.end(), 1u) == 24);
    CHECK(turns.peak() == 6);
}

TEST_CASE("discovery: a finished run is not sent again") {
    world in;
    auto const nodes = nodes_of(5);
    REQUIRE(in.facts->over(nodes, named{"ask"}, patient, in.cx));
    in.open();
    auto const again = in.facts->over(nodes, named{"ask"}, patient, in.cx);
    REQUIRE(again);
    CHECK(again->is_complete());
    CHECK(again->done_before == 5);
    CHECK(again->attempts == 0);
    CHECK(in.by.stats().requests == 5);
}

TEST_CASE("discovery: a display is told what the counts are, while it runs and afterwards") {
    world in{{.plan = {{.fault = responder_fault::rate_limited, .request = 2, .hint = retry_hint{.wait = 1ms}}}}};
    struct display {
        discovery* of;
        std::vector<std::uint64_t> tokens{}, done{};
        void on_call(call_event const& event) noexcept {
            if (event.what != call_event::kind::finished) return;
            auto const now = of->so_far();
            tokens.push_back(now.usage.total);
            done.push_back(now.done);
        }
    } seen_by{&*in.facts};
    auto const report = in.facts->over(nodes_of(5), named{"ask"} | observe{seen_by}, patient, in.cx);
    REQUIRE(report);
    CHECK(seen_by.done == std::vector<std::uint64_t>{1, 2, 3, 4, 5});
    REQUIRE(seen_by.tokens.size() == 5);
    CHECK(seen_by.tokens.front() > 0);
    CHECK(std::is_sorted(seen_by.tokens.begin(), seen_by.tokens.end()));
    CHECK(seen_by.tokens.back() == report->usage.total);
    CHECK(in.facts->so_far().rate_limited == 1);
    CHECK(in.facts->so_far().done == 5);
}

TEST_CASE("discovery: a node that fails touches no other, and says how it failed") {
    blocking_pool io{4};
    world in{{.plan = {{.fault = responder_fault::refusal, .prompt_has = "\"3\""},
                       {.fault = responder_fault::cut_at_length, .prompt_has = "\"4\""},
                       {.fault = responder_fault::content_filter, .prompt_has = "\"5\""},
                       {.fault = responder_fault::wrong_schema, .prompt_has = "\"6\""},
                       {.fault = responder_fault::server_error, .prompt_has = "\"7\""}}}};
    auto const report = in.facts->over(nodes_of(20), on{io, 4}, patient, in.cx);
    INFO((report ? to_string(*report) : to_string(report.error())));
    REQUIRE(report);
    CHECK(report->done == 15);
    CHECK(report->failed == 5);
    CHECK(report->partial == 1);
    CHECK(report->kinds == std::map<std::string, std::uint64_t>{{"refused by the model", 1}, {"answer cut short", 1}, {"content filtered", 1},
                                                                {"schema not met", 1}, {"endpoint overloaded", 1}});
    CHECK(report->attempts == 15 + 3 + 2 * 4);    // what cannot be mended is not tried again
    CHECK(in.run->is_finished());
}

TEST_CASE("discovery: faults that pass cost another attempt and no node") {
    blocking_pool io{4};
    world in{{.plan = {{.fault = responder_fault::rate_limited, .prompt_has = "\"1\"", .last_attempt = 1, .hint = retry_hint{.wait = 1ms}},
                       {.fault = responder_fault::half_answer, .prompt_has = "\"2\"", .last_attempt = 1},
                       {.fault = responder_fault::html_error, .prompt_has = "\"3\"", .last_attempt = 2},
                       {.fault = responder_fault::bad_content, .prompt_has = "\"4\"", .last_attempt = 1}}}};
    auto const report = in.facts->over(nodes_of(10), on{io, 4}, patient, in.cx);
    INFO((report ? to_string(*report) : to_string(report.error())));
    REQUIRE(report);
    CHECK(report->done == 10);
    CHECK(report->attempts == 15);
    CHECK(report->rate_limited == 1);
}

TEST_CASE("discovery: where the quota is spent nothing more is sent, and the rest is stopped until the next time") {
    blocking_pool io{4};
    world in{{.latency = 1ms, .quota = 8}};
    auto const nodes = nodes_of(50);
    auto const report = in.facts->over(nodes, on{io, 4}, patient, in.cx);
    INFO((report ? to_string(*report) : to_string(report.error())));
    REQUIRE(report);
    CHECK(report->done == 8);
    CHECK(report->failed == 0);
    CHECK(report->stopped == 42);    // those that were refused among them: it is not their fault
    CHECK(report->kinds.at("quota spent") >= 1);
    CHECK(report->stopped_because.find("quota spent") != std::string::npos);
    CHECK(in.by.stats().requests <= 8 + 4);
    CHECK_FALSE(in.run->is_finished());
    CHECK(report->attempts == in.by.stats().requests);

    responder refilled;
    client const model{in.http, {.url = refilled.url(), .model = "small"}};
    in.open();
    discovery facts{model, *in.run, {.schema = std::string{responder::schema()}}, json_schema::parse(responder::schema()).value()};
    auto const next = facts.over(nodes, on{io, 4}, patient, in.cx);
    REQUIRE(next);
    CHECK(next->is_complete());
    CHECK(refilled.stats().requests == 42);
}

TEST_CASE("discovery: a stopped run keeps what is done, and the next asks for the rest alone") {
    blocking_pool io{4};
    world in;
    auto const nodes = nodes_of(12);
    in.by.hold();
    std::stop_source stop;
    context cx{stop.get_token()};
    std::optional<outcome<discovery_report>> first;
    std::thread runs([&] { first.emplace(in.facts->over(nodes, on{io, 4}, patient, cx)); });
    REQUIRE(in.by.until_in_flight(4));
    stop.request_stop();
    runs.join();
    in.by.release();
    REQUIRE(*first);
    CHECK((*first)->stopped == 12);
    CHECK_FALSE((*first)->stopped_because.empty());
    in.open();
    auto const second = in.facts->over(nodes, on{io, 4}, patient, in.cx);
    REQUIRE(second);
    CHECK(second->is_complete());
    CHECK(in.by.stats().requests == 4 + 12);
}

TEST_CASE("discovery: the longest nodes go first") {
    world in;
    auto nodes = nodes_of(5);
    nodes[3].text += std::string(1'000, ' ');
    nodes[1].text += std::string(500, ' ');
    std::vector<std::string> order;
    REQUIRE(in.facts->over(nodes, named{"ask"}, seen{&order} | patient, in.cx));
    CHECK(order == std::vector<std::string>{"Order/3", "Order/1", "Order/0", "Order/2", "Order/4"});
}

TEST_CASE("discovery: each node has one idempotency key, whatever attempts it takes") {
    world in{{.plan = {{.fault = responder_fault::server_error, .last_attempt = 1}}}};
    REQUIRE(in.facts->over(nodes_of(3), named{"ask"}, patient, in.cx));
    auto const keys = in.by.idempotency_keys();
    CHECK(keys.size() == 3);
    for (auto const& [key, count] : keys) CHECK(count == 2);
}

TEST_CASE("discovery: no node is no error") {
    world in;
    auto const report = in.facts->over({}, named{"ask"}, patient, in.cx);
    REQUIRE(report);
    CHECK(report->is_complete());
    CHECK(report->success_rate() == 1.0);
}

TEST_CASE("discovery: another model may be asked where the first has no answer") {
    world in{{.plan = {{.fault = responder_fault::server_error, .prompt_has = "\"1\""}}}};
    responder second;
    client const other{in.http, {.url = second.url(), .model = "large"}};
    auto const ask_first = [&](chat_request const& what, context& cx) { return in.model.ask(what, cx); };
    auto const ask_other = [&](chat_request const& what, context& cx) { return other.ask(what, cx); };
    auto const either = fallback{ask_other} | ask_first;
    discovery facts{discovery::asked{either}, *in.run, {.schema = std::string{responder::schema()}}, json_schema::parse(responder::schema()).value()};
    auto const report = facts.over(nodes_of(3), named{"ask"}, patient, in.cx);
    INFO((report ? to_string(*report) : to_string(report.error())));
    REQUIRE(report);
    CHECK(report->done == 3);
    CHECK(second.stats().requests == 1);
}
