#pragma once

#include <concepts>      // predicate
#include <functional>    // invoke
#include <utility>       // as_const, forward

#include <muster/core/concepts.hpp>       // operator_tag, sink
#include <muster/flow/detail/give.hpp>    // give, no_state

namespace muster {

/// An operator: items for which the predicate is true leave the flow for a sink, the others go on.
///
/// Shape      each item goes one way, in its order; `predicate(item)` gets an Item const&.
/// Throws     what `put` throws; the item then is that failure.
/// Threads    the predicate is called through const&, `put` from the threads of the stages that hold a copy of this.
/// Lifetime   refers to the sink, which must outlive every pipeline made from this.
template <class Predicate, class Sink>
class split {
public:
    using operator_concept = operator_tag;
    template <class Item>
    using output = Item;

    constexpr split(Predicate predicate, Sink& to) : predicate_(std::move(predicate)), to_(&to) {}
    split(Predicate, Sink&&) = delete;    // a temporary would be gone before the first item

    template <class>
    [[nodiscard]] constexpr detail::no_state make_state() const noexcept { return {}; }

    template <class Item>
        requires std::predicate<Predicate const&, Item const&> && sink<Sink, Item>
    constexpr void push(detail::no_state&, Item&& item, auto&& emit_to) const {
        if (std::invoke(predicate_, std::as_const(item))) to_->put(std::forward<Item>(item));
        else detail::give(emit_to, std::forward<Item>(item));
    }
    constexpr void flush(detail::no_state&, auto&&) const noexcept {}

private:
    Predicate predicate_;
    Sink* to_;
};

}  // namespace muster
