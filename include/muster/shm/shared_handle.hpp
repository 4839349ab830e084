#pragma once

#include <cstdint>    // uint32_t, uint64_t

namespace muster {

/// Names a piece of an arena, in any process that has mapped it: what is sent instead of the bytes.
///
/// It proves nothing: whoever receives one asks the arena, which looks at every member before it believes any.
///
/// Default    names nothing: an empty buffer.
struct shared_handle {
    std::uint64_t arena = 0;         ///< `arena::id()`
    std::uint32_t chunk = 0;
    std::uint32_t generation = 0;    ///< how often the chunk had been freed when this was made: one freed since is another
    std::uint64_t size = 0;          ///< bytes

    explicit operator bool() const noexcept { return arena != 0; }
    friend bool operator==(shared_handle const&, shared_handle const&) = default;
};

}  // namespace muster
