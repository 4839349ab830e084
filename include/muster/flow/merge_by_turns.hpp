#pragma once

#include <cstddef>    // size_t
#include <ranges>     // input_range
#include <tuple>      // apply
#include <utility>    // forward

#include <muster/flow/detail/merged.hpp>    // merged

namespace muster {

namespace detail {
struct next_by_turns {
    template <class... Readers>
    std::size_t operator()(std::tuple<Readers...>& readers, std::size_t last) const {
        constexpr auto n = sizeof...(Readers);
        auto const done = [&readers](std::size_t which) {
            bool is_done = true;
            std::apply([&, i = std::size_t{0}](auto&... each) mutable {
                static_cast<void>(((i++ == which && (is_done = each.done(), true)) || ...));
            }, readers);
            return is_done;
        };
        for (auto i = last + 1; i <= last + n; ++i)
            if (!done(i % n)) return i % n;
        return n;
    }
};
}  // namespace detail

/// Several ranges as one source: an item of each in turn. What has ended is passed over.
///
///     for (auto& order_or_refund : stream(merge_by_turns(orders, refunds), flow)) ...
///
/// Shape      an input range, to be read once, of std::variant of the ranges' values: an item's index is that of its range. As many
///            as all of them have; of each range in its order.
/// Waits      for each range in its turn: one that blocks holds up all. What comes from threads at different speeds goes
///            through one channel instead.
/// Throws     what reading a range throws.
/// Lifetime   refers to the ranges that are lvalues, and to what views refer to; others are moved into it. It does not move once
///            reading has begun.
/// Cost       one item in memory. Items of a range that was moved in are moved, others copied.
struct merge_by_turns_verb {
    template <std::ranges::input_range... Ranges>
        requires(sizeof...(Ranges) > 0)
    [[nodiscard]] auto operator()(Ranges&&... from) const {
        return detail::merged<detail::next_by_turns, Ranges...>{detail::next_by_turns{}, std::forward<Ranges>(from)...};
    }
};
inline constexpr merge_by_turns_verb merge_by_turns{};

}  // namespace muster
