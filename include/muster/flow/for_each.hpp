#pragma once

#include <cstddef>    // size_t
#include <ranges>     // input_range
#include <utility>    // move
#include <vector>     // failures

#include <muster/core/concepts.hpp>        // task_for, result_of
#include <muster/core/context.hpp>         // context
#include <muster/core/failure.hpp>         // failure
#include <muster/flow/detail/calls.hpp>    // call_items, failure_list
#include <muster/flow/detail/elsewhere.hpp>    // call_elsewhere
#include <muster/flow/detail/items.hpp>    // indexed, item_of
#include <muster/flow/detail/run.hpp>      // plan_run, run_chunks

namespace muster {

/// Calls a task with each item for what it does, not for what it answers.
///
/// Order      items start in the order of the range; `on` says how many run at once, without it one.
/// Shape      a range in, as `map` takes it; the failures out, sorted by index: empty means that all went well.
/// Waits      until every item is done or given up, as `map`.
/// Fails      never as a whole; what was not started because of a stop or a deadline is among the failures.
/// Throws     what reading a range throws that `map` reads beforehand.
/// Threads    any number of callers; the task is called through `const&` from many threads.
/// Cost       a few ns an item; that of a bare loop for a plain task, as in `map`.
struct for_each_verb {
    template <std::ranges::input_range Items, class Task>
    std::vector<failure> operator()(Items&& items, Task const& task, context const& parent = context{}) const;
};
inline constexpr for_each_verb for_each{};

// Implementation

template <std::ranges::input_range Items, class Task>
std::vector<failure> for_each_verb::operator()(Items&& items, Task const& task, context const& parent) const {
    using item = detail::item_of<Items>;
    static_assert(detail::is_task_for<Task, item>,
                  "muster: for_each calls f(item) or f(item, context&) through const&; for a mutable lambda's state use scratch{make}");
    detail::failure_list<failure> failures;
    if constexpr (task_for<Task, item>) {
        using result = result_of<Task, item>;
        detail::indexed<Items> at{items};
        auto const place = detail::placed<detail::is_on>(task);
        auto const plan = detail::plan_run(place, at.size());
        auto const drop = [](std::size_t, detail::answer_of<result>&&) noexcept {};
        auto const failed = [&](std::size_t, failure what) { return failures.add(std::move(what)), true; };
        auto const each = at.items();
        if constexpr (detail::is_elsewhere<std::remove_cv_t<decltype(place)>>) {
            if (!detail::runs_here(place, plan)) {
                detail::call_elsewhere<result, item>(each, at.size(), place, plan, task, parent, [](std::size_t, auto&&...) {}, failed);
                return std::move(failures).sorted();
            }
        }
        detail::run_chunks(detail::here(place), plan, at.size(), parent, [&](std::size_t first, std::size_t last, auto& chunk) {
            detail::call_items<result, item>(each, task, first, last, chunk, drop, failed);
        });
    }
    return std::move(failures).sorted();
}

}  // namespace muster
