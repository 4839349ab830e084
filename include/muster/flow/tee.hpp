#pragma once

#include <concepts>       // copy_constructible
#include <type_traits>    // remove_cvref
#include <utility>        // forward

#include <muster/core/concepts.hpp>       // operator_tag, sink
#include <muster/flow/detail/give.hpp>    // give, no_state

namespace muster {

/// An operator: each item goes on, and a copy of it into a sink first.
///
/// Shape      as many, in their order.
/// Throws     what `put` throws; the item then is that failure, and does not go on: what went on is in the sink, too.
/// Threads    `put` is called from the threads of the stages that hold a copy of this.
/// Lifetime   refers to the sink, which must outlive every pipeline made from this.
/// Cost       a copy.
template <class Sink>
class tee {
public:
    using operator_concept = operator_tag;
    template <class Item>
    using output = Item;

    explicit constexpr tee(Sink& to) noexcept : to_(&to) {}
    explicit tee(Sink&&) = delete;    // a temporary would be gone before the first item

    template <class>
    [[nodiscard]] constexpr detail::no_state make_state() const noexcept { return {}; }

    template <class Item>
        requires std::copy_constructible<std::remove_cvref_t<Item>> && sink<Sink, Item>
    constexpr void push(detail::no_state&, Item&& item, auto&& emit_to) const {
        to_->put(std::remove_cvref_t<Item>(item));
        detail::give(emit_to, std::forward<Item>(item));
    }
    constexpr void flush(detail::no_state&, auto&&) const noexcept {}

    friend constexpr bool operator==(tee, tee) noexcept = default;

private:
    Sink* to_;
};

}  // namespace muster
