#pragma once

#include <string>    // describe

#include <muster/core/concepts.hpp>    // place_tag
#include <muster/core/stage.hpp>       // operator|

namespace muster {

/// Lets the newest in: where the buffer of this stage is full, what has waited longest goes: `on{pool} | buffer{64} | drop_oldest{} | show`.
///
/// Order      a place: first in the chain, beside the buffer that it is about. Read by `stream`, in front of a stage with `on`.
/// Waits      what feeds the buffer never waits for this stage, so a source without an end runs as fast as it can: on an executor with
///            threads, never on the consumer's. Failures that pass through are never dropped: where they fill the buffer, it waits.
/// Shape      what is dropped is no failure, goes to no sink, and is counted: `stream_stage_report::dropped.oldest`.
struct drop_oldest {
    using policy_concept = place_tag;

    [[nodiscard]] std::string describe() const { return "drop_oldest"; }
    friend constexpr bool operator==(drop_oldest, drop_oldest) noexcept = default;
};

}  // namespace muster
