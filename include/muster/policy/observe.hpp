#pragma once

#include <string>     // describe
#include <utility>    // forward

#include <muster/core/concepts.hpp>    // observer, around_tag, outcome_of
#include <muster/core/context.hpp>     // context
#include <muster/core/stage.hpp>       // operator|

namespace muster {

/// Tells an observer of each call: when it starts, and how it ended after how long.
///
/// Order      left of `retry`: items; right of it: attempts.
/// Threads    any number at once; the observer is called on the thread of the call.
/// Lifetime   refers to the observer, which must outlive every stage made from this policy.
/// Cost       two readings of the clock and two calls of the observer.
template <class O>
class observe {
    static_assert(detail::is_observer<O>, "muster: observe names an observer, which has on_call(call_event const&) noexcept");

public:
    using policy_concept = around_tag;

    explicit constexpr observe(O& by) noexcept : by_(&by) {}
    explicit observe(O&&) = delete;    // a temporary would be gone before the first call

    template <class Next, class Item>
    auto around(Next const& next, context& cx, Item&& item) const -> outcome_of<Next, Item> {
        auto const start = cx.now();
        by_->on_call(call_event{.what = call_event::kind::started, .call = &cx, .at = start});
        auto result = next(cx, std::forward<Item>(item));
        auto const end = cx.now();
        by_->on_call(call_event{.what = call_event::kind::finished, .call = &cx, .at = end, .took = end - start,
                                .error = result.has_value() ? nullptr : &result.error()});
        return result;
    }

    /// For verbs whose calls run elsewhere: what the observer would have been told of such a call.
    void tell(context const& cx, instant end, std::chrono::nanoseconds took, failure const* error) const {
        by_->on_call(call_event{.what = call_event::kind::started, .call = &cx, .at = end - took});
        by_->on_call(call_event{.what = call_event::kind::finished, .call = &cx, .at = end, .took = took, .error = error});
    }

    [[nodiscard]] std::string describe() const { return "observe"; }
    friend constexpr bool operator==(observe, observe) noexcept = default;

private:
    O* by_;
};

}  // namespace muster
