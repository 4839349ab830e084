#pragma once

#include <chrono>         // system_clock
#include <cstddef>        // size_t
#include <cstdint>        // int64_t
#include <initializer_list>    // codes
#include <stdexcept>      // invalid_argument
#include <string>         // bodies
#include <string_view>    // names
#include <utility>        // move

#include <nlohmann/json.hpp>    // json

#include <muster/adapt/http_client.hpp>               // http_client
#include <muster/adapt/http_status.hpp>               // status_failure
#include <muster/adapt/parse_json.hpp>                // parse_json
#include <muster/core/bytes.hpp>                      // MiB
#include <muster/core/context.hpp>                    // context
#include <muster/core/json.hpp>                       // json_text
#include <muster/core/outcome.hpp>                    // outcome
#include <muster/workloads/llm/chat_reply.hpp>        // chat_reply
#include <muster/workloads/llm/chat_request.hpp>      // chat_request
#include <muster/workloads/llm/endpoint.hpp>          // endpoint
#include <muster/workloads/llm/fault.hpp>             // fault
#include <muster/workloads/llm/quota.hpp>             // quota
#include <muster/workloads/llm/stated_limits.hpp>     // stated_limits_of

namespace muster::llm {

/// Asks an OpenAI-compatible endpoint to complete chats.
///
///     http_client http;
///     client model{http, {.url = "https://api.openai.com/v1", .model = "gpt-4o-mini", .key = key}, &quota};
///     auto ask = [&](chat_request const& what, context& cx) { return model.ask(what, cx); };
///     auto replies = map(requests, on{fibers, 100} | deadline{5min} | retry{.attempts = 4} | limit{quota, count_tokens} | ask);
///
/// Shape      one request, one call: it neither tries again nor paces, which `retry` and `limit` do. A reply is one that was paid for;
///            whether it is of use say content_of and json_of.
/// Waits      through the context, for the answer.
/// Fails      as http_fault says where there is no answer; as fault says for one that is no completion. Texts name the status, and what
///            the endpoint says of it, never the key. retry_after() is what the endpoint asks for.
/// Throws     the constructor std::invalid_argument for an endpoint that has no URL.
/// Threads    any number.
/// Lifetime   refers to the http_client and the quota.
/// Cost       beside the call some microseconds for each KiB of JSON.
/// Source     the OpenAPI description of OpenAI's API; Azure OpenAI's reference; errors also as other servers have been seen to send them.
class client {
public:
    /// `tells` hears of the limits that answers state, and stops where nothing more will be granted; null: nobody does.
    client(http_client& by, endpoint at, quota* tells = nullptr);

    outcome<chat_reply> ask(chat_request const& what, context& cx) const;
    outcome<chat_reply> ask(chat_request const& what) const {
        context cx;
        return ask(what, cx);
    }
    [[nodiscard]] endpoint const& at() const noexcept { return at_; }

private:
    [[nodiscard]] outcome<std::string> body_of(chat_request const& what) const;
    // None of these is inlined: in the frame of `ask` they would all be there while it waits, and while the parser goes deep. A fiber's
    // stack takes a page less so.
    [[nodiscard]] outcome<http_response> exchange(chat_request const& what, context& cx) const;
    [[nodiscard]] failure refusal(http_response&& answer) const;
    [[nodiscard]] outcome<chat_reply> reply(http_response&& answer) const;
    [[nodiscard]] static outcome<chat_reply> reply_in(nlohmann::json const& body, http_response const& answer);

    http_client& by_;
    endpoint at_;
    quota* tells_;
    http_request front_;    // of every request: where to, and with which headers
};

// Implementation

namespace detail {

// A member of an object, or null where it is none.
inline nlohmann::json const* member_of(nlohmann::json const* in, char const* name) {
    if (in == nullptr || !in->is_object()) return nullptr;
    auto const found = in->find(name);
    return found == in->end() ? nullptr : &*found;
}
inline std::string text_of(nlohmann::json const* in) {
    if (in == nullptr) return {};
    if (in->is_string()) return in->get_ref<std::string const&>();
    if (in->is_number_integer()) return in->dump();    // code: 429
    return {};
}
inline std::uint64_t count_of(nlohmann::json const* in) { return in != nullptr && in->is_number_unsigned() ? in->get<std::uint64_t>() : 0; }

// What an endpoint, or who stands before it, says of its refusal.
struct told_refusal {
    std::string message, type, code;
    bool is_page = false;

    explicit told_refusal(std::string_view body) {
        auto const first = body.find_first_not_of(" \t\r\n");
        is_page = first != body.npos && body[first] == '<';
        auto const parsed = is_page ? outcome<nlohmann::json>{failure{}} : parse_json(body, {.max_bytes = 64 * KiB, .max_depth = 16});
        if (!parsed) return;
        auto const* of = member_of(&*parsed, "error");
        if (of != nullptr && of->is_string()) {    // {"error":"no model loaded"}
            message = text_of(of);
            return;
        }
        if (of == nullptr || !of->is_object()) of = &*parsed;    // its members at the top
        message = text_of(member_of(of, "message"));
        if (message.empty()) message = text_of(member_of(of, "detail"));
        type = text_of(member_of(of, "type"));
        code = text_of(member_of(of, "code"));
    }
    [[nodiscard]] bool says_any(std::initializer_list<std::string_view> words) const {
        for (auto const word : words)
            if (type == word || code == word) return true;
        return false;
    }
};

// Which fault a status and a body amount to. 429 is two things: come again, and never again.
inline fault fault_of(int status, told_refusal const& said) {
    if (said.says_any({"insufficient_quota", "credit_balance_exhausted", "organization_spend_limit_exceeded", "project_spend_limit_exceeded",
                       "organization_usage_limit_exceeded", "billing_hard_limit_reached", "billing_not_active"}))
        return fault::quota_spent;
    if (status == 402) return fault::quota_spent;
    if (said.says_any({"content_filter", "content_policy_violation"})) return fault::filtered;
    if (said.says_any({"context_length_exceeded", "string_above_max_length"})) return fault::too_long;
    if (status == 401 || status == 403) return fault::unauthorized;
    if (status == 404) return fault::no_such_model;
    if (status == 408 || status == 425 || status == 504) return fault::slow;
    if (status == 429) return fault::rate_limited;
    if (status == 409 || (status >= 500 && status <= 599)) return fault::overloaded;
    if (status < 400) return fault::bad_answer;    // a redirection, say
    return fault::refused_request;
}

}  // namespace detail

inline client::client(http_client& by, endpoint at, quota* tells) : by_(by), at_(std::move(at)), tells_(tells) {
    auto url = at_.completions_url();
    if (!url) throw std::invalid_argument("muster: llm::client: " + url.error().text());
    front_.method = "POST";
    front_.url = std::move(*url);
    front_.headers.add("Content-Type", "application/json");
    if (!at_.key.empty()) {
        if (at_.speaks == dialect::azure) front_.headers.add("api-key", at_.key.reveal());
        else front_.headers.add("Authorization", "Bearer " + at_.key.reveal());
    }
}

inline outcome<std::string> client::body_of(chat_request const& what) const {
    if (what.messages.empty()) return failure{make_error_code(fault::refused_request), "a request has a message, or more"};
    std::string out = "{";
    if (at_.speaks == dialect::openai) out += "\"model\":" + json_text(at_.model) + ",";
    out += "\"messages\":[";
    for (auto const& each : what.messages) {
        static constexpr std::string_view names[] = {"system", "user", "assistant"};
        if (out.back() == '}') out += ',';
        ((out += "{\"role\":\"") += names[static_cast<std::size_t>(each.role)]) += "\",\"content\":";
        (out += json_text(each.text)) += '}';
    }
    out += ']';
    if (what.max_tokens) out += ",\"max_tokens\":" + std::to_string(*what.max_tokens);
    if (what.temperature) {
        json_writer number{out += ",\"temperature\":"};
        number.value(*what.temperature);
    }
    if (what.seed) out += ",\"seed\":" + std::to_string(*what.seed);
    if (!what.schema.empty()) {
        auto const schema = parse_json(what.schema);    // so that no text becomes a part of the request by itself
        if (!schema) return failure{make_error_code(fault::refused_request), "the schema of the request: " + schema.error().text()};
        if (what.schema_name.empty() || what.schema_name.size() > 64)
            return failure{make_error_code(fault::refused_request), "a schema's name has 1 to 64 letters, digits, - and _"};
        out += ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":" + json_text(what.schema_name);
        ((out += ",\"strict\":") += what.strict_schema ? "true" : "false") += ",\"schema\":" + schema->dump() + "}}";
    }
    return out += '}';
}

[[gnu::noinline]] inline failure client::refusal(http_response&& answer) const {
    detail::told_refusal const said{answer.body};
    auto which = detail::fault_of(answer.status, said);
    if (auto const again = answer.headers.find("x-should-retry"); again && !ends_the_run(which)) {
        if (*again == "false") which = which == fault::rate_limited || which == fault::overloaded || which == fault::slow ? fault::refused_request : which;
        else if (*again == "true" && which == fault::refused_request) which = fault::overloaded;
    }
    auto const status = answer.status;
    if (said.is_page) answer.body = "a page of HTML, as proxies send it";
    else if (!said.message.empty()) answer.body = said.message;
    auto const plain = status_failure(answer, front_);    // its text is without the key, and short
    auto text = "HTTP status " + std::to_string(status);
    if (auto const& name = said.code.empty() ? said.type : said.code; !name.empty()) text += ", " + json_text(name.substr(0, 64));
    failure out{make_error_code(which), text + (plain.text().empty() ? "" : ": " + plain.text())};
    if (auto const wait = plain.retry_after()) out.retry_after(*wait);
    return out;
}

[[gnu::noinline]] inline outcome<chat_reply> client::reply(http_response&& answer) const {
    auto const body = parse_json(answer.body, {.max_bytes = 4 * MiB});
    if (body) return reply_in(*body, answer);
    return failure{make_error_code(fault::bad_answer), "the answer is no chat completion: " + body.error().text()};
}

[[gnu::noinline]] inline outcome<chat_reply> client::reply_in(nlohmann::json const& body, http_response const& answer) {
    using detail::count_of, detail::member_of, detail::text_of;
    auto const bad = [](std::string text) { return failure{make_error_code(fault::bad_answer), std::move(text)}; };
    auto const* const choices = member_of(&body, "choices");
    if (choices == nullptr || !choices->is_array() || choices->empty()) {
        detail::told_refusal const said{answer.body};    // some servers send errors with status 200
        if (said.message.empty()) return bad("the answer is no chat completion: it has no choice");
        auto which = detail::fault_of(200, said);
        return failure{make_error_code(which), "status 200 with an error: " + json_text(said.message.substr(0, 200))};
    }
    auto const* const choice = &choices->front();
    auto const* const message = member_of(choice, "message");
    if (message == nullptr || !message->is_object()) return bad("the answer is no chat completion: its choice has no message");

    chat_reply out;
    if (auto const* const content = member_of(message, "content"); content != nullptr && content->is_string()) {
        out.content = content->get<std::string>();
        out.has_content = true;
    } else if (content != nullptr && content->is_array()) {    // in parts
        for (auto const& part : *content)
            if (auto const* const text = member_of(&part, "text"); text != nullptr && text->is_string()) {
                out.content += text->get_ref<std::string const&>();
                out.has_content = true;
            }
    }
    out.refusal = text_of(member_of(message, "refusal"));
    auto const end = text_of(member_of(choice, "finish_reason"));
    out.end = end == "stop" || end.empty() ? finish::stop : end == "length" ? finish::length : end == "content_filter" ? finish::content_filter : finish::other;
    if (auto const* const usage = member_of(&body, "usage")) {
        out.usage.prompt = count_of(member_of(usage, "prompt_tokens"));
        out.usage.completion = count_of(member_of(usage, "completion_tokens"));
        out.usage.total = count_of(member_of(usage, "total_tokens"));
        out.usage.cached = count_of(member_of(member_of(usage, "prompt_tokens_details"), "cached_tokens"));
        out.usage.reasoning = count_of(member_of(member_of(usage, "completion_tokens_details"), "reasoning_tokens"));
    }
    out.id = text_of(member_of(&body, "id"));
    out.model = text_of(member_of(&body, "model"));
    out.limits = stated_limits_of(answer.headers);
    out.times = answer.times;
    return out;
}

[[gnu::noinline]] inline outcome<http_response> client::exchange(chat_request const& what, context& cx) const {
    auto body = body_of(what);
    if (!body) return std::move(body).error();
    auto request = front_;
    request.body = std::move(*body);
    if (!what.idempotency_key.empty() && !at_.idempotency_header.empty()) request.headers.add(at_.idempotency_header, what.idempotency_key);
    return by_.send(std::move(request), cx);
}

inline outcome<chat_reply> client::ask(chat_request const& what, context& cx) const {
    auto answer = exchange(what, cx);
    if (!answer) return std::move(answer).error();
    if (tells_) tells_->observe(stated_limits_of(answer->headers));
    if (!answer->ok()) {
        auto why = refusal(std::move(*answer));
        if (tells_ && ends_the_run(why)) tells_->stop(why);
        return why;
    }
    return reply(std::move(*answer));
}

}  // namespace muster::llm
