#pragma once

#include <ranges>         // input_range
#include <type_traits>    // is_lvalue_reference
#include <utility>        // move

#include <muster/core/concepts.hpp>       // operator_tag
#include <muster/core/outcome.hpp>        // outcome
#include <muster/flow/detail/give.hpp>    // give, no_state

namespace muster {

namespace detail {
template <class Value>
struct out_of { using type = Value; };
template <class T>
struct out_of<outcome<T>> { using type = T; };

// A container that is given away gives its items away; one that only refers to them does not own them.
template <class Items>
inline constexpr bool owns_its_items = !std::ranges::view<Items> && !std::ranges::borrowed_range<Items> &&
                                       std::is_lvalue_reference_v<std::ranges::range_reference_t<Items>>;
}  // namespace detail

/// An operator: each item of a stream is a range, and becomes the items in it.
///
/// Shape      as many as are in the ranges, in their order: none for an empty one. Of a range of outcomes, the values; its failures go
///            where failures go, as those of a batch that was only partly done.
/// Cost       a move of each item; a copy where the range does not own it (a span, a view).
struct flatten {
    using operator_concept = operator_tag;
    template <std::ranges::input_range Items>
    using output = typename detail::out_of<std::ranges::range_value_t<Items>>::type;

    template <class>
    [[nodiscard]] constexpr detail::no_state make_state() const noexcept { return {}; }

    template <std::ranges::input_range Items>
    constexpr void push(detail::no_state&, Items&& items, auto&& emit_to) const {
        using value = std::ranges::range_value_t<Items>;
        auto const give_one = [&emit_to](value each) {
            if constexpr (detail::is_outcome<value>) {
                if (!each.has_value()) return detail::give(emit_to, std::move(each).error());
                return detail::give(emit_to, std::move(*each));
            } else {
                return detail::give(emit_to, std::move(each));
            }
        };
        auto const end = std::ranges::end(items);
        for (auto at = std::ranges::begin(items); at != end; ++at) {
            bool more = false;
            if constexpr (detail::owns_its_items<std::remove_cvref_t<Items>> && !std::is_lvalue_reference_v<Items>)
                more = give_one(std::move(*at));
            else
                more = give_one(static_cast<value>(*at));
            if (!more) return;
        }
    }
    constexpr void flush(detail::no_state&, auto&&) const noexcept {}

    friend constexpr bool operator==(flatten, flatten) noexcept = default;
};

}  // namespace muster
