#pragma once

#include <cstddef>    // size_t
#include <string>     // describe

#include <muster/core/concepts.hpp>    // place_tag
#include <muster/core/stage.hpp>       // operator|

namespace muster {

/// How many items may wait in front of this stage of a stream; `map` has no queues and does not read it.
///
///     on{io, 32} | buffer{256} | fetch                            // full: what feeds it waits, back to the source
///     on{io, 1}  | buffer{256} | drop_oldest{} | show             // the newest is worth most; or drop_newest{}
///     on{pool}   | buffer{1'000} | sample{.every = 10} | measure    // full: one in ten stands for all
///     on{io, 1}  | throttle{.items = 5, .per = 1min} | alert      // no more than that, full or not
///     on{io, 4}  | spill{.memory = 256 * MiB} | upload            // more than that: to the disk
///     on{pool}   | buffer{1'000} | fair{&request::tenant} | work    // another order: or by_priority{&request::urgency}
///
/// Order      a place: first in the chain, behind `on`, which gives a stage the workers that the buffer is in front of.
/// Units      items, 1 or more: 0 is as 1.
/// Waits      full: what feeds it, unless one of the words above says what happens then. Which of them drop is said there; what they
///            drop is counted by reason in the `stream_report`.
/// Throws     where a stream is made: std::bad_alloc for a buffer that is larger than the memory.
/// Cost       the places are made at once, without a lock; those with another word beside them one by one, under a lock.
struct buffer {
    using policy_concept = place_tag;

    std::size_t items = 64;    ///< 64: enough to hide a hiccup, little enough to hold in memory

    [[nodiscard]] std::string describe() const { return "buffer{" + std::to_string(items) + "}"; }
    friend constexpr bool operator==(buffer const&, buffer const&) noexcept = default;
};

}  // namespace muster
