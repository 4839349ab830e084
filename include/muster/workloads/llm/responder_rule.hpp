#pragma once

#include <chrono>      // nanoseconds
#include <cstdint>     // uint64_t
#include <limits>      // numeric_limits
#include <optional>    // the hint of one rule
#include <string>      // texts

#include <muster/workloads/llm/responder_fault.hpp>    // responder_fault

namespace muster::llm {

/// How a refusal of an embedded endpoint says when to come again.
struct retry_hint {
    enum class form : std::uint8_t {
        none,
        milliseconds,    ///< `retry-after-ms: 500`
        seconds,         ///< `Retry-After: 1`, rounded up
        date,            ///< `Retry-After: Sun, 06 Nov 1994 08:49:37 GMT`, rounded up
    };
    form as = form::milliseconds;
    std::chrono::nanoseconds wait = std::chrono::milliseconds{500};    ///< 500 ms
    friend bool operator==(retry_hint const&, retry_hint const&) = default;
};

/// Which requests to an embedded endpoint meet a fault: those for which every member below holds.
struct responder_rule {
    static constexpr std::uint64_t any_number = std::numeric_limits<std::uint64_t>::max();

    responder_fault fault = responder_fault::none;    ///< none: answered well, whatever later rules say
    std::string prompt_has{};                         ///< "": any; else what stands somewhere in the prompt
    std::uint64_t request = 0;                        ///< 0: any; else this one alone, counted from 1
    std::uint64_t every = 0;                          ///< 0: each; else those whose number this divides
    std::uint64_t first_attempt = 1;                  ///< of this prompt, counted from 1
    std::uint64_t last_attempt = any_number;          ///< of this prompt
    std::uint64_t times = any_number;                 ///< then the rule is used up
    std::optional<retry_hint> hint{};                 ///< none: that of the options
    int status = 200;                                 ///< of an `own_answer`
    std::string content_type = "application/json";    ///< of an `own_answer`
    std::string body{};                               ///< of an `own_answer`
};

}  // namespace muster::llm
