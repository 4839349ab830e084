#pragma once

#include <atomic>         // counts
#include <cstddef>        // size_t
#include <functional>     // identity
#include <ranges>         // input_range
#include <type_traits>    // invoke_result
#include <utility>        // forward, move
#include <vector>         // failures

#include <muster/core/concepts.hpp>            // task_for, result_of
#include <muster/core/context.hpp>             // context
#include <muster/core/failure.hpp>             // failure
#include <muster/core/invoke_task.hpp>         // invoke_task
#include <muster/policy/cached.hpp>            // cached
#include <muster/flow/detail/calls.hpp>        // call_items, failure_list
#include <muster/flow/detail/items.hpp>        // indexed, item_of
#include <muster/flow/detail/run.hpp>          // plan_run, run_chunks

namespace muster {

/// What became of the items of `warm`: each of them is one of the three.
struct warm_result {
    std::size_t computed = 0;         ///< whose answer was made, and given to the cache: what has no room there is not there
    std::size_t there = 0;            ///< whose answer was in the cache, or was made meanwhile by somebody else
    std::vector<failure> failures;    ///< of the others, sorted by index; empty means that all went well

    [[nodiscard]] std::size_t failed() const noexcept { return failures.size(); }
};

/// Fills a cache: calls a task with each item whose answer is not there, and keeps the answers.
///
///     auto const done = warm(known, urls, on{pool, 16} | retry{} | download);
///     auto const more = warm(cached{known, &request::url, {.fresh_for = 10min}}, requests, on{pool} | download);
///
/// Order      items start in the order of the range; `on` says how many run at once, without it one.
/// Shape      a range in, as `map` takes it, and a cache whose keys the items are; or `cached` of one, where the key is made from the
///            item, or the cache holds `remembered` answers. Counts and failures out; the answers are in the cache.
/// Waits      until every item is there, failed or given up; for an item that somebody else computes, until he has.
/// Fails      never as a whole; what was not started because of a stop or a deadline is among the failures. A failure that the cache
///            remembers is a failure of its item.
/// Throws     what reading a range throws that `map` reads beforehand.
/// Threads    any number of callers, also on one cache: of items with the same key one is computed.
/// Lifetime   as `map`; where `cached` names an executor to renew answers on, that is done when it is done: such an item is there.
/// Cost       a look into the cache and a few ns an item.
struct warm_verb {
    template <class C, std::ranges::input_range Items, class Task>
    warm_result operator()(C& in, Items&& items, Task const& task, context const& parent = context{}) const;

    template <class C, class Key, class How, std::ranges::input_range Items, class Task>
    warm_result operator()(cached<C, Key, How> const& by, Items&& items, Task const& task, context const& parent = context{}) const;
};
inline constexpr warm_verb warm{};

// Implementation

namespace detail {

/// A task as the rest of a chain.
template <class Task>
struct warm_call {
    Task task;
    template <class Item>
    auto operator()(context& cx, Item&& item) const -> result_of<Task, Item> {
        return invoke_task(task, cx, std::forward<Item>(item));
    }
};

/// The same, which says whether it answered.
template <class Task>
struct told_warm_call {
    Task const& task;
    bool& answered;
    template <class Item>
    auto operator()(context& cx, Item&& item) const -> result_of<Task, Item> {
        auto answer = invoke_task(task, cx, std::forward<Item>(item));
        answered = answer.has_value();
        return answer;
    }
    [[nodiscard]] auto owned() const { return warm_call<Task>{task}; }    // what goes on later tells nobody
};

template <class T>
inline constexpr bool is_cached = false;
template <class C, class Key, class How>
inline constexpr bool is_cached<cached<C, Key, How>> = true;

}  // namespace detail

template <class C, std::ranges::input_range Items, class Task>
warm_result warm_verb::operator()(C& in, Items&& items, Task const& task, context const& parent) const {
    if constexpr (detail::is_cached<C>) {    // one that has a name
        return (*this)(std::as_const(in), std::forward<Items>(items), task, parent);
    } else {
        constexpr bool ages = requires { requires detail::is_remembered<typename C::value_type>; };
        static_assert(!ages, "muster: answers that age need options: write warm(cached{cache, {.fresh_for = 10min}}, items, task)");
        if constexpr (ages) return {};
        else return (*this)(cached{in}, std::forward<Items>(items), task, parent);
    }
}

template <class C, class Key, class How, std::ranges::input_range Items, class Task>
warm_result warm_verb::operator()(cached<C, Key, How> const& by, Items&& items, Task const& task, context const& parent) const {
    using item = detail::item_of<Items>;
    constexpr bool callable = task_for<Task, item>;
    static_assert(callable,
                  "muster: warm calls f(item) or f(item, context&) through const&; for a mutable lambda's state use scratch{make}");
    constexpr bool has_key = requires(Key const& key_of, std::remove_cvref_t<item> const& one) {
        { std::invoke(key_of, one) } -> std::convertible_to<typename C::key_type>;
    };
    static_assert(has_key, "muster: these items are no keys of the cache: write warm(cached{cache, key_of}, items, task)");
    if constexpr (!callable || !has_key) {
        return {};
    } else {
        std::atomic<std::size_t> computed{0}, there{0};
        detail::failure_list<failure> failures;
        detail::indexed<Items> at{items};
        auto const place = detail::placed<detail::is_on>(task);
        auto const plan = detail::plan_run(place, at.size());
        auto const one = [&](item each, context& cx) -> outcome<bool> {
            bool answered = false;
            auto const answer = by.around(detail::told_warm_call<Task>{task, answered}, cx, static_cast<item>(each));
            if (!answer.has_value()) return answer.error();
            return answered;
        };
        auto const count = [&](std::size_t, bool&& answered) noexcept {
            (answered ? computed : there).fetch_add(1, std::memory_order_relaxed);    // relaxed: read when all threads are joined
        };
        auto const failed = [&](std::size_t, failure what) { return failures.add(std::move(what)), true; };
        auto const each = at.items();
        detail::run_chunks(place, plan, at.size(), parent, [&](std::size_t first, std::size_t last, auto& chunk) {
            detail::call_items<outcome<bool>, item>(each, one, first, last, chunk, count, failed);
        });
        return {computed.load(), there.load(), std::move(failures).sorted()};
    }
}

}  // namespace muster
