#pragma once

#include <algorithm>      // min
#include <cstddef>        // size_t
#include <iterator>       // ranges access
#include <mutex>          // failures of into
#include <ranges>         // sized_range, random_access_range
#include <span>           // into, batches
#include <type_traits>    // remove_cvref
#include <utility>        // forward
#include <vector>         // results

#include <muster/core/concepts.hpp>              // task_for
#include <muster/core/context.hpp>               // context
#include <muster/core/detail/invoke_task.hpp>    // invoke_task
#include <muster/core/outcome.hpp>               // outcome
#include <muster/flow/detail/run.hpp>            // run_each

namespace muster {

/// Where `map` writes values: as many as items, in their order. The failures are then all that it returns.
template <class T>
struct into {
    std::span<T> out;
    explicit constexpr into(std::span<T> where) noexcept : out(where) {}
};
template <class Range>
into(Range&) -> into<typename Range::value_type>;

namespace detail {
struct map_verb;
}

/// Calls a task with each item: `map(items, on{pool} | policies | task)`.
///
/// Order      items start in the order of the range; how many run at once is said by `on`, without it one.
/// Shape      a sized range in (random access, or forward: its iterators are gathered first); `vector<outcome<R>>` out, as
///            many as items, same order. `map(items, task, into{span})` writes the values and returns the failures only.
///            A reference of the range is handed on as it is: elements of an rvalue range are moved.
/// Waits      until every item has an outcome. Nested in a task of the same pool it never deadlocks.
/// Fails      never as a whole. An item that was not started because of a stop or a passed deadline has cause::cancelled or
///            timed_out; `error().index()` is its position.
/// Threads    any number of callers; the task is called through `const&` from many threads.
/// Lifetime   the last argument, a context, is inherited by all calls: stop, deadline, waiter, path.
/// Cost       a few ns an item, and 16 bytes or more for its outcome; with `into` the values alone.
extern detail::map_verb const map;

// Implementation

namespace detail {

// Random access as it is, anything else through its iterators.
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
    struct nothing {
        void reserve(std::size_t) noexcept {}
    };
    using iterators = std::conditional_t<std::ranges::random_access_range<Items>, nothing, std::vector<std::ranges::iterator_t<Items>>>;
    Items& items_;
    std::size_t size_;
    [[no_unique_address]] iterators at_;
};

// What the task is called with: the range's reference, or an rvalue where the range itself is one and owns its elements.
template <class Items>
using item_of = std::conditional_t<
    !std::is_lvalue_reference_v<Items> && !std::ranges::borrowed_range<Items> &&
        std::is_lvalue_reference_v<std::ranges::range_reference_t<Items>>,
    std::remove_reference_t<std::ranges::range_reference_t<Items>>&&, std::ranges::range_reference_t<Items>>;

template <class T>
inline constexpr bool is_into = false;
template <class T>
inline constexpr bool is_into<into<T>> = true;

// The outcome of one call as the verb gives it: stamped, and numbered at this verb's depth.
template <class Result>
void finish(Result& result, context const& cx) {
    if (result.has_value()) [[likely]] return;
    cx.stamp(result.error());
    result.error().leave(cx.depth() - 1);
}

template <class Result, class Task, class Item>
Result call_item(Task const& task, context& cx, Item&& item) {
    Result result{failure{}};
    if (cx.stop_requested()) [[unlikely]] {
        result = cx.interruption();
        auto const not_run = cx.change_attempt(0);
        finish(result, cx);
        return result;
    }
    result = invoke_task(task, cx, std::forward<Item>(item));
    finish(result, cx);
    return result;
}

struct map_verb {
    template <std::ranges::sized_range Items, class Task>
    auto operator()(Items&& items, Task const& task) const {
        context const alone;
        return (*this)(std::forward<Items>(items), task, alone);
    }

    template <std::ranges::sized_range Items, class Task>
    auto operator()(Items&& items, Task const& task, context const& parent) const {
        if constexpr (!std::is_null_pointer_v<decltype(placed<is_batched>(task))>) {
            return batches(items, task, parent);
        } else {
            using item = item_of<Items>;
            static_assert(task_for<Task, item>,
                          "muster: map calls the task as f(item) or f(item, context&), through const&: a mutable lambda is refused, "
                          "per-worker state is asked for with scratch{make}");
            if constexpr (task_for<Task, item>) {
                using result = result_of<Task, item>;
                indexed<std::remove_reference_t<Items>> const at{items};
                std::vector<result> results(at.size(), result{failure{}});
                auto const* place = placed<is_on>(task);
                auto const plan = plan_run(place, at.size());
                run_each(place, plan, at.size(), parent, [&](std::size_t i, context& cx) {
                    results[i] = call_item<result>(task, cx, static_cast<item>(at[i]));
                });
                return results;
            }
        }
    }

    template <std::ranges::sized_range Items, class Task, class T>
    std::vector<failure> operator()(Items&& items, Task const& task, into<T> where) const {
        context const alone;
        return (*this)(std::forward<Items>(items), task, where, alone);
    }

    template <std::ranges::sized_range Items, class Task, class T>
    std::vector<failure> operator()(Items&& items, Task const& task, into<T> where, context const& parent) const {
        using item = item_of<Items>;
        static_assert(task_for<Task, item>, "muster: map calls the task as f(item) or f(item, context&), through const&");
        using result = result_of<Task, item>;
        static_assert(std::is_assignable_v<T&, typename result::value_type&&>,
                      "muster: what the task answers cannot be assigned to the elements of into{span}");
        indexed<std::remove_reference_t<Items>> const at{items};
        if (where.out.size() < at.size())
            throw std::length_error("muster: into{span} holds " + std::to_string(where.out.size()) + " elements for " +
                                    std::to_string(at.size()) + " items");
        std::mutex mutex;
        std::vector<failure> failures;
        auto const* place = placed<is_on>(task);
        auto const plan = plan_run(place, at.size());
        run_each(place, plan, at.size(), parent, [&](std::size_t i, context& cx) {
            auto answer = call_item<result>(task, cx, static_cast<item>(at[i]));
            if (answer.has_value()) {
                where.out[i] = std::move(*answer);
            } else {
                std::lock_guard lock(mutex);
                failures.push_back(std::move(answer).error());
            }
        });
        std::ranges::sort(failures, {}, [](failure const& f) { return f.index(); });
        return failures;
    }

private:
    template <class Items, class Task>
    static auto batches(Items& items, Task const& task, context const& parent) {
        using value = std::ranges::range_value_t<Items>;
        using batch = std::span<value const>;
        static_assert(task_for<Task, batch>, "muster: right of batched{n} the task takes std::span<T const>");
        using answer = typename result_of<Task, batch>::value_type;
        using result = typename answer::value_type;
        static_assert(is_outcome<result>, "muster: right of batched{n} the task answers std::vector<outcome<R>>");

        indexed<Items> const at{items};
        auto const size = std::max<std::size_t>(1, placed<is_batched>(task)->size);
        auto const count = (at.size() + size - 1) / size;
        std::vector<result> results(at.size(), result{failure{}});
        auto const* place = placed<is_on>(task);
        auto const plan = plan_run(place, count);
        run_each(place, plan, count, parent, [&](std::size_t b, context& cx) {
            auto const first = b * size, last = std::min(at.size(), first + size);
            auto const call = [&](batch of) {
                cx.item(first);
                auto given = call_item<outcome<answer>>(task, cx, of);
                if (given.has_value() && given->size() != of.size())
                    given = failure{cause::wrong_shape, "the task answered " + std::to_string(given->size()) + " results for a batch of " +
                                                            std::to_string(of.size())};
                for (auto i = first; i != last; ++i) {
                    results[i] = given.has_value() ? std::move((*given)[i - first]) : result{given.error()};
                    cx.item(i);
                    if (!results[i].has_value()) {
                        if (!given.has_value()) results[i].error().move_to(cx.path());
                        finish(results[i], cx);
                    }
                }
            };
            if constexpr (std::ranges::contiguous_range<Items>) {
                call(batch{std::ranges::data(items) + first, last - first});
            } else {
                std::vector<value> gathered;
                gathered.reserve(last - first);
                for (auto i = first; i != last; ++i) gathered.push_back(at[i]);
                call(gathered);
            }
        });
        return results;
    }
};

}  // namespace detail

inline constexpr detail::map_verb map{};

}  // namespace muster
