#pragma once

#include <string>         // texts
#include <string_view>    // names

#include <nlohmann/json.hpp>    // json

#include <muster/adapt/http_response.hpp>             // http_times
#include <muster/adapt/json_schema.hpp>               // json_schema
#include <muster/adapt/parse_json.hpp>                // parse_json
#include <muster/core/json.hpp>                       // json_text
#include <muster/core/outcome.hpp>                    // outcome
#include <muster/workloads/llm/fault.hpp>             // fault
#include <muster/workloads/llm/stated_limits.hpp>     // stated_limits
#include <muster/workloads/llm/token_usage.hpp>       // token_usage

namespace muster::llm {

/// Why an answer ends where it does.
enum class finish : unsigned char {
    stop,              ///< it is whole
    length,            ///< max_tokens, or what the model can take, was reached
    content_filter,    ///< something in it, or in the prompt, is not to be said
    other,             ///< it asks for a tool, or what the endpoint has come up with since
};

/// As OpenAI writes it: "stop", "length", "content_filter"; else "other".
[[nodiscard]] constexpr std::string_view name_of(finish which) noexcept {
    switch (which) {
        case finish::stop: return "stop";
        case finish::length: return "length";
        case finish::content_filter: return "content_filter";
        case finish::other: return "other";
    }
    return "other";
}

/// An answer that was paid for, of use or not: what a model has said, and what it took.
struct chat_reply {
    std::string content{};          ///< empty where there is none
    std::string refusal{};          ///< what the model said in its place; empty: it does not refuse
    finish end = finish::stop;
    bool has_content = false;
    token_usage usage{};
    std::string id{};
    std::string model{};            ///< which one answered
    stated_limits limits{};
    http_times times{};
};

/// The content, where it is whole: else fault::filtered, refused_by_model, cut_short, or bad_answer where there is none.
[[nodiscard]] outcome<std::string_view> content_of(chat_reply const& reply);

/// The content as JSON of that schema: else what content_of fails with, fault::no_json or wrong_shape.
[[nodiscard]] outcome<nlohmann::json> json_of(chat_reply const& reply, json_schema const& schema);

// Implementation

inline outcome<std::string_view> content_of(chat_reply const& reply) {
    if (reply.end == finish::content_filter) return failure{make_error_code(fault::filtered), "the endpoint's content filter has kept the answer back"};
    if (!reply.refusal.empty()) return failure{make_error_code(fault::refused_by_model), "the model refuses: " + json_text(reply.refusal.substr(0, 200))};
    if (reply.end == finish::length)
        return failure{make_error_code(fault::cut_short), "the answer was cut after " + std::to_string(reply.usage.completion) +
                                                              " tokens; ask for less, or allow more"};
    if (!reply.has_content) return failure{make_error_code(fault::bad_answer), "the answer has no content"};
    return std::string_view{reply.content};
}

inline outcome<nlohmann::json> json_of(chat_reply const& reply, json_schema const& schema) {
    auto const content = content_of(reply);
    if (!content) return content.error();
    auto value = schema.validate(*content);
    if (value) return value;
    // A text that is JSON broke the schema; to read it once more costs no more than the answer did.
    auto const is_json = parse_json(*content).has_value();
    return failure{make_error_code(is_json ? fault::wrong_shape : fault::no_json), "the answer: " + value.error().text()};
}

}  // namespace muster::llm
