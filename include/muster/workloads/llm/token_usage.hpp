#pragma once

#include <cstdint>    // uint64_t

namespace muster::llm {

/// What a request has used, as the endpoint counts it.
///
/// Units      tokens; the counts of a file end at 2^63 - 1.
struct token_usage {
    std::uint64_t prompt = 0;
    std::uint64_t completion = 0;
    std::uint64_t total = 0;
    std::uint64_t cached = 0;       ///< of the prompt, cheaper
    std::uint64_t reasoning = 0;    ///< of the completion, not seen

    token_usage& operator+=(token_usage const& more) noexcept {
        prompt += more.prompt;
        completion += more.completion;
        total += more.total;
        cached += more.cached;
        reasoning += more.reasoning;
        return *this;
    }
    friend bool operator==(token_usage const&, token_usage const&) = default;
};

}  // namespace muster::llm
