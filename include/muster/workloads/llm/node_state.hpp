#pragma once

#include <cstddef>        // size_t
#include <cstdint>        // uint8_t
#include <string_view>    // name_of

namespace muster::llm {

/// Where a node of a run is in its life, and each of its attempts in theirs. The numbers are those of the store's file.
///
///     pending -> in_flight -> done | failed | stopped
///
/// A node that is tried again goes from in_flight back to pending. One that was in flight when its process died is interrupted: it may have
/// been paid for, and is sent again.
enum class node_state : std::uint8_t {
    pending = 0,        ///< not sent yet, or to be sent again
    in_flight = 1,      ///< sent, or just about to be
    done = 2,           ///< answered
    failed = 3,         ///< given up
    stopped = 4,        ///< the run ended first
    interrupted = 5,    ///< the process ended first
};

inline constexpr std::size_t node_states = 6;    ///< how many there are

[[nodiscard]] constexpr std::string_view name_of(node_state which) noexcept {
    switch (which) {
        case node_state::pending: return "pending";
        case node_state::in_flight: return "in flight";
        case node_state::done: return "done";
        case node_state::failed: return "failed";
        case node_state::stopped: return "stopped";
        case node_state::interrupted: return "interrupted";
    }
    return "unknown state";
}

}  // namespace muster::llm
