#pragma once

#include <cstddef>    // size_t
#include <string>     // describe

#include <muster/core/concepts.hpp>    // place_tag
#include <muster/core/stage.hpp>       // operator|

namespace muster {

/// How many items may wait in front of this stage of a stream; `map` has no queues and does not read it.
///
/// Order      a place: first in the chain.
/// Units      items, 1 or more.
struct buffer {
    using policy_concept = place_tag;

    std::size_t items = 64;    ///< 64: enough to hide a hiccup, little enough to hold in memory

    [[nodiscard]] std::string describe() const { return "buffer{" + std::to_string(items) + "}"; }
    friend constexpr bool operator==(buffer const&, buffer const&) noexcept = default;
};

}  // namespace muster
