#pragma once

#include <concepts>      // predicate
#include <functional>    // invoke
#include <utility>       // as_const, forward

#include <muster/core/concepts.hpp>       // operator_tag
#include <muster/flow/detail/give.hpp>    // give, no_state

namespace muster {

/// An operator: items for which the predicate is true go on, the others are gone. See `split` for those that must not be.
///
/// Shape      at most as many, in their order. `predicate(item)` gets an Item const&.
/// Threads    the predicate is called through const&.
template <class Predicate>
class keep_if {
public:
    using operator_concept = operator_tag;
    template <class Item>
    using output = Item;

    explicit constexpr keep_if(Predicate predicate) : predicate_(std::move(predicate)) {}

    template <class>
    [[nodiscard]] constexpr detail::no_state make_state() const noexcept { return {}; }

    template <class Item>
        requires std::predicate<Predicate const&, Item const&>
    constexpr void push(detail::no_state&, Item&& item, auto&& emit_to) const {
        if (std::invoke(predicate_, std::as_const(item))) detail::give(emit_to, std::forward<Item>(item));
    }
    constexpr void flush(detail::no_state&, auto&&) const noexcept {}

private:
    Predicate predicate_;
};

}  // namespace muster
