#pragma once

#include <cstdint>        // uint8_t
#include <string_view>    // string_view

namespace muster::llm {

/// How an embedded endpoint misbehaves, as real ones and the proxies before them have been seen to.
enum class responder_fault : std::uint8_t {
    none,
    rate_limited,            ///< 429, code `rate_limit_exceeded`, and how long to wait
    slow_down,               ///< 429, code `slow_down`, and how long to wait
    azure_rate_limited,      ///< 429, code `"429"`, and how long to wait
    flat_rate_limited,       ///< 429, the error's members at the top of the body
    typed_overloaded,        ///< 529, `{"type":"error","error":{...}}`
    quota_spent,             ///< 429, type `insufficient_quota`: waiting does not help
    spend_limit,             ///< 429, code `organization_spend_limit_exceeded`: waiting does not help
    server_error,            ///< 500, code and param null
    unavailable,             ///< 503, and how long to wait
    unauthorized,            ///< 401, as for a wrong key
    request_timeout,         ///< 408
    html_error,              ///< 502, a page of a proxy
    reset_before_headers,    ///< the connection is reset without a byte
    reset_in_body,           ///< the head and half of the body, then the connection is reset
    half_answer,             ///< half of the body that was announced, then the connection is closed in order
    slow_body,               ///< the body comes a byte at a time
    hang,                    ///< no answer, ever; the connection stays open
    huge_body,               ///< a body of `responder_options::huge_body` bytes
    bad_json,                ///< 200, and a body that is no JSON
    bad_content,             ///< 200, and content that is no JSON
    wrong_schema,            ///< 200, and content that no schema asked for
    cut_at_length,           ///< 200, content cut in the middle, `finish_reason` is `length`
    content_filter,          ///< 200, no content, `finish_reason` is `content_filter`
    refusal,                 ///< 200, `refusal` in place of content
    no_choices,              ///< 200, an empty array of choices
    null_content,            ///< 200, null content and `finish_reason` `stop`
    own_answer,              ///< the status and body that the rule holds
};

/// "half answer": the fault as people read it.
[[nodiscard]] constexpr std::string_view name_of(responder_fault which) noexcept {
    switch (which) {
        case responder_fault::none: return "none";
        case responder_fault::rate_limited: return "rate limited";
        case responder_fault::slow_down: return "slow down";
        case responder_fault::azure_rate_limited: return "Azure rate limited";
        case responder_fault::flat_rate_limited: return "flat rate limited";
        case responder_fault::typed_overloaded: return "typed overloaded";
        case responder_fault::quota_spent: return "quota spent";
        case responder_fault::spend_limit: return "spend limit";
        case responder_fault::server_error: return "server error";
        case responder_fault::unavailable: return "unavailable";
        case responder_fault::unauthorized: return "unauthorized";
        case responder_fault::request_timeout: return "request timeout";
        case responder_fault::html_error: return "HTML error";
        case responder_fault::reset_before_headers: return "reset before headers";
        case responder_fault::reset_in_body: return "reset in body";
        case responder_fault::half_answer: return "half answer";
        case responder_fault::slow_body: return "slow body";
        case responder_fault::hang: return "hang";
        case responder_fault::huge_body: return "huge body";
        case responder_fault::bad_json: return "bad JSON";
        case responder_fault::bad_content: return "bad content";
        case responder_fault::wrong_schema: return "wrong schema";
        case responder_fault::cut_at_length: return "cut at length";
        case responder_fault::content_filter: return "content filter";
        case responder_fault::refusal: return "refusal";
        case responder_fault::no_choices: return "no choices";
        case responder_fault::null_content: return "null content";
        case responder_fault::own_answer: return "own answer";
    }
    return "unknown fault";
}

}  // namespace muster::llm
