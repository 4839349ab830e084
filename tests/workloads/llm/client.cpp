#include <muster/workloads/llm/client.hpp>

#include "catch.hpp"

#include <cstddef>
#include <string>
#include <vector>

#include <muster/muster.hpp>
#include <muster/workloads/llm/responder.hpp>

using namespace muster;
using namespace muster::llm;
using namespace std::chrono_literals;

namespace {

chat_request request_of(std::string prompt) {
    chat_request out{.messages = {{chat_message::speaker::system, "Say what is there."}, {chat_message::speaker::user, std::move(prompt)}}};
    out.schema = std::string{responder::schema()};
    return out;
}

api_key key(std::string text) { return api_key::of(std::move(text)).value(); }

struct answered {
    responder by;
    http_client http{{.environment_proxy = false}};
    client model;
    explicit answered(responder_options options = {}, std::string with_key = "")
        : by(std::move(options)), model(http, {.url = by.url(), .model = "small", .key = with_key.empty() ? api_key{} : key(std::move(with_key))}) {}
};

}  // namespace

TEST_CASE("client: an answer is its content, why it ends, and what it took") {
    answered to;
    auto const reply = to.model.ask(request_of("node 1"));
    INFO((reply ? "" : to_string(reply.error())));
    REQUIRE(reply);
    CHECK(reply->content == responder::facts_of("node 1"));
    CHECK(reply->end == finish::stop);
    CHECK(reply->usage.prompt > 0);
    CHECK(reply->usage.completion > 0);
    CHECK(reply->usage.total == reply->usage.prompt + reply->usage.completion);
    CHECK(reply->model == "small");
    auto const schema = json_schema::parse(responder::schema()).value();
    CHECK(json_of(*reply, schema).has_value());
}

TEST_CASE("client: Azure's path, key and version are said as Azure reads them") {
    responder by{{.key = "secret-of-azure"}};
    http_client http{{.environment_proxy = false}};
    client const model{http, {.url = by.azure_url() + "/", .model = "my-deployment", .speaks = dialect::azure, .key = key("secret-of-azure")}};
    auto const reply = model.ask(request_of("node 1"));
    INFO((reply ? "" : to_string(reply.error())));
    REQUIRE(reply);
    CHECK(reply->content == responder::facts_of("node 1"));
    client const stranger{http, {.url = by.azure_url(), .model = "my-deployment", .speaks = dialect::azure, .key = key("another")}};
    auto const refused = stranger.ask(request_of("node 1"));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == fault::unauthorized);
}

TEST_CASE("client: each way to refuse is a fault of its own") {
    struct expected {
        responder_fault what;
        fault is;
        cause amounts_to;
        bool tells_when;
    };
    static constexpr expected all[] = {
        {responder_fault::rate_limited, fault::rate_limited, cause::rejected, true},
        {responder_fault::slow_down, fault::rate_limited, cause::rejected, true},
        {responder_fault::azure_rate_limited, fault::rate_limited, cause::rejected, true},
        {responder_fault::flat_rate_limited, fault::rate_limited, cause::rejected, true},
        {responder_fault::typed_overloaded, fault::overloaded, cause::unavailable, false},
        {responder_fault::quota_spent, fault::quota_spent, cause::exhausted, false},
        {responder_fault::spend_limit, fault::quota_spent, cause::exhausted, false},
        {responder_fault::server_error, fault::overloaded, cause::unavailable, false},
        {responder_fault::unavailable, fault::overloaded, cause::unavailable, true},
        {responder_fault::unauthorized, fault::unauthorized, cause::forbidden, false},
        {responder_fault::request_timeout, fault::slow, cause::timed_out, false},
        {responder_fault::html_error, fault::overloaded, cause::unavailable, false},
        {responder_fault::bad_json, fault::bad_answer, cause::unavailable, false},
        {responder_fault::no_choices, fault::bad_answer, cause::unavailable, false},
    };
    for (auto const& each : all) {
        answered to{{.plan = {{.fault = each.what}}}};
        auto const reply = to.model.ask(request_of("node 1"));
        INFO(name_of(each.what));
        REQUIRE_FALSE(reply);
        auto const& why = reply.error();
        INFO(to_string(why));
        CHECK(why.code() == each.is);
        CHECK(why.is(each.amounts_to));
        CHECK(why.retry_after().has_value() == each.tells_when);
        CHECK(why.text().size() < 600);
        CHECK(ends_the_run(why) == (each.is == fault::quota_spent || each.is == fault::unauthorized));
    }
}

TEST_CASE("client: what keeps an answer from coming is HTTP's fault") {
    struct expected {
        responder_fault what;
        http_fault is;
    };
    static constexpr expected all[] = {
        {responder_fault::reset_before_headers, http_fault::disconnected},
        {responder_fault::reset_in_body, http_fault::truncated},
        {responder_fault::half_answer, http_fault::truncated},
        {responder_fault::huge_body, http_fault::too_large},
    };
    for (auto const& each : all) {
        answered to{{.plan = {{.fault = each.what}}}};
        auto const reply = to.model.ask(request_of("node 1"));
        INFO(name_of(each.what));
        REQUIRE_FALSE(reply);
        INFO(to_string(reply.error()));
        CHECK(reply.error().code() == each.is);
    }
    for (auto const hanging : {responder_fault::hang, responder_fault::slow_body}) {
        answered to{{.plan = {{.fault = hanging}}}};
        auto const reply = (deadline{200ms} | [&](chat_request const& what, context& cx) { return to.model.ask(what, cx); })(request_of("node 1"));
        REQUIRE_FALSE(reply);
        CHECK(reply.error().is(cause::timed_out));
    }
}

TEST_CASE("client: an answer of no use was paid for all the same, and says what it lacks") {
    struct expected {
        responder_fault what;
        fault is;
    };
    static constexpr expected all[] = {
        {responder_fault::bad_content, fault::no_json},           {responder_fault::wrong_schema, fault::wrong_shape},
        {responder_fault::cut_at_length, fault::cut_short},       {responder_fault::content_filter, fault::filtered},
        {responder_fault::refusal, fault::refused_by_model},      {responder_fault::null_content, fault::bad_answer},
    };
    auto const schema = json_schema::parse(responder::schema()).value();
    for (auto const& each : all) {
        answered to{{.plan = {{.fault = each.what}}}};
        auto const reply = to.model.ask(request_of("node 1"));
        INFO(name_of(each.what));
        REQUIRE(reply);
        CHECK(reply->usage.total > 0);
        auto const value = json_of(*reply, schema);
        REQUIRE_FALSE(value);
        INFO(to_string(value.error()));
        CHECK(value.error().code() == each.is);
    }
}

TEST_CASE("client: errors are read however they are written") {
    struct expected {
        int status;
        char const* body;
        fault is;
        char const* says;
    };
    static constexpr expected all[] = {
        {400, R"({"error":{"message":"no such parameter","type":"invalid_request_error","param":"x","code":null}})", fault::refused_request, "no such parameter"},
        {400, R"({"error":{"message":"8192 tokens at most","code":"context_length_exceeded"}})", fault::too_long, "8192"},
        {400, R"({"error":{"message":"filtered","code":"content_filter","status":400}})", fault::filtered, "filtered"},
        {422, R"({"object":"error","message":"wrong","code":"1300"})", fault::refused_request, "1300"},
        {429, R"({"error":{"message":"come back","code":429}})", fault::rate_limited, "429"},
        {429, R"({"type":"error","error":{"type":"insufficient_quota","message":"no money"}})", fault::quota_spent, "no money"},
        {402, "", fault::quota_spent, "402"},
        {403, "forbidden", fault::unauthorized, "forbidden"},
        {404, R"({"error":"model 'small' not found"})", fault::no_such_model, "not found"},
        {413, "\n<html><body>Request Entity Too Large</body></html>", fault::refused_request, "HTML"},
        {301, "", fault::bad_answer, "301"},
        {500, "{\"error\":", fault::overloaded, "500"},
        {503, "\x01\x02\xff binary", fault::overloaded, "503"},
        {200, R"({"error":{"message":"the model is loading","code":503}})", fault::bad_answer, "loading"},
        {200, "[]", fault::bad_answer, "no choice"},
        {200, R"({"choices":[{}]})", fault::bad_answer, "no message"},
        {200, R"({"choices":[{"message":"text"}]})", fault::bad_answer, "no message"},
    };
    for (auto const& each : all) {
        answered to{{.plan = {{.fault = responder_fault::own_answer, .status = each.status, .body = each.body}}}};
        auto const reply = to.model.ask(request_of("node 1"));
        INFO(each.status << ' ' << each.body);
        REQUIRE_FALSE(reply);
        INFO(to_string(reply.error()));
        CHECK(reply.error().code() == each.is);
        CHECK(reply.error().text().find(each.says) != std::string::npos);
        for (char const c : reply.error().text()) CHECK(static_cast<unsigned char>(c) >= ' ');
    }
}

TEST_CASE("client: content in parts, and usage that makes no sense, are taken as far as they go") {
    auto const body = R"({"choices":[{"message":{"content":[{"type":"text","text":"a"},{"type":"image"},{"type":"text","text":"b"}]},"finish_reason":"tool_calls"}],
        "usage":{"prompt_tokens":-5,"completion_tokens":"many","total_tokens":7,"prompt_tokens_details":null}})";
    answered to{{.plan = {{.fault = responder_fault::own_answer, .status = 200, .body = body}}}};
    auto const reply = to.model.ask(request_of("node 1"));
    REQUIRE(reply);
    CHECK(reply->content == "ab");
    CHECK(reply->end == finish::other);
    CHECK(reply->usage == token_usage{.total = 7});
}

TEST_CASE("client: a key is never in a failure, though the endpoint repeats it") {
    std::string const secret = "sk-very-secret-0123456789";
    for (auto const status : {401, 429, 500}) {
        answered to{{.plan = {{.fault = responder_fault::own_answer, .status = status,
                               .body = R"({"error":{"message":"Incorrect API key provided: sk-very-secret-0123456789","code":"invalid_api_key"}})"}}}, secret};
        auto const reply = to.model.ask(request_of("node 1"));
        REQUIRE_FALSE(reply);
        INFO(to_string(reply.error()));
        CHECK(to_string(reply.error()).find(secret) == std::string::npos);
    }
}

TEST_CASE("client: texts of a prompt stay texts, whatever they hold") {
    answered to;
    std::vector<std::string> const prompts{"\"}],\"model\":\"dear\"", std::string{"a\0b", 3}, "\xff\xfe no UTF-8", "\r\nHost: other", "\xf0\x9f\x98\x80 \\ \" \n"};
    for (auto const& prompt : prompts) REQUIRE(to.model.ask(request_of(prompt)));
    CHECK(to.by.stats().malformed == 0);
    CHECK(to.by.asked(prompts[0]).answered == 1);
    CHECK(to.by.asked(prompts[1]).answered == 1);
    CHECK(to.by.asked("\xef\xbf\xbd\xef\xbf\xbd no UTF-8").answered == 1);
    CHECK(to.by.asked(prompts[4]).answered == 1);
}

TEST_CASE("client: a request that cannot be is refused before it is sent") {
    answered to;
    CHECK(to.model.ask({}).error().code() == fault::refused_request);
    auto wrong = request_of("node 1");
    wrong.schema = "{\"type\":";
    CHECK(to.model.ask(wrong).error().code() == fault::refused_request);
    wrong = request_of("node 1");
    wrong.schema_name = std::string(65, 'n');
    CHECK(to.model.ask(wrong).error().code() == fault::refused_request);
    CHECK(to.by.stats().requests == 0);
}

TEST_CASE("client: the idempotency key goes with the request, where there is one") {
    answered to;
    auto what = request_of("node 1");
    REQUIRE(to.model.ask(what));
    CHECK(to.by.idempotency_keys().empty());
    what.idempotency_key = "run-7-node-1";
    REQUIRE(to.model.ask(what));
    REQUIRE(to.model.ask(what));
    CHECK(to.by.idempotency_keys().at("run-7-node-1") == 2);
}

TEST_CASE("client: limits come with the reply as they are stated") {
    answered to{{.requests_per_second = 100, .request_burst = 10, .stated_per = 1s}};
    auto const reply = to.model.ask(request_of("node 1"));
    REQUIRE(reply);
    CHECK(reply->limits.requests.limit == 100);
}

TEST_CASE("client: a limit that Azure keeps in short windows is met without losses, from what answers state or refusals teach") {
    for (auto const states : {limit_headers::azure, limit_headers::azure_absent}) {
        // 12,000 a minute, and at a tenth of Azure's time scale: in each 100 ms, and in each second.
        responder by{{.latency = 5ms, .requests_per_second = 200, .request_windows = {100ms, 1s}, .headers = states}};
        http_client http{{.environment_proxy = false}};
        quota shared;
        client const model{http, {.url = by.azure_url(), .model = "d", .speaks = dialect::azure}, &shared};
        auto const ask = [&](std::size_t i, context& cx) { return model.ask(request_of("node " + std::to_string(i)), cx); };
        blocking_pool io{16};
        constexpr std::size_t count = 300;
        std::size_t answered = 0;
        for (auto const& each : map(indices{count}, on{io, 16} | retry{.attempts = 8, .delay = 1ms} | limit{shared} | ask)) answered += each.has_value();
        auto const stats = by.stats();
        INFO(stats.requests << " requests");
        CHECK(answered == count);
        CHECK(stats.requests <= count + count / 5);    // a busy machine lets requests come late, and then together
    }
}

TEST_CASE("client: an endpoint that has no URL is refused at once") {
    http_client http;
    CHECK_THROWS_AS(client(http, endpoint{.url = "ftp://host", .model = "m"}), std::invalid_argument);
    CHECK_THROWS_AS(client(http, endpoint{.url = "http://host/v1"}), std::invalid_argument);
}
