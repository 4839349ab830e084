#pragma once

#include <algorithm>    // min, max
#include <chrono>       // nanoseconds

#include <muster/core/context.hpp>            // context
#include <muster/core/waiter.hpp>             // instant, never
#include <muster/flow/record_source.hpp>      // read_bounds

namespace muster {

/// For sources that grow: how one `read` waits for more, as its bounds say.
///
///     for (source_wait wait{bounds, poll};;) {
///         take what there is;
///         if (it is enough || !wait.more(cx, any)) return {};
///     }
///
/// Waits      for the first record until `read_bounds::until`; once there is one, for `linger` from when that was seen, but not beyond that time.
///            A stop or the deadline ends it.
/// Threads    of one read.
class source_wait {
public:
    source_wait(read_bounds const& bounds, std::chrono::nanoseconds poll) noexcept : bounds_(bounds), poll_(poll) {}

    /// Waits for a poll at most, and answers true to look again; false when what there is has to do. `any`: there is a record.
    bool more(context& cx, bool any) {
        if (cx.stop_requested()) return false;
        auto const now = cx.now();
        if (any && enough_ == never) enough_ = std::min(later(now, bounds_.linger), std::max(bounds_.until, now));
        auto const until = any ? enough_ : bounds_.until;
        if (now >= until) return false;
        return cx.pause(std::min<std::chrono::nanoseconds>(poll_, until - now)).has_value();
    }

private:
    read_bounds const& bounds_;
    std::chrono::nanoseconds poll_;
    instant enough_ = never;
};

}  // namespace muster
