#pragma once

#include <string>    // describe

#include <muster/core/concepts.hpp>    // place_tag
#include <muster/core/stage.hpp>       // operator|

namespace muster {

/// Keeps the order of the items across a stage of a stream that runs several at once: `on{pool} | in_order{} | parse`. `map` gives
/// its outcomes in order anyway, and does not read it.
///
/// Order      a place: first in the chain. Of what comes to this stage: for the order of the source each stage before it that is wider
///            than one needs it, too.
/// Waits      what is ready waits for what came before it, in the buffer behind the stage: one slow item holds back as many as that
///            buffer takes, and then the stage.
struct in_order {
    using policy_concept = place_tag;

    [[nodiscard]] std::string describe() const { return "in_order"; }
    friend constexpr bool operator==(in_order, in_order) noexcept = default;
};

}  // namespace muster
