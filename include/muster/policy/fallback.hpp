#pragma once

#include <concepts>       // invocable
#include <string>         // describe
#include <utility>        // forward, move

#include <muster/core/concepts.hpp>              // around_tag, task_for
#include <muster/core/context.hpp>               // context
#include <muster/core/invoke_task.hpp>    // invoke_task
#include <muster/core/outcome.hpp>               // outcome
#include <muster/core/stage.hpp>                 // operator|

namespace muster {

/// Asks another task for the answer when what follows fails.
///
/// Order      left of `retry`: after all attempts; right of it: after each.
/// Shape      `fallback{other}`: `other(item)`, `other(item, cx)` or `other(item, failure)`; its answer converts to that of
///            what follows. It may be a stage with policies of its own.
/// Fails      with the failure of `other`, its text completed by the failure before it; a stop or a passed deadline goes
///            straight through.
/// Threads    any number at once.
/// Cost       none for a call that succeeds.
template <class F>
class fallback {
public:
    using policy_concept = around_tag;

    explicit constexpr fallback(F other) : other_(std::move(other)) {}

    template <class Next, class Item>
    auto around(Next const& next, context& cx, Item&& item) const -> outcome_of<Next, std::remove_cvref_t<Item> const&> {
        using given = std::remove_cvref_t<Item> const&;
        using result = outcome_of<Next, given>;
        auto first = next(cx, given(item));
        if (first.has_value() || cx.stop_requested()) return first;
        auto second = [&]() -> result {
            if constexpr (std::invocable<F const&, given, failure const&>) {
                auto const with_reason = [&](given same) { return other_(same, std::as_const(first.error())); };
                return invoke_task(with_reason, cx, given(item));
            } else {
                static_assert(detail::is_task_for<F, given>,
                              "muster: fallback takes other(item), other(item, context&) or other(item, failure const&)");
                return invoke_task(other_, cx, given(item));
            }
        }();
        if (!second.has_value()) second.error().note("; before that: " + first.error().text());
        return second;
    }

    [[nodiscard]] std::string describe() const { return "fallback"; }
    friend constexpr bool operator==(fallback const&, fallback const&) requires std::equality_comparable<F> = default;

private:
    [[no_unique_address]] F other_;
};

}  // namespace muster
