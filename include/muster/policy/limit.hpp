#pragma once

#include <cmath>          // isfinite
#include <concepts>       // convertible_to
#include <functional>     // invoke
#include <string>         // describe
#include <type_traits>    // is_empty, is_same, invoke_result
#include <utility>        // as_const, forward, move

#include <muster/core/concepts.hpp>           // gate, around_tag, outcome_of, weight_of
#include <muster/core/context.hpp>            // context
#include <muster/core/failure.hpp>            // cause, failure
#include <muster/core/invoke_task.hpp>        // guarded
#include <muster/core/outcome.hpp>            // outcome
#include <muster/core/stage.hpp>              // operator|
#include <muster/policy/detail/admit.hpp>     // admit, own_weight

namespace muster {

/// Admits each call through a gate: a rate limiter, a bulkhead, or anything modelling `gate`.
///
///     limit{connections} | limit{quota, &request::tokens} | ask    // two gates, and another measure for each
///
/// Order      left of `retry`: one permit per item; right of it: one per attempt.
/// Shape      `limit{gate}`: an item weighs what its `weight(item)` says, else 1. `limit{gate, weigh}`: what `weigh(item)` says, for this
///            gate alone; `weigh` may be a pointer to a member. A weight is a number from 0 on.
/// Waits      until a permit, the deadline or a stop, whichever is first.
/// Fails      cause::rejected, exhausted, timed_out or cancelled, without calling what follows; likewise invalid_input where `weigh` answers
///            what is no weight, and threw where it throws.
/// Threads    any number at once; the gate decides who goes first. `weigh` is called by each of them.
/// Lifetime   refers to the gate, which must outlive every stage made from this policy.
/// Cost       one `acquire` per call, and one `weigh`.
template <class G, class Weigh = detail::own_weight>
class limit {
    static_assert(detail::is_gate<G>, "muster: limit names a gate, which has acquire(cx, weight): a rate_limiter, a bulkhead, ...");

public:
    using policy_concept = around_tag;

    explicit constexpr limit(G& by) noexcept : by_(&by) {}
    explicit limit(G&&) = delete;    // a temporary would be gone before the first call
    constexpr limit(G& by, Weigh weigh) : by_(&by), weigh_(std::move(weigh)) {}
    limit(G&&, Weigh) = delete;

    template <class Next, class Item>
    auto around(Next const& next, context& cx, Item&& item) const -> outcome_of<Next, Item> {
        if constexpr (std::is_same_v<Weigh, detail::own_weight>) {
            return detail::admit(*by_, weight_of(item), next, cx, std::forward<Item>(item));
        } else {
            auto const weight = weighed(std::as_const(item));
            if (!weight) return cx.not_run(weight.error());
            return detail::admit(*by_, *weight, next, cx, std::forward<Item>(item));
        }
    }

    [[nodiscard]] std::string describe() const { return "limit"; }
    friend constexpr bool operator==(limit const& a, limit const& b) noexcept
        requires(std::equality_comparable<Weigh> || std::is_empty_v<Weigh>)
    {
        if constexpr (std::equality_comparable<Weigh>) return a.by_ == b.by_ && a.weigh_ == b.weigh_;
        else return a.by_ == b.by_;
    }

private:
    template <class Item>
    outcome<double> weighed(Item const& item) const;

    G* by_;
    [[no_unique_address]] Weigh weigh_{};
};

// Implementation

template <class G, class Weigh>
template <class Item>
outcome<double> limit<G, Weigh>::weighed(Item const& item) const {
    constexpr bool weighs = std::is_invocable_r_v<double, Weigh const&, Item const&>;
    static_assert(weighs, "muster: limit{gate, weigh} takes weigh(item), which answers a number");
    if constexpr (weighs) {
        return guarded<outcome<double>>([&]() -> outcome<double> {
            auto const weight = static_cast<double>(std::invoke(weigh_, item));
            // What is not counted well would wait for ever, or make room that is not there.
            if (!std::isfinite(weight) || weight < 0)
                return failure{cause::invalid_input, "an item weighs " + std::to_string(weight) + " at a gate, where a weight is a number from 0 on"};
            return weight;
        });
    } else {
        return 1.0;
    }
}

}  // namespace muster
