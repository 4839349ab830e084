#pragma once

#include <cstdint>        // uint64_t
#include <string>         // name
#include <string_view>    // names of states

namespace muster {

/// How a node of a ring does. A suspect node has failed lately and is still asked; one that is down is only probed.
enum class ring_node_state : std::uint8_t { up, suspect, down };

[[nodiscard]] constexpr std::string_view name_of(ring_node_state which) noexcept {
    switch (which) {
        case ring_node_state::up: return "up";
        case ring_node_state::suspect: return "suspect";
        case ring_node_state::down: return "down";
    }
    return "unknown";
}

/// What a ring knows of one node; counts are of the calls of this ring.
struct node_health {
    std::string name;
    double weight = 1;
    double share = 0;              ///< of the keys that are its own, by weight; all nodes together have 1
    ring_node_state state = ring_node_state::up;
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;
    std::uint64_t failures = 0;    ///< calls that it failed, whether or not they say something about it
    friend bool operator==(node_health const&, node_health const&) = default;
};

}  // namespace muster
