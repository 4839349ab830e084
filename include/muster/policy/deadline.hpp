#pragma once

#include <algorithm>    // min
#include <chrono>       // nanoseconds
#include <string>       // describe
#include <tuple>        // parts
#include <utility>      // forward

#include <muster/core/concepts.hpp>         // around_tag, outcome_of
#include <muster/core/context.hpp>          // context
#include <muster/core/duration_text.hpp>    // duration_text
#include <muster/core/stage.hpp>            // operator|
#include <muster/core/waiter.hpp>           // in_nanoseconds, later

namespace muster {

/// Bounds the time of what follows.
///
/// Order      left of `retry`: one budget for all attempts; right of it: one for each.
/// Waits      never; every wait to the right of it ends when the time is up.
/// Fails      cause::timed_out, also for an answer that comes late. In this process it is cooperative: the task is not torn
///            out of its work, it asks `cx.stop_requested()` or waits through the context. A runner kills at the deadline.
/// Threads    any number at once.
/// Cost       two readings of the clock per call.
struct deadline {
    using policy_concept = around_tag;

    template <class Rep, class Period>
    constexpr deadline(std::chrono::duration<Rep, Period> how_long) noexcept : after(in_nanoseconds(how_long)) {}

    std::chrono::nanoseconds after;    ///< counted from when a call arrives here; an earlier deadline of the caller stays

    template <class Next, class Item>
    auto around(Next const& next, context& cx, Item&& item) const -> outcome_of<Next, Item>;

    template <template <class...> class Tuple = std::tuple>    // a template: only where it travels does a compiler make the tuple
    [[nodiscard]] constexpr auto parts() const noexcept { return Tuple{after}; }
    [[nodiscard]] std::string describe() const { return "deadline{" + duration_text(after) + "}"; }
    friend constexpr bool operator==(deadline const&, deadline const&) noexcept = default;
};

// Implementation

template <class Next, class Item>
auto deadline::around(Next const& next, context& cx, Item&& item) const -> outcome_of<Next, Item> {
    auto const start = cx.now();
    auto const narrowed = cx.change_deadline(std::min(cx.deadline(), later(start, after)));
    if (cx.stopped() || cx.deadline() <= start) return cx.not_run(cx.interruption());
    auto result = next(cx, std::forward<Item>(item));
    if (!cx.expired()) return result;
    // Late: an answer is refused, and who gave up because of the time has timed out. Any other failure says more than that.
    if (result.has_value()) return failure{cause::timed_out, "the answer came after the deadline of " + duration_text(after)};
    auto& why = result.error();
    if (why.code() != cause::cancelled || cx.stopped()) return result;
    cx.stamp(why);
    return failure{cause::timed_out, "no answer within " + duration_text(after)}.stamp(why.stage(), why.path(), why.attempts());
}

}  // namespace muster
