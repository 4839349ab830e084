#pragma once

#include <algorithm>      // max, min
#include <cstddef>        // size_t
#include <memory>         // construct_at
#include <ranges>         // input_range
#include <span>           // batches
#include <string>         // numbers in a text
#include <type_traits>    // is_assignable
#include <utility>        // move
#include <vector>         // results

#include <muster/core/concepts.hpp>        // task_for, result_of
#include <muster/core/context.hpp>         // context
#include <muster/core/invoke_task.hpp>     // invoke_task, guarded
#include <muster/core/outcome.hpp>         // outcome
#include <muster/flow/detail/calls.hpp>    // call_items, failure_list, put
#include <muster/flow/detail/elsewhere.hpp>    // call_elsewhere
#include <muster/flow/detail/items.hpp>    // indexed, item_of
#include <muster/flow/detail/run.hpp>      // plan_run, run_chunks, run_each
#include <muster/flow/into.hpp>            // into

namespace muster {

/// Calls a task with each item: `map(items, on{pool} | policies | task)`.
///
/// Order      items start in the order of the range; `on` says how many run at once, without it one.
/// Shape      a range in, `std::vector<outcome<R>>` out, as many as items, same order. `map(items, task, into{span})` writes the
///            values and returns the failures alone, sorted by index. Elements are handed on as the range gives them; those of an
///            rvalue container are moved. A range without random access is walked to its end first, and its iterators are kept;
///            the items of one that can be read only once are taken out of it, and handed on as rvalues. Numbers need no
///            range: `indices{n}`.
/// Waits      until every item has an outcome. Items must not wait for each other: they may run one after another. Nested in a task
///            on the same pool it never deadlocks.
/// Fails      never as a whole. An item that was not started because of a stop or a passed deadline has cause::cancelled or
///            timed_out and 0 attempts; `error().index()` is its position.
/// Throws     std::length_error where `into` has too little room, and what reading a range throws that is read beforehand; nothing
///            has run then.
/// Threads    any number of callers; the task is called through `const&` from many threads.
/// Lifetime   the context, last argument, is inherited by all calls: stop, deadline, waiter, path.
/// Cost       a few ns an item and 16 bytes or more for its outcome; with `into` the values alone. A plain task takes the item
///            alone, answers a value or nothing, and has no policy around it (places are none): it costs what a bare loop does.
///            While its items are over in less than 20 ns, a stop is looked for between groups of them, of at most 1,024.
///            A range that is read beforehand costs an iterator or an item of memory for each.
struct map_verb {
    template <std::ranges::input_range Items, class Task>
    auto operator()(Items&& items, Task const& task, context const& parent = context{}) const;

    template <std::ranges::input_range Items, class Task, class T>
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

// Fills in fresh outcomes. They hold nothing: another may be made in the place of one without its end, if it cannot throw.
template <class Result>
struct fill {
    using value = answer_of<Result>;
    static constexpr bool in_tiles = true;
    static constexpr bool quiet = std::is_nothrow_move_constructible_v<Result>;
    Result* to;
    void operator()(std::size_t i, value&& answer) const noexcept(quiet) {
        if constexpr (std::is_same_v<value, nothing>) to[i] = Result{};
        else if constexpr (quiet) std::construct_at(to + i, std::move(answer));
        else to[i].emplace(std::move(answer));
    }
};
}  // namespace detail

template <std::ranges::input_range Items, class Task>
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
            detail::indexed<Items> at{items};
            auto const place = detail::placed<detail::is_on>(task);
            auto const plan = detail::plan_run(place, at.size());
            std::vector<result> results;
            if constexpr (detail::is_elsewhere<std::remove_cv_t<decltype(place)>>) {
                if (!detail::runs_here(place, plan)) {
                    results.resize(at.size());
                    auto const take = [&](std::size_t i, auto&&... answer) { results[i] = result{std::forward<decltype(answer)>(answer)...}; };
                    detail::call_elsewhere<result, item>(at.items(), at.size(), place, plan, task, parent, take,
                                                         [&](std::size_t i, failure what) { results[i] = std::move(what); });
                    return results;
                }
            }
            results.reserve(at.size());
            if (plan.parallel()) results.resize(at.size());
            detail::fill<result> const fill{results.data()};
            auto const failed = [&](std::size_t i, failure what) { return results[i] = std::move(what), true; };
            auto const each = at.items();
            detail::run_chunks(detail::here(place), plan, at.size(), parent, [&](std::size_t first, std::size_t last, auto& chunk) {
                while (first != last) {
                    auto until = last;
                    if (!plan.parallel()) {    // outcomes are made a few at a time: still in the cache when they are filled in
                        until = std::min(last, first + 1'024);
                        results.resize(until);
                    }
                    detail::call_items<result, item>(each, task, first, until, chunk, fill, failed);
                    first = until;
                }
            });
            return results;
        }
    }
}

template <std::ranges::input_range Items, class Task, class T>
std::vector<failure> map_verb::operator()(Items&& items, Task const& task, into<T> where, context const& parent) const {
    using item = detail::item_of<Items>;
    static_assert(detail::is_task_for<Task, item>, "muster: map calls f(item) or f(item, context&) through const&");
    using result = result_of<Task, item>;
    static_assert(std::is_assignable_v<T&, typename result::value_type&&>,
                  "muster: what the task answers cannot be assigned to the elements of into{span}");
    detail::indexed<Items> at{items};
    detail::check_room(where, at.size());
    detail::failure_list<failure> failures;
    auto const place = detail::placed<detail::is_on>(task);
    auto const plan = detail::plan_run(place, at.size());
    detail::write_to<T, detail::answer_of<result>> const write{where.out.data()};
    auto const failed = [&](std::size_t, failure what) { return failures.add(std::move(what)), true; };
    auto const each = at.items();
    if constexpr (detail::is_elsewhere<std::remove_cv_t<decltype(place)>>) {
        if (!detail::runs_here(place, plan)) {
            detail::call_elsewhere<result, item>(each, at.size(), place, plan, task, parent, write, failed);
            return std::move(failures).sorted();
        }
    }
    detail::run_chunks(detail::here(place), plan, at.size(), parent, [&](std::size_t first, std::size_t last, auto& chunk) {
        detail::call_items<result, item>(each, task, first, last, chunk, write, failed);
    });
    return std::move(failures).sorted();
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
    detail::indexed<Items&> at{items};
    auto const each = at.items();
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
                for (auto i = first; i != last; ++i) gathered.push_back(static_cast<detail::item_of<Items&>>(each[i]));
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
