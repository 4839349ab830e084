#pragma once

#include <cstddef>       // size_t
#include <functional>    // invoke
#include <optional>      // the earliest
#include <ranges>        // input_range
#include <tuple>         // apply
#include <utility>       // forward

#include <muster/flow/detail/merged.hpp>    // merged

namespace muster {

namespace detail {
template <class TimeOf>
struct next_by_time {
    [[no_unique_address]] TimeOf time_of;

    template <class... Readers>
    std::size_t operator()(std::tuple<Readers...>& readers, std::size_t) const {
        return std::apply([this](auto&... each) {
            using time = std::common_type_t<std::remove_cvref_t<decltype(std::invoke(time_of, each.front()))>...>;
            std::optional<time> earliest;
            std::size_t which = sizeof...(Readers), i = 0;
            auto const look = [&](auto& reader) {
                if (!reader.done()) {
                    time const when = std::invoke(time_of, reader.front());
                    if (!earliest || when < *earliest) earliest = when, which = i;
                }
                ++i;
            };
            (look(each), ...);
            return which;
        }, readers);
    }
};
}  // namespace detail

/// Several ranges as one source: always the item with the earliest time of those that are next. Where each range is in order of
/// time, so is the whole.
///
///     auto const when = [](auto const& item) { return item.at; };
///     for (auto& event : stream(merge_by_time(when, orders, refunds), flow)) ...
///
/// Order      of items with the same time, that of the earlier range first. Ranges that are not in order are no error: their items
///            come when they are the earliest of those that are next.
/// Shape      as `merge_by_turns`. `time_of(item)` takes the items of each range, and answers what `<` compares across them.
/// Waits      for the next item of every range, before it gives one.
/// Throws     what reading a range or `time_of` throws.
/// Lifetime   as `merge_by_turns`.
/// Cost       the next item of each range, and a call of `time_of` for each of them an item: meant for a few ranges.
struct merge_by_time_verb {
    template <class TimeOf, std::ranges::input_range... Ranges>
        requires(sizeof...(Ranges) > 0) && (std::invocable<TimeOf const&, std::ranges::range_reference_t<Ranges>> && ...)
    [[nodiscard]] auto operator()(TimeOf time_of, Ranges&&... from) const {
        using next = detail::next_by_time<TimeOf>;
        return detail::merged<next, Ranges...>{next{std::move(time_of)}, std::forward<Ranges>(from)...};
    }
};
inline constexpr merge_by_time_verb merge_by_time{};

}  // namespace muster
