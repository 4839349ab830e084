#pragma once

#include <chrono>     // nanoseconds
#include <cstddef>    // size_t
#include <string>     // describe

#include <muster/core/concepts.hpp>         // place_tag
#include <muster/core/duration_text.hpp>    // duration_text
#include <muster/core/stage.hpp>            // operator|

namespace muster {

/// Lets no more than so many items in so much time come to this stage, and drops the rest: `on{pool} | throttle{.items = 5, .per = 1min} |
/// alert`.
///
/// To hold items back in place of dropping them, there is `limit{rate_limiter}` on the stage: it waits, and so does what feeds it.
///
/// Order      a place: first in the chain. It comes before the buffer, and says nothing of a buffer that is full: beside it may stand
///            `drop_oldest`, `drop_newest`, `sample` or `spill`. Read by `stream`, in front of a stage with `on`.
/// Units      `items` at once at most, then one each `per / items`. With 0 items none come through, with `per` of 0s or less all.
/// Shape      what is dropped is no failure, goes to no sink, and is counted: `stream_stage_report::dropped.throttled`.
/// Cost       reads the context's clock for each item.
/// Source     ITU-T I.371, the generic cell rate algorithm.
struct throttle {
    using policy_concept = place_tag;

    std::size_t items = 100;                                      ///< 100 in a second: what a person could still read as a chart
    std::chrono::nanoseconds per = std::chrono::seconds{1};

    [[nodiscard]] std::string describe() const { return "throttle{" + std::to_string(items) + ", " + duration_text(per) + "}"; }
    friend constexpr bool operator==(throttle, throttle) noexcept = default;
};

}  // namespace muster
