#pragma once

#include <cstddef>        // size_t
#include <ranges>         // random_access_range, view
#include <type_traits>    // conditional
#include <utility>        // declval, forward
#include <vector>         // iterators of other ranges

#include <muster/core/context.hpp>               // context
#include <muster/core/invoke_task.hpp>    // invoke_task, guarded
#include <muster/core/outcome.hpp>               // outcome

namespace muster::detail {

/// A sized range by position: random access as it is, any other through its gathered iterators.
template <class Items>
class indexed {
public:
    explicit indexed(Items& items) : items_(items), size_(static_cast<std::size_t>(std::ranges::size(items))) {
        if constexpr (!std::ranges::random_access_range<Items>) {
            at_.reserve(size_);
            for (auto it = std::ranges::begin(items); it != std::ranges::end(items); ++it) at_.push_back(it);
        }
    }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    decltype(auto) operator[](std::size_t i) const noexcept(reads_quietly) {
        if constexpr (std::ranges::random_access_range<Items>)
            return std::ranges::begin(items_)[static_cast<std::ranges::range_difference_t<Items>>(i)];
        else
            return *at_[i];
    }

private:
    static constexpr bool reads_quietly = [] {
        if constexpr (std::ranges::random_access_range<Items>)
            return noexcept(std::ranges::begin(std::declval<Items&>())[std::ranges::range_difference_t<Items>{}]);
        else
            return noexcept(*std::declval<std::ranges::iterator_t<Items> const&>());
    }();

    struct nothing {};
    using iterators =
        std::conditional_t<std::ranges::random_access_range<Items>, nothing, std::vector<std::ranges::iterator_t<Items>>>;
    Items& items_;
    std::size_t size_;
    [[no_unique_address]] iterators at_;
};

/// True where the range goes out of scope with its elements: an rvalue that is no view of somebody else's.
template <class Items>
inline constexpr bool gives_away =
    !std::is_lvalue_reference_v<Items> && !std::ranges::borrowed_range<Items> && !std::ranges::view<std::remove_cvref_t<Items>>;

/// What the task is called with: the range's reference, or an rvalue where the range gives its elements away.
template <class Items>
using item_of = std::conditional_t<gives_away<Items> && std::is_lvalue_reference_v<std::ranges::range_reference_t<Items>>,
                                   std::remove_reference_t<std::ranges::range_reference_t<Items>>&&,
                                   std::ranges::range_reference_t<Items>>;

/// Completes a failure as the verb gives it: stamped, and numbered as this verb's item.
template <class Result>
void finish(Result& result, context const& cx) {
    if (result.has_value()) [[likely]] return;
    cx.stamp(result.error());
    result.error().leave(cx.path());
}

/// Puts what `make` answers into its place. A value that cannot be moved there is a failure: bodies of a loop do not throw.
template <class Result, class Make>
void put(Result& place, context const& cx, Make const& make) {
    if constexpr (std::is_nothrow_move_constructible_v<Result>) {
        place = make();
    } else {
        auto const write = [&]() -> outcome<void> {
            place = make();
            return {};
        };
        if (auto written = guarded<outcome<void>>(write); !written) {
            place = std::move(written).error();
            finish(place, cx);
        }
    }
}

/// One call of a verb for item `i`; an item that comes after a stop or the deadline is not run.
template <class Result, class Task, class Item>
Result call_item(Task const& task, std::size_t i, context& cx, Item&& item) {
    cx.item(i);
    if (cx.stop_requested()) [[unlikely]] {
        auto const not_run = cx.change_attempt(0);
        Result result{cx.interruption()};
        finish(result, cx);
        return result;
    }
    Result result = invoke_task(task, cx, std::forward<Item>(item));
    finish(result, cx);
    return result;
}

/// The same for a range whose items are read on the way; one that cannot be read fails alone.
template <class Result, class Item, class Task, class Items>
Result call_item_of(indexed<Items> const& at, Task const& task, std::size_t i, context& cx) {
    auto const call = [&]() -> Result { return call_item<Result>(task, i, cx, static_cast<Item>(at[i])); };
    if constexpr (noexcept(at[i])) {
        return call();
    } else {
        cx.item(i);
        auto result = guarded<Result>(call);
        finish(result, cx);
        return result;
    }
}

}  // namespace muster::detail
