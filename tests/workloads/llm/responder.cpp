#include <muster/workloads/llm/responder.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "loopback_client.hpp"

using namespace muster::llm;
using namespace std::chrono_literals;

namespace {

struct http_answer {
    int status = 0;                    // 0: none came
    std::string head, body;
    std::size_t announced = 0;
    using end = loopback_client::end;
    end how = end::open;

    std::string header(std::string_view name) const {
        auto const at = head.find("\r\n" + std::string{name} + ": ");
        if (at == head.npos) return {};
        auto const from = at + name.size() + 4;
        return head.substr(from, head.find("\r\n", from) - from);
    }
    bool has(std::string_view text) const { return body.find(text) != body.npos; }
};

struct client : loopback_client {
    explicit client(responder const& server) : loopback_client(server.port()) { REQUIRE(connected()); }

    /// One answer, or what came of it before the connection ended.
    http_answer hear() {
        http_answer out;
        while (in_.find("\r\n\r\n") == in_.npos)
            if (!more(out)) return out;
        auto const end = in_.find("\r\n\r\n");
        out.head = in_.substr(0, end + 2);
        in_.erase(0, end + 4);
        out.status = std::stoi(out.head.substr(9, 3));
        if (out.status == 100) return out;
        out.announced = std::stoul(out.header("Content-Length"));
        while (in_.size() < out.announced && more(out)) {}
        out.body = in_.substr(0, out.announced);
        in_.erase(0, out.announced);
        return out;
    }
    /// What the connection ends with after the last answer.
    http_answer::end end() {
        http_answer out;
        while (more(out)) {}
        return out.how;
    }
    http_answer ask(std::string_view text) {
        say(text);
        return hear();
    }

private:
    bool more(http_answer& out) {
        auto const some = hear_some(65'536);
        in_ += some;
        out.how = ended();
        return !some.empty();
    }
    std::string in_;
};

std::string post(std::string_view body, std::string_view headers = "", std::string_view target = "/v1/chat/completions") {
    return "POST " + std::string{target} + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
           std::string{headers} + "\r\n" + std::string{body};
}

std::string chat_body(std::string_view prompt) {
    return R"({"model":"small","response_format":{"type":"json_object"},"messages":[{"role":"user","content":")" + std::string{prompt} + R"("}]})";
}

std::string chat(std::string_view prompt, std::string_view headers = "") { return post(chat_body(prompt), headers); }

// The answer as a JSON text holds it.
std::string quoted_facts(std::string_view prompt) { return muster::json_text(responder::facts_of(prompt)); }

http_answer ask_once(responder const& server, std::string_view text) { return client{server}.ask(text); }

http_answer with_fault(responder_fault fault, responder_options options = {}) {
    options.plan.push_back({.fault = fault});
    responder server{options};
    return ask_once(server, chat("x"));
}

}  // namespace

TEST_CASE("responder: answers a completion with facts made from the prompt alone", "[llm][responder]") {
    responder server;
    client ours{server};
    auto const one = ours.ask(chat("node 1"));
    CHECK(one.status == 200);
    CHECK(one.header("Content-Type") == "application/json");
    CHECK(one.body == R"({"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"small","choices":[{"index":0,"message":)"
                      R"({"role":"assistant","content":)" + quoted_facts("node 1") +
                      R"(,"refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":2,"completion_tokens":)" +
                      std::to_string((responder::facts_of("node 1").size() + 3) / 4) + R"(,"total_tokens":)" +
                      std::to_string((responder::facts_of("node 1").size() + 3) / 4 + 2) +
                      R"(,"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}}})");
    CHECK(ours.ask(chat("node 2")).has(quoted_facts("node 2")));
    CHECK(ours.ask(chat("node 1")).has(quoted_facts("node 1")));
    CHECK(server.stats().all_connections == 1);    // kept alive
    auto const plain = ours.ask(post(R"({"messages":[{"content":"hello"}]})"));
    CHECK(plain.has(R"("content":"This node says 5 bytes of something.")"));
    CHECK(server.url() == "http://127.0.0.1:" + std::to_string(server.port()) + "/v1");
    CHECK(server.azure_url() + "/v1" == server.url());
}

TEST_CASE("responder: answers what a function of the user says", "[llm][responder]") {
    responder server{{.content_of = [](responder_request const& of) {
        return std::string{of.prompt} + "/" + std::string{of.model} + "/" + std::to_string(of.number) + "/" + std::to_string(of.attempt);
    }}};
    client ours{server};
    CHECK(ours.ask(chat("a")).has(R"("content":"a/small/1/1")"));
    CHECK(ours.ask(chat("b")).has(R"("content":"b/small/2/1")"));
    CHECK(ours.ask(chat("a")).has(R"("content":"a/small/3/2")"));
}

TEST_CASE("responder: requests in a row without waiting are answered in their order", "[llm][responder]") {
    responder server{{.latency_of = [](responder_request const& of) { return of.number == 1 ? 30ms : 0ms; }}};
    client ours{server};
    ours.say(chat("1") + chat("2") + "GET / HTTP/1.1\r\nHost: a\r\n\r\n" + chat("3"));
    CHECK(ours.hear().has(quoted_facts("1")));
    CHECK(ours.hear().has(quoted_facts("2")));
    CHECK(ours.hear().status == 404);
    CHECK(ours.hear().has(quoted_facts("3")));
    std::string many;
    for (int i = 0; i < 3'000; ++i) many += chat(std::to_string(i));    // more than may wait at once
    std::jthread const says{[&] { ours.say(many); }};
    for (int i = 0; i < 3'000; ++i) REQUIRE(ours.hear().has(quoted_facts(std::to_string(i))));
}

TEST_CASE("responder: a request in pieces of one byte is read like one in a piece", "[llm][responder]") {
    responder server;
    client ours{server};
    for (char const c : chat("slow")) REQUIRE(ours.say({&c, 1}));
    CHECK(ours.hear().has(quoted_facts("slow")));
}

TEST_CASE("responder: a large request may ask before it sends its body", "[llm][responder]") {
    responder server;
    client ours{server};
    auto const text = chat(std::string(300'000, 'x'), "Expect: 100-continue\r\n");
    auto const body = text.find("\r\n\r\n") + 4;
    ours.say(text.substr(0, body));
    CHECK(ours.hear().status == 100);
    ours.say(text.substr(body));
    CHECK(ours.hear().status == 200);
    CHECK(server.stats().bytes_in == text.size());
}

TEST_CASE("responder: closes after an answer where the client asks for it", "[llm][responder]") {
    responder server;
    client ours{server};
    auto const answer = ours.ask(chat("x", "Connection: close\r\n"));
    CHECK(answer.status == 200);
    CHECK(answer.header("Connection") == "close");
    CHECK(ours.end() == http_answer::end::closed);
    client old{server};
    CHECK(old.ask("POST /v1/chat/completions HTTP/1.0\r\nContent-Length: " + std::to_string(chat_body("x").size()) + "\r\n\r\n" +
                  chat_body("x")).status == 200);
    CHECK(old.end() == http_answer::end::closed);
    client ends{server};
    ends.say(chat("x"));
    ends.say_no_more();
    CHECK(ends.hear().status == 200);
    CHECK(ends.end() == http_answer::end::closed);
}

TEST_CASE("responder: speaks Azure's path too, the deployment is the model", "[llm][responder]") {
    responder server{{.key = "secret"}};
    client ours{server};
    auto const ask = [&](std::string_view target, std::string_view headers) { return ours.ask(post(chat_body("x"), headers, target)); };
    auto const well = ask("/openai/deployments/mine/chat/completions?api-version=2024-06-01", "api-key: secret\r\n");
    CHECK(well.status == 200);
    CHECK(well.has(R"("model":"mine")"));
    CHECK(ask("/openai/deployments/mine/chat/completions", "api-key: secret\r\n").status == 404);
    CHECK(ask("/openai/deployments//chat/completions?api-version=1", "api-key: secret\r\n").status == 404);
    CHECK(ask("/openai/deployments/mine/chat/completions?api-version=1", "api-key: wrong\r\n").status == 401);
}

TEST_CASE("responder: a wrong or missing key is refused, and costs nothing", "[llm][responder]") {
    responder server{{.key = "secret"}};
    client ours{server};
    auto const refused = ours.ask(chat("x"));
    CHECK(refused.status == 401);
    CHECK(refused.has(R"("code":"invalid_api_key")"));
    CHECK(ours.ask(chat("x", "Authorization: Bearer secre\r\n")).status == 401);
    CHECK(ours.ask(chat("x", "Authorization: Basic secret\r\n")).status == 401);
    CHECK(ours.ask(chat("x", "Authorization: bearer secret\r\n")).status == 200);
    CHECK(server.stats().requests == 1);
    CHECK(server.stats().answered(401) == 3);
}

TEST_CASE("responder: what is no request for a completion gets its status", "[llm][responder]") {
    responder server{{.most_head = 1'000, .most_body = 1'000}};
    auto const status = [&](std::string_view text) { return ask_once(server, text).status; };
    CHECK(status("GET /v1/chat/completions HTTP/1.1\r\nHost: a\r\n\r\n") == 405);
    CHECK(status("GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n") == 404);
    CHECK(status("hello\r\n\r\n") == 400);
    CHECK(status(post("{}")) == 400);
    CHECK(status(post("{\"messages\":[{}]")) == 400);
    CHECK(status("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") == 411);
    CHECK(status("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n") == 413);
    CHECK(status("POST /" + std::string(2'000, 'x')) == 431);
    CHECK(status("POST / HTTP/3\r\nHost: a\r\n\r\n") == 505);
    CHECK(server.stats().malformed == 8);
    CHECK(server.stats().requests == 0);
}

TEST_CASE("responder: garbage is refused and the connection closed, in order", "[llm][responder]") {
    responder server;
    unsigned seed = 1;
    for (int round = 0; round < 200; ++round) {
        client ours{server};
        std::string text = chat("x");
        for (int change = 0; change < 8; ++change) {
            seed = seed * 1'664'525 + 1'013'904'223;
            text[(seed >> 8) % text.size()] = static_cast<char>(seed >> 24);
        }
        ours.say(text);
        ours.say_no_more();
        auto const answer = ours.hear();
        CHECK((answer.status == 0 || answer.status >= 200));
        CHECK(answer.how != http_answer::end::reset);
    }
    CHECK(ask_once(server, chat("still there")).status == 200);
}

TEST_CASE("responder: a connection above the most is closed at once, and the others go on", "[llm][responder]") {
    responder server{{.most_connections = 2}};
    client one{server}, two{server};
    CHECK(one.ask(chat("x")).status == 200);
    CHECK(two.ask(chat("x")).status == 200);
    client three{server};
    CHECK(three.end() != http_answer::end::open);
    CHECK(one.ask(chat("x")).status == 200);
    CHECK(server.stats().connections == 2);
}

TEST_CASE("responder: a connection without a request is closed after its time", "[llm][responder]") {
    responder server{{.idle = 20ms}};
    client silent{server}, half{server};
    half.say("POST /v1/chat");
    CHECK(silent.end() == http_answer::end::closed);
    CHECK(half.end() != http_answer::end::open);
}

TEST_CASE("responder: held answers wait, released ones go", "[llm][responder]") {
    responder server;
    server.hold();
    std::vector<std::unique_ptr<client>> clients;
    for (int i = 0; i < 20; ++i) {
        clients.push_back(std::make_unique<client>(server));
        clients.back()->say(chat(std::to_string(i)));
    }
    REQUIRE(server.until_in_flight(20));
    CHECK(server.until_requests(20));
    CHECK(server.stats().answered(200) == 0);
    CHECK_FALSE(server.until_in_flight(21, 1ms));
    server.release();
    for (int i = 0; i < 20; ++i) CHECK(clients[static_cast<std::size_t>(i)]->hear().has(quoted_facts(std::to_string(i))));
    CHECK(server.until_in_flight(0));
    CHECK(server.stats().in_flight_peak == 20);
    CHECK(server.arrivals().size() == 20);
}

TEST_CASE("responder: a client that goes away is no longer in flight", "[llm][responder]") {
    responder server{{.plan = {{.fault = responder_fault::hang, .prompt_has = "hang"}}}};
    {
        client gone{server}, hung{server};
        server.hold();
        gone.say(chat("x"));
        hung.say(chat("hang"));
        REQUIRE(server.until_in_flight(2));
        server.release();
        CHECK(gone.hear().status == 200);
        CHECK(server.until_in_flight(1));
        CHECK_FALSE(hung.something_within(5ms));
    }
    CHECK(server.until_in_flight(0));
}

TEST_CASE("responder: answers after its latency, which a crowd makes longer", "[llm][responder]") {
    responder server{{.latency = 20ms, .crowd = 1, .crowd_factor = 3}};
    client one{server}, two{server};
    auto const start = std::chrono::steady_clock::now();
    one.say(chat("1"));
    REQUIRE(server.until_in_flight(1));
    two.say(chat("2"));
    CHECK(one.hear().status == 200);
    CHECK(std::chrono::steady_clock::now() - start >= 20ms);
    CHECK(two.hear().status == 200);
    CHECK(std::chrono::steady_clock::now() - start >= 60ms);
    server.latency(0ms);
    CHECK(one.ask(chat("1")).status == 200);
}

TEST_CASE("responder: above the rate it refuses and says how long to wait", "[llm][responder]") {
    responder server{{.requests_per_second = 0.001, .request_burst = 2, .hint = {.wait = 1500us}}};
    client ours{server};
    auto const one = ours.ask(chat("x"));
    CHECK(one.status == 200);
    CHECK(one.header("x-ratelimit-limit-requests") == "0");    // of 0.06 a minute
    CHECK(ours.ask(chat("x")).status == 200);
    auto const refused = ours.ask(chat("x"));
    CHECK(refused.status == 429);
    CHECK(refused.header("retry-after-ms") == "2");
    CHECK(refused.has(R"("type":"requests","param":null,"code":"rate_limit_exceeded")"));
    auto const azure = ours.ask(post(chat_body("x"), "", "/openai/deployments/d/chat/completions?api-version=1"));
    CHECK(azure.status == 429);
    CHECK(azure.has(R"("code":"429")"));
    CHECK(server.asked("x") == prompt_record{.asked = 4, .answered = 2});
}

TEST_CASE("responder: in windows a limit has no burst, and who is refused hears when the window is over", "[llm][responder]") {
    responder server{{.requests_per_second = 0.1, .request_burst = 100, .request_windows = {30s, 10min}, .hint = {.as = retry_hint::form::seconds}}};
    client ours{server};
    for (int i = 0; i < 3; ++i) CHECK(ours.ask(chat("x")).status == 200);    // 6 in a minute
    auto const refused = ours.ask(chat("x"));
    CHECK(refused.status == 429);
    auto const wait = std::stoi("0" + refused.header("Retry-After"));
    CHECK(wait <= 30);
    CHECK(wait > 1);    // the hint's own half a second is not what is meant
    CHECK(server.stats().answered(200) == 3);
}

TEST_CASE("responder: says its limits as OpenAI does, as Azure does, or not", "[llm][responder]") {
    auto const answer = [](limit_headers how) {
        responder server{{.requests_per_second = 1, .request_burst = 5, .tokens_per_minute = 6'000, .headers = how}};
        client ours{server};
        ours.ask(chat("x"));
        return ours.ask(post(R"({"messages":[{"content":"12345678"}],"max_tokens":597})"));
    };
    auto const openai = answer(limit_headers::openai);
    CHECK(openai.header("x-ratelimit-limit-requests") == "60");
    CHECK(openai.header("x-ratelimit-remaining-requests") == "58");
    CHECK(openai.header("x-ratelimit-limit-tokens") == "6000");
    CHECK(openai.header("x-ratelimit-remaining-tokens") == "5400");    // the bucket fills meanwhile: 600 but for some
    CHECK(openai.header("x-ratelimit-reset-tokens").substr(0, 1) != "0");
    auto const reset = openai.header("x-ratelimit-reset-requests");
    CHECK((reset == "2s" || reset.substr(0, 2) == "1."));
    auto const azure = answer(limit_headers::azure);
    CHECK(azure.header("x-ratelimit-limit-requests") == "60");
    CHECK(azure.header("x-ratelimit-reset-requests") == "2");
    auto const absent = answer(limit_headers::azure_absent);
    CHECK(absent.header("x-ratelimit-limit-requests") == "-1");
    CHECK(absent.header("x-ratelimit-remaining-requests") == "0");
    CHECK(absent.header("x-ratelimit-reset-requests").empty());
    CHECK(answer(limit_headers::none).header("x-ratelimit-limit-requests").empty());
    responder unlimited;
    CHECK(ask_once(unlimited, chat("x")).head.find("x-ratelimit") == std::string::npos);
}

TEST_CASE("responder: counts tokens at arrival, those asked for among them", "[llm][responder]") {
    responder server{{.tokens_per_minute = 60, .token_burst = 100}};
    client ours{server};
    auto const ask = [&](int most) { return ours.ask(post(R"({"messages":[{"content":"12345678"}],"max_tokens":)" + std::to_string(most) + "}")); };
    CHECK(ask(68).status == 200);    // 2 + 68
    CHECK(ask(28).status == 200);    // 2 + 28
    auto const refused = ask(28);
    CHECK(refused.status == 429);
    CHECK(refused.has(R"("type":"tokens","param":null,"code":"rate_limit_exceeded")"));
}

TEST_CASE("responder: a spent quota stays spent, and what comes after is counted", "[llm][responder]") {
    responder server{{.quota = 2}};
    client ours{server};
    CHECK(ours.ask(chat("1")).status == 200);
    CHECK(ours.ask(chat("2")).status == 200);
    auto const spent = ours.ask(chat("3"));
    CHECK(spent.status == 429);
    CHECK(spent.has(R"("type":"insufficient_quota","param":null,"code":"insufficient_quota")"));
    CHECK(spent.header("retry-after-ms").empty());
    CHECK(server.stats().after_quota == 0);
    CHECK(ours.ask(chat("4")).status == 429);
    CHECK(server.stats().after_quota == 1);
}

TEST_CASE("responder: the hint is milliseconds, seconds, a date, or none", "[llm][responder]") {
    auto const answer = [](retry_hint hint) { return with_fault(responder_fault::unavailable, {.hint = hint}); };
    auto const milliseconds = answer({.as = retry_hint::form::milliseconds, .wait = 20ms});
    CHECK(milliseconds.status == 503);
    CHECK(milliseconds.header("retry-after-ms") == "20");
    CHECK(answer({.as = retry_hint::form::seconds, .wait = 1500ms}).header("Retry-After") == "2");
    auto const date = answer({.as = retry_hint::form::date, .wait = 2s});
    CHECK(date.header("Retry-After").size() == 29);
    CHECK(date.header("Retry-After").substr(25) == " GMT");
    CHECK(date.header("Date").size() == 29);
    CHECK(answer({.as = retry_hint::form::none}).head.find("etry") == std::string::npos);
}

TEST_CASE("responder: each fault that is an error answer has its status and its shape", "[llm][responder]") {
    struct row {
        responder_fault fault;
        int status;
        std::string_view body;
        bool hints;
    };
    using enum responder_fault;
    for (auto const& [fault, status, body, hints] : {
             row{rate_limited, 429, R"("type":"requests","param":null,"code":"rate_limit_exceeded"}})", true},
             row{slow_down, 429, R"("code":"slow_down"}})", true},
             row{azure_rate_limited, 429, R"("code":"429"}})", true},
             row{flat_rate_limited, 429, R"({"object":"error","message":"Too many requests for now.","type":"rate_limited","param":null,"code":"1300"})", true},
             row{typed_overloaded, 529, R"({"type":"error","error":{"type":"overloaded_error","message":"Too much to do."}})", false},
             row{quota_spent, 429, R"("type":"insufficient_quota","param":null,"code":"insufficient_quota"}})", false},
             row{spend_limit, 429, R"("code":"organization_spend_limit_exceeded"}})", false},
             row{server_error, 500, R"("type":"server_error","param":null,"code":null}})", false},
             row{unavailable, 503, R"("type":"service_unavailable")", true},
             row{unauthorized, 401, R"("code":"invalid_api_key"}})", false},
             row{request_timeout, 408, R"("type":"timeout")", false},
             row{html_error, 502, "<center><h1>502 Bad Gateway</h1></center>\r\n", false},
         }) {
        INFO(name_of(fault));
        auto const answer = with_fault(fault);
        CHECK(answer.status == status);
        CHECK(answer.has(body));
        CHECK(answer.header("retry-after-ms") == (hints ? "500" : ""));
        CHECK(answer.header("Content-Type") == (fault == html_error ? "text/html" : "application/json"));
    }
}

TEST_CASE("responder: each fault of an answer of 200 spoils what it says", "[llm][responder]") {
    struct row {
        responder_fault fault;
        std::string body;
    };
    auto const facts = responder::facts_of("x");
    using enum responder_fault;
    for (auto const& [fault, body] : std::vector<row>{
             {bad_content, R"("content":"As a language model, I would say: kind is passenger.","refusal":null)"},
             {wrong_schema, R"("content":"{\"unasked\":[1,2,3]}")"},
             {cut_at_length, "\"content\":" + muster::json_text(facts.substr(0, facts.size() / 2)) + R"(,"refusal":null},"logprobs":null,"finish_reason":"length")"},
             {content_filter, R"("content":null,"refusal":null},"logprobs":null,"finish_reason":"content_filter")"},
             {refusal, R"("content":null,"refusal":"This is nothing to talk about."},"logprobs":null,"finish_reason":"stop")"},
             {no_choices, R"("choices":[],"usage":{)"},
             {null_content, R"("content":null,"refusal":null},"logprobs":null,"finish_reason":"stop")"},
         }) {
        INFO(name_of(fault));
        auto const answer = with_fault(fault);
        CHECK(answer.status == 200);
        CHECK(answer.has(body));
        CHECK(answer.body.back() == '}');
        CHECK(answer.how == http_answer::end::open);
    }
    auto const broken = with_fault(bad_json);
    CHECK(broken.status == 200);
    CHECK(broken.body.size() == broken.announced);
    CHECK(broken.body.starts_with(R"({"id":"chatcmpl-1")"));
    CHECK(broken.body.back() != '}');
}

TEST_CASE("responder: each fault of the connection ends it as it says", "[llm][responder]") {
    using enum responder_fault;
    auto const before = with_fault(reset_before_headers);
    CHECK(before.status == 0);
    CHECK(before.how == http_answer::end::reset);
    auto const in_body = with_fault(reset_in_body);
    CHECK(in_body.status == 200);
    CHECK(in_body.body.size() == in_body.announced / 2);
    CHECK(in_body.how == http_answer::end::reset);
    auto const half = with_fault(half_answer);
    CHECK(half.status == 200);
    CHECK(half.body.size() == half.announced / 2);
    CHECK(half.how == http_answer::end::closed);

    responder server{{.plan = {{.fault = hang}}}};
    client ours{server};
    ours.say(chat("x") + chat("y"));
    REQUIRE(server.until_in_flight(1));
    CHECK_FALSE(ours.something_within(10ms));
    CHECK(server.stats().requests == 1);    // what follows a request that hangs is not read
    CHECK(server.stats().answers.empty());
}

TEST_CASE("responder: a slow body comes a byte at a time, and is whole in the end", "[llm][responder]") {
    responder server{{.plan = {{.fault = responder_fault::slow_body, .times = 1}}, .drip = 100us}};
    client ours{server};
    auto const start = std::chrono::steady_clock::now();
    ours.say(chat("x") + chat("y"));
    auto const slow = ours.hear();
    CHECK(slow.has(quoted_facts("x")));
    CHECK(std::chrono::steady_clock::now() - start >= (slow.body.size() - 1) * 100us);
    CHECK(ours.hear().has(quoted_facts("y")));
    CHECK(server.asked("x") == prompt_record{1, 1});
}

TEST_CASE("responder: a huge body costs the endpoint nothing, and ends where it said", "[llm][responder]") {
    auto const huge = with_fault(responder_fault::huge_body, {.huge_body = 3'000'001});
    CHECK(huge.status == 200);
    CHECK(huge.announced == 3'000'001);
    CHECK(huge.body.size() == 3'000'001);
    responder server{{.plan = {{.fault = responder_fault::huge_body}}, .huge_body = std::size_t{1} << 40}};
    client(server).say(chat("x"));    // goes away without reading it
    CHECK(server.until_requests(1));
    CHECK(server.until_in_flight(0));
}

TEST_CASE("responder: an answer of the user's own goes out as it is", "[llm][responder]") {
    responder server{{.plan = {{.fault = responder_fault::own_answer, .status = 418, .content_type = "text/plain", .body = "short and stout"}}}};
    auto const answer = ask_once(server, chat("x"));
    CHECK(answer.status == 418);
    CHECK(answer.body == "short and stout");
    CHECK(answer.header("Content-Type") == "text/plain");
    CHECK(server.stats().answered(418) == 1);
}

TEST_CASE("responder: a rule fits by number, by prompt, by attempt, or so often", "[llm][responder]") {
    responder server;
    client ours{server};
    auto const statuses = [&](std::vector<responder_rule> const& plan, std::vector<std::string_view> const& prompts) {
        responder fresh{{.plan = plan}};
        client asks{fresh};
        std::vector<int> out;
        for (auto const prompt : prompts) out.push_back(asks.ask(chat(prompt)).status);
        return out;
    };
    using list = std::vector<int>;
    constexpr auto broken = responder_fault::server_error;
    CHECK(statuses({{.fault = broken, .request = 2}}, {"a", "b", "c"}) == list{200, 500, 200});
    CHECK(statuses({{.fault = broken, .every = 2}}, {"a", "b", "c", "d"}) == list{200, 500, 200, 500});
    CHECK(statuses({{.fault = broken, .prompt_has = "node 7"}}, {"a node 7 b", "node 8", "node 7"}) == list{500, 200, 500});
    CHECK(statuses({{.fault = broken, .last_attempt = 2}}, {"a", "a", "a", "b"}) == list{500, 500, 200, 500});
    CHECK(statuses({{.fault = broken, .first_attempt = 2}}, {"a", "a", "b"}) == list{200, 500, 200});
    CHECK(statuses({{.fault = broken, .times = 2}}, {"a", "b", "c"}) == list{500, 500, 200});
    CHECK(statuses({{.prompt_has = "safe"}, {.fault = broken}}, {"safe", "a"}) == list{200, 500});
    server.misbehave({.fault = broken});
    CHECK(ours.ask(chat("x")).status == 500);
    server.behave();
    CHECK(ours.ask(chat("x")).status == 200);
    CHECK(server.asked("x") == prompt_record{.asked = 2, .answered = 1});
    CHECK(server.asked("never") == prompt_record{});
    CHECK(server.prompts().size() == 1);
}

TEST_CASE("responder: remembers the idempotency keys that came", "[llm][responder]") {
    responder server{{.most_recorded = 2}};
    client ours{server};
    for (auto const* key : {"a", "b", "a", "c"}) ours.ask(chat(key, "Idempotency-Key: " + std::string{key} + "\r\n"));
    auto const keys = server.idempotency_keys();
    CHECK(keys.size() == 2);    // bounded
    CHECK(keys.at("a") == 2);
    CHECK(server.prompts().size() == 2);
    CHECK(server.arrivals().size() == 2);
    CHECK(server.stats().requests == 4);
}

TEST_CASE("responder: refuses options that let nothing through, and a port that is taken", "[llm][responder]") {
    responder const server;
    CHECK_THROWS_AS(responder({.port = server.port()}), std::system_error);
    CHECK_THROWS_AS(responder({.requests_per_second = -1}), std::invalid_argument);
    CHECK_THROWS_AS(responder({.request_burst = 0.5}), std::invalid_argument);
    CHECK_THROWS_AS(responder({.stated_per = 0s}), std::invalid_argument);
    CHECK_THROWS_AS(responder({.requests_per_second = 1, .request_windows = {1s, 0s}}), std::invalid_argument);
    CHECK_THROWS_AS(responder({.request_windows = {1s}}), std::invalid_argument);
}
