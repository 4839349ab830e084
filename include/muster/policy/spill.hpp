#pragma once

#include <cstdint>    // uint64_t
#include <string>     // the folder, describe

#include <muster/core/bytes.hpp>       // MiB
#include <muster/core/concepts.hpp>    // place_tag
#include <muster/core/stage.hpp>       // operator|

namespace muster {

/// Lets what waits for this stage go to the disk, where it is more than the memory that is given: `on{io, 4} | spill{.memory = 256 * MiB} |
/// upload`.
///
/// Order      a place: first in the chain. Items come out as they came in. Read by `stream`, in front of a stage with `on`. `buffer{n}`
///            beside it says that no more than n of them are in memory; without it the memory alone counts.
/// Shape      items are transportable (core/wire.hpp). Where the first stage reads a range that keeps its items in memory and lends
///            them, they wait there, and nothing is written.
/// Waits      what feeds it never waits for this stage, so a source without an end runs as fast as it can: on an executor with threads,
///            never on the consumer's.
/// Fails      the item alone, with the stage that it was for, which is not called: exhausted for a full disk or beyond `disk`,
///            unavailable for a folder that is missing or may not be written; where the sink keeps items it has this one. What the disk
///            does not give back fails, too, with what the system says: one failure for each.
/// Lifetime   nothing is left on the disk, however the process ends: see `spill_file`.
/// Cost       an item in memory is measured as it would be encoded; one on the disk is encoded, written, read and decoded once.
struct spill {
    using policy_concept = place_tag;

    std::uint64_t memory = 64 * MiB;     ///< bytes of items, each with what it takes to hold it, and of buffers for the disk; at least 8 KiB
    std::uint64_t disk = UINT64_MAX;     ///< bytes on the disk at once; no bound of its own: that of the disk
    std::string folder{};                ///< as `spill_file_options`: empty is $TMPDIR, else /var/tmp

    [[nodiscard]] std::string describe() const { return "spill{" + std::to_string(memory) + "}"; }
    friend bool operator==(spill const&, spill const&) noexcept = default;
};

}  // namespace muster
