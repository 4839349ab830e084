#pragma once

#include <cstddef>    // size_t
#include <cstdint>    // uint64_t
#include <map>        // statuses

namespace muster::llm {

/// What an embedded endpoint has seen so far. Requests are those for a completion that are well formed and have the key.
struct responder_stats {
    std::uint64_t requests = 0;
    std::map<int, std::uint64_t> answers{};    ///< of every kind, by status; counted when the first byte is about to be sent
    std::uint64_t resets = 0;                  ///< connections reset by a fault
    std::uint64_t after_quota = 0;             ///< requests that came after the first answer that the quota is spent
    std::uint64_t malformed = 0;               ///< 400, 405, 411, 413, 417, 431 and 505: what a correct client never sends
    std::size_t in_flight = 0;                 ///< requests without an answer now
    std::size_t in_flight_peak = 0;
    std::size_t connections = 0;               ///< open now
    std::uint64_t all_connections = 0;
    std::uint64_t bytes_in = 0;

    /// Answers of this status.
    [[nodiscard]] std::uint64_t answered(int status) const {
        auto const found = answers.find(status);
        return found == answers.end() ? 0 : found->second;
    }
};

/// How often an embedded endpoint met one prompt.
struct prompt_record {
    std::uint64_t asked = 0;
    std::uint64_t answered = 0;    ///< with 200 and a body that was meant well
    friend bool operator==(prompt_record const&, prompt_record const&) = default;
};

}  // namespace muster::llm
