#pragma once

#include <utility>    // forward, move

#include <muster/core/concepts.hpp>    // gate, outcome_of, weight_of
#include <muster/core/context.hpp>     // context

namespace muster::detail {

/// What an item weighs where nobody says otherwise.
struct own_weight {
    template <class Item>
    constexpr double operator()(Item const& item) const {
        return weight_of(item);
    }
};

/// One call through a gate: what `limit` and `trip` do.
template <class Gate, class Next, class Item>
auto admit(Gate& by, double weight, Next const& next, context& cx, Item&& item) -> outcome_of<Next, Item> {
    auto permit = by.acquire(cx, weight);    // waits through cx; released when it leaves scope
    if (!permit) return cx.not_run(std::move(permit).error());
    auto result = next(cx, std::forward<Item>(item));
    permit->settle(result);                  // breakers, budgets and adaptive gates learn from it
    return result;
}

}  // namespace muster::detail
