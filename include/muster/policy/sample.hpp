#pragma once

#include <cstddef>    // size_t
#include <string>     // describe

#include <muster/core/concepts.hpp>    // place_tag
#include <muster/core/stage.hpp>       // operator|

namespace muster {

/// Thins out what comes while this stage does not keep up: `on{pool} | buffer{1'000} | sample{.every = 10} | measure`.
///
/// From when the buffer is full until it is half empty again, one of `every` items is let in, at even steps, so that what is left
/// stands for all of it. One that is to be let in and finds the buffer full is dropped as the newest.
///
/// Order      a place: first in the chain, beside the buffer that it is about. Read by `stream`, in front of a stage with `on`.
/// Waits      what feeds the buffer never waits for this stage, so a source without an end runs as fast as it can: on an executor with
///            threads, never on the consumer's. Failures that pass through are never dropped: where they fill the buffer, it waits.
/// Shape      what is dropped is no failure, goes to no sink, and is counted: `stream_stage_report::dropped.sampled`, and `.newest`.
struct sample {
    using policy_concept = place_tag;

    std::size_t every = 10;    ///< 10: keeps up with a stage ten times too slow; 0 and 1 let all in for which there is room

    [[nodiscard]] std::string describe() const { return "sample{" + std::to_string(every) + "}"; }
    friend constexpr bool operator==(sample, sample) noexcept = default;
};

}  // namespace muster
