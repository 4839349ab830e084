#pragma once

#include <chrono>         // nanoseconds
#include <cstddef>        // size_t
#include <cstdint>        // uint16_t
#include <functional>     // function
#include <limits>         // numeric_limits
#include <string>         // string
#include <string_view>    // string_view
#include <vector>         // plan

#include <muster/workloads/llm/responder_rule.hpp>    // responder_rule, retry_hint

namespace muster::llm {

/// What the functions in `responder_options` are told of a request.
struct responder_request {
    std::uint64_t number = 0;        ///< among all requests, from 1
    std::uint64_t attempt = 0;       ///< of this prompt, from 1
    std::size_t in_flight = 0;       ///< this one among them
    std::string_view prompt{};       ///< the text of the last message; valid during the call
    std::string_view model{};        ///< the deployment's name where it is Azure's path
};

/// What an embedded endpoint says in `x-ratelimit-*`.
enum class limit_headers : std::uint8_t {
    none,
    openai,          ///< resets as `6m0s`, `20ms`
    azure,           ///< resets in whole seconds
    azure_absent,    ///< limit -1, what remains 0: what Azure sends where it knows none
};

/// What an embedded endpoint is told when it starts.
struct responder_options {
    std::uint16_t port = 0;    ///< 0: any that is free
    std::string key{};         ///< "": any; else of `Authorization: Bearer` or `api-key`, and 401 without it

    std::chrono::nanoseconds latency{0};                                         ///< of each answer, counted from its request
    std::function<std::chrono::nanoseconds(responder_request const&)> latency_of{};    ///< in its place; on the endpoint's thread, does not throw
    std::size_t crowd = std::numeric_limits<std::size_t>::max();                 ///< with more in flight than this ...
    double crowd_factor = 2;                                                     ///< ... the latency is so many times as long
    std::chrono::nanoseconds refusal_latency{0};                                 ///< of answers that the limits below refuse

    double requests_per_second = 0;     ///< 0: any number; else 429 above
    double request_burst = 1;           ///< how many may come at once after a pause; at least 1
    /// None; else the limit of requests is that of a minute, and each of these has its share of it, at least one: `{1s, 10s}` is Azure. Who is
    /// refused is told when the window is over, in the form of `hint`. `request_burst` then counts for nothing.
    std::vector<std::chrono::nanoseconds> request_windows{};
    double tokens_per_minute = 0;       ///< 0: any number; else 429 above; a quarter of the bytes of the messages, and what `max_tokens` asks for
    double token_burst = 0;             ///< 0: those of a minute
    std::uint64_t quota = std::numeric_limits<std::uint64_t>::max();    ///< so many answers of 200, then 429 `insufficient_quota`
    retry_hint hint{};                  ///< of 429 and 503
    limit_headers headers = limit_headers::openai;                      ///< only where there is a limit
    std::chrono::nanoseconds stated_per = std::chrono::minutes{1};      ///< 1 min, as of OpenAI: what the stated limit of requests is for

    std::vector<responder_rule> plan{};                             ///< the first that fits counts
    std::function<std::string(responder_request const&)> content_of{};    ///< none, or "": facts as `responder::schema()` says; like `latency_of`
    std::chrono::nanoseconds drip = std::chrono::milliseconds{10};    ///< 10 ms: between the bytes of a slow body
    std::size_t huge_body = std::size_t{256} << 20;                   ///< 256 MiB

    std::size_t most_connections = 4'096;                          ///< further ones are closed at once
    std::size_t most_head = 16'384;                                ///< bytes of a request's head; more is 431
    std::size_t most_body = std::size_t{32} << 20;                 ///< 32 MiB of a request's body; more is 413
    std::size_t most_recorded = 1'000'000;                         ///< prompts, keys and arrivals, each; further ones are not recorded
    std::chrono::nanoseconds idle = std::chrono::seconds{60};      ///< of a connection without a request
};

}  // namespace muster::llm
