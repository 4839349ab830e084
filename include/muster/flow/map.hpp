#pragma once

#include <algorithm>      // min
#include <chrono>         // what a call takes
#include <cstddef>        // size_t
#include <memory>         // construct_at
#include <mutex>          // sizes of batches
#include <ranges>         // input_range
#include <span>           // batches
#include <type_traits>    // is_assignable
#include <utility>        // exchange, move
#include <vector>         // results

#include <muster/core/concepts.hpp>        // task_for, result_of
#include <muster/core/context.hpp>         // context
#include <muster/core/invoke_task.hpp>     // invoke_task, guarded
#include <muster/core/outcome.hpp>         // outcome
#include <muster/flow/detail/batch.hpp>    // element_of, in_shape
#include <muster/flow/detail/batch_search.hpp>    // batch_search
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
    if constexpr (!in_shape) {
        return detail::refused{};
    } else {
        detail::indexed<Items&> at{items};
        auto const each = at.items();
        auto const n = at.size();
        auto const& how = *detail::placed<detail::is_batched>(task);
        std::vector<result> results(n);
        // Calls with the items from `first` on, up to `last` or as many as hold so many bytes, which it says.
        auto const ask = [&](std::size_t first, std::size_t& last, context& cx) -> whole {
            auto const until = std::exchange(last, first);
            std::size_t bytes = 0;
            auto const full = [&](value const& item) { return how.bytes != 0 && (bytes += detail::bytes_of(item)) >= how.bytes; };
            if constexpr (std::ranges::contiguous_range<Items>) {
                auto const* const from = std::ranges::data(items);
                if (how.bytes == 0) last = until;
                while (last != until && !full(from[last++])) {}
                return invoke_task(task, cx, batch{from + first, last - first});
            } else {
                return guarded<whole>([&]() -> whole {
                    detail::gathered<value> together;
                    together.reserve(until - first);
                    while (last != until) {
                        together.push(static_cast<detail::item_of<Items&>>(each[last++]));
                        if (full(together[together.size() - 1])) break;
                    }
                    return invoke_task(task, cx, together.together());
                });
            }
        };
        // Calls with the items [first, last), and says whether that went well at once.
        auto const call = [&](std::size_t first, std::size_t const last, context& cx) {
            bool well = true;
            for (auto until = last; first != last; first = std::exchange(until, last)) {
                cx.no_item();
                auto const runs = !cx.stop_requested();
                auto answer = runs ? detail::in_shape(ask(first, until, cx), until - first) : whole{cx.interruption()};
                well = well && answer.has_value() && until == last;
                for (auto i = first; i != until; ++i) {
                    cx.item(i);
                    auto const tried = cx.change_attempt(runs ? 1 : 0);
                    detail::put(results[i], cx, [&]() -> result {
                        return answer.has_value() ? std::move((*answer)[i - first]) : result{answer.error()};
                    });
                    if (results[i].has_value()) continue;
                    if (runs) detail::finish_in_batch(task, results[i].error(), cx);
                    else detail::finish(results[i], cx);
                }
            }
            return well;
        };
        auto const place = detail::placed<detail::is_on>(task);
        if (how.size == batched::automatic) {
            auto const plan = detail::plan_run(place, n);
            std::mutex mutex;
            detail::batch_search search{detail::most_in_batch(task)};
            std::size_t next = 0;
            detail::run_each(place, plan, plan.width, parent, [&](std::size_t, context& cx) {
                for (;;) {
                    std::size_t first = 0, size = 0, wanted = 0;
                    {
                        std::lock_guard lock(mutex);
                        wanted = search.size();
                        size = std::min(wanted, (n - next + plan.width - 1) / plan.width);    // near the end there is something for everybody
                        first = std::exchange(next, next + size);
                    }
                    if (size == 0) return;
                    auto const began = cx.now();
                    if (!call(first, first + size, cx)) continue;
                    auto const took = std::chrono::duration<double>(cx.now() - began).count();
                    std::lock_guard lock(mutex);
                    search.ended(wanted, size, took);
                }
            });
        } else {
            auto const size = how.size;
            auto const count = n / size + (n % size != 0);
            auto const plan = detail::plan_run(place, count);
            detail::run_each(place, plan, count, parent, [&](std::size_t b, context& cx) {
                auto const first = b * size;
                call(first, first + std::min(size, n - first), cx);
            });
        }
        return results;
    }
}

}  // namespace muster
