#pragma once

#include <cstddef>        // size_t
#include <ranges>         // random_access_range
#include <type_traits>    // conditional
#include <vector>         // iterators of other ranges

#include <muster/core/context.hpp>               // context
#include <muster/core/invoke_task.hpp>    // invoke_task
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
    decltype(auto) operator[](std::size_t i) const {
        if constexpr (std::ranges::random_access_range<Items>)
            return std::ranges::begin(items_)[static_cast<std::ranges::range_difference_t<Items>>(i)];
        else
            return *at_[i];
    }

private:
    struct nothing {};
    using iterators =
        std::conditional_t<std::ranges::random_access_range<Items>, nothing, std::vector<std::ranges::iterator_t<Items>>>;
    Items& items_;
    std::size_t size_;
    [[no_unique_address]] iterators at_;
};

/// What the task is called with: the range's reference, or an rvalue where the range is one and owns its elements.
template <class Items>
using item_of =
    std::conditional_t<!std::is_lvalue_reference_v<Items> && !std::ranges::borrowed_range<Items> &&
                           std::is_lvalue_reference_v<std::ranges::range_reference_t<Items>>,
                       std::remove_reference_t<std::ranges::range_reference_t<Items>>&&, std::ranges::range_reference_t<Items>>;

/// Completes a failure as the verb gives it: stamped, and numbered at this verb's depth.
template <class Result>
void finish(Result& result, context const& cx) {
    if (result.has_value()) [[likely]] return;
    cx.stamp(result.error());
    result.error().leave(cx.depth() - 1);
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

}  // namespace muster::detail
