#pragma once

#include <chrono>     // nanoseconds
#include <cstddef>    // size_t
#include <cstdint>    // uint32_t

namespace muster {

/// When a hash_ring gives a node up, and for how long. For nodes that can fail; the others are always asked.
struct hash_ring_options {
    std::uint32_t failures = 3;    ///< 3: in a row, and the node is down; 1 or more
    /// 500 ms: how often a call asks a node that is down, so that one that is back is used within a second; above 0. Where the node
    /// hangs, that call waits for it, as long as the node's own timeout.
    std::chrono::nanoseconds probe_every = std::chrono::milliseconds{500};
    std::size_t choices = 3;       ///< 3: nodes that one call asks at most, those that are down not counted; 1 or more
    friend bool operator==(hash_ring_options const&, hash_ring_options const&) = default;
};

}  // namespace muster
