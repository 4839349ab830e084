#pragma once

#include <algorithm>      // max, min, sort
#include <cstddef>        // size_t
#include <mutex>          // the failures of into
#include <ranges>         // sized_range
#include <span>           // into, batches
#include <stdexcept>      // length_error
#include <string>         // its text
#include <type_traits>    // is_assignable
#include <utility>        // forward, move
#include <vector>         // results

#include <muster/core/concepts.hpp>              // task_for, result_of
#include <muster/core/context.hpp>               // context
#include <muster/core/invoke_task.hpp>    // invoke_task
#include <muster/core/outcome.hpp>               // outcome
#include <muster/flow/detail/items.hpp>          // indexed, item_of, call_item_of
#include <muster/flow/detail/run.hpp>            // plan_run, run_each

namespace muster {

/// Where `map` writes values: as many as items, in their order.
template <class T>
struct into {
    std::span<T> out;
    explicit constexpr into(std::span<T> where) noexcept : out(where) {}
};
template <class Range>
into(Range&) -> into<typename Range::value_type>;

/// Calls a task with each item: `map(items, on{pool} | policies | task)`.
///
/// Order      items start in the order of the range; `on` says how many run at once, without it one.
/// Shape      a sized range in (random access; the iterators of another are gathered first), `std::vector<outcome<R>>` out, as
///            many as items, same order. `map(items, task, into{span})` writes the values and returns the failures alone,
///            sorted by index. Elements are handed on as the range gives them; those of an rvalue container are moved.
/// Waits      until every item has an outcome. Items must not wait for each other: they may run one after another. Nested in a task on the same pool it never deadlocks.
/// Fails      never as a whole. An item that was not started because of a stop or a passed deadline has cause::cancelled or
///            timed_out and 0 attempts; `error().index()` is its position.
/// Throws     std::length_error where `into` has too little room, before anything runs.
/// Threads    any number of callers; the task is called through `const&` from many threads.
/// Lifetime   the context, last argument, is inherited by all calls: stop, deadline, waiter, path.
/// Cost       a few ns an item and 16 bytes or more for its outcome; with `into` the values alone.
struct map_verb {
    template <std::ranges::sized_range Items, class Task>
    auto operator()(Items&& items, Task const& task, context const& parent = context{}) const;

    template <std::ranges::sized_range Items, class Task, class T>
    std::vector<failure> operator()(Items&& items, Task const& task, into<T> where, context const& parent = context{}) const;

private:
    template <class Items, class Task>
    static auto in_batches(Items& items, Task const& task, context const& parent);
};
inline constexpr map_verb map{};

// Implementation

namespace detail {
template <class T>
struct element { using type = T; };
template <class T>
struct element<std::vector<T>> { using type = T; };
template <class T>
using element_of = typename element<T>::type;
}  // namespace detail

template <std::ranges::sized_range Items, class Task>
auto map_verb::operator()(Items&& items, Task const& task, context const& parent) const {
    if constexpr (!std::is_null_pointer_v<decltype(detail::placed<detail::is_batched>(task))>) {
        return in_batches(items, task, parent);
    } else {
        using item = detail::item_of<Items>;
        constexpr bool callable = task_for<Task, item>;
        static_assert(callable,
                      "muster: map calls f(item) or f(item, context&) through const&; for a mutable lambda's state use scratch{make}");
        if constexpr (!callable) {
            return detail::refused{};
        } else {
            using result = result_of<Task, item>;
            detail::indexed<std::remove_reference_t<Items>> const at{items};
            std::vector<result> results(at.size());
            auto const place = detail::placed<detail::is_on>(task);
            auto const plan = detail::plan_run(place, at.size());
            detail::run_each(place, plan, at.size(), parent, [&](std::size_t i, context& cx) {
                detail::put(results[i], cx, [&]() -> result { return detail::call_item_of<result, item>(at, task, i, cx); });
            });
            return results;
        }
    }
}

template <std::ranges::sized_range Items, class Task, class T>
std::vector<failure> map_verb::operator()(Items&& items, Task const& task, into<T> where, context const& parent) const {
    using item = detail::item_of<Items>;
    static_assert(detail::is_task_for<Task, item>, "muster: map calls f(item) or f(item, context&) through const&");
    using result = result_of<Task, item>;
    static_assert(std::is_assignable_v<T&, typename result::value_type&&>,
                  "muster: what the task answers cannot be assigned to the elements of into{span}");
    detail::indexed<std::remove_reference_t<Items>> const at{items};
    if (where.out.size() < at.size())
        throw std::length_error("muster: into{span} has room for " + std::to_string(where.out.size()) + " values of " +
                                std::to_string(at.size()) + " items");
    std::mutex mutex;
    std::vector<failure> failures;
    auto const place = detail::placed<detail::is_on>(task);
    auto const plan = detail::plan_run(place, at.size());
    detail::run_each(place, plan, at.size(), parent, [&](std::size_t i, context& cx) {
        auto answer = detail::call_item_of<result, item>(at, task, i, cx);
        auto const write = [&]() -> outcome<void> {
            if (!answer.has_value()) return std::move(answer).error();
            where.out[i] = std::move(*answer);
            return {};
        };
        auto written = guarded<outcome<void>>(write);
        if (written.has_value()) [[likely]] return;
        detail::finish(written, cx);
        std::lock_guard lock(mutex);
        failures.push_back(std::move(written).error());
    });
    std::sort(failures.begin(), failures.end(), [](failure const& a, failure const& b) { return a.index() < b.index(); });
    return failures;
}

template <class Items, class Task>
auto map_verb::in_batches(Items& items, Task const& task, context const& parent) {
    using value = std::ranges::range_value_t<Items>;
    using batch = std::span<value const>;
    static_assert(detail::is_task_for<Task, batch>, "muster: right of batched{n} the item is std::span<T const>");
    using whole = result_of<Task, batch>;
    using result = detail::element_of<typename whole::value_type>;
    constexpr bool in_shape = detail::is_outcome<result>;
    static_assert(in_shape, "muster: right of batched{n} the task answers std::vector<outcome<R>>");
    if constexpr (in_shape) {
    detail::indexed<Items> const at{items};
    auto const size = std::max<std::size_t>(1, detail::placed<detail::is_batched>(task)->size);
    auto const count = at.size() / size + (at.size() % size != 0);
    std::vector<result> results(at.size());
    auto const ask = [&](std::size_t first, std::size_t last, context& cx) -> whole {
        if constexpr (std::ranges::contiguous_range<Items>) {
            return invoke_task(task, cx, batch{std::ranges::data(items) + first, last - first});
        } else {
            return guarded<whole>([&]() -> whole {
                std::vector<value> gathered;
                gathered.reserve(last - first);
                for (auto i = first; i != last; ++i) gathered.push_back(at[i]);
                return invoke_task(task, cx, batch{gathered});
            });
        }
    };
    auto const place = detail::placed<detail::is_on>(task);
    auto const plan = detail::plan_run(place, count);
    detail::run_each(place, plan, count, parent, [&](std::size_t b, context& cx) {
        auto const first = b * size, last = first + std::min(size, at.size() - first);
        cx.no_item();
        auto const runs = !cx.stop_requested();
        auto answer = runs ? ask(first, last, cx) : whole{cx.interruption()};
        if (answer.has_value() && answer->size() != last - first)
            answer = failure{cause::wrong_shape, "the task answered " + std::to_string(answer->size()) + " results for a batch of " +
                                                     std::to_string(last - first) + " items"};
        for (auto i = first; i != last; ++i) {
            cx.item(i);
            auto const tried = cx.change_attempt(runs ? 1 : 0);
            detail::put(results[i], cx, [&]() -> result {
                return answer.has_value() ? std::move((*answer)[i - first]) : result{answer.error()};
            });
            detail::finish(results[i], cx);
        }
    });
    return results;
    } else {
        return detail::refused{};
    }
}

}  // namespace muster
