#pragma once

#include <cstddef>       // size_t
#include <cstdint>       // uint64_t
#include <optional>      // what is not said
#include <string>        // texts
#include <vector>        // messages

namespace muster::llm {

struct chat_message {
    enum class speaker : unsigned char { system, user, assistant };
    speaker role = speaker::user;
    std::string text{};    ///< UTF-8; bytes that are none are sent as U+FFFD
    friend bool operator==(chat_message const&, chat_message const&) = default;
};

/// What a model is asked.
struct chat_request {
    std::vector<chat_message> messages{};
    std::optional<std::uint64_t> max_tokens{};      ///< of the answer; an endpoint may count them at arrival, whatever the answer takes
    std::optional<double> temperature{};
    std::optional<std::int64_t> seed{};
    std::string schema_name = "answer";             ///< 1 to 64 letters, digits, - and _
    std::string schema{};                           ///< empty: any text; else the JSON schema that the answer is to follow
    bool strict_schema = true;                      ///< the endpoint promises to follow it, where it can
    std::string idempotency_key{};                  ///< empty: none; else the same for requests that are to be answered once
    friend bool operator==(chat_request const&, chat_request const&) = default;
};

/// About how many tokens an endpoint counts when the request arrives: a quarter of the bytes of all messages and the schema, 4 for each
/// message, and max_tokens.
[[nodiscard]] inline double tokens_of(chat_request const& of) {
    std::size_t bytes = of.schema.size();
    for (auto const& each : of.messages) bytes += each.text.size() + 16;
    return static_cast<double>(bytes) / 4 + static_cast<double>(of.max_tokens.value_or(0));
}

}  // namespace muster::llm
