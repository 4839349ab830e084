#pragma once

#include <algorithm>    // sort
#include <cstddef>      // size_t
#include <mutex>        // failures
#include <ranges>       // sized_range
#include <vector>       // failures

#include <muster/core/concepts.hpp>        // task_for, result_of
#include <muster/core/context.hpp>         // context
#include <muster/core/failure.hpp>         // failure
#include <muster/flow/detail/items.hpp>    // indexed, item_of, call_item_of
#include <muster/flow/detail/run.hpp>      // plan_run, run_each

namespace muster {

/// Calls a task with each item for what it does, not for what it answers.
///
/// Order      items start in the order of the range; `on` says how many run at once, without it one.
/// Shape      a sized range in; the failures out, sorted by index: empty means that all went well.
/// Waits      until every item is done or given up, as `map`.
/// Fails      never as a whole; what was not started because of a stop or a deadline is among the failures.
/// Threads    any number of callers; the task is called through `const&` from many threads.
/// Cost       a few ns an item.
struct for_each_verb {
    template <std::ranges::sized_range Items, class Task>
    std::vector<failure> operator()(Items&& items, Task const& task, context const& parent = context{}) const;
};
inline constexpr for_each_verb for_each{};

// Implementation

template <std::ranges::sized_range Items, class Task>
std::vector<failure> for_each_verb::operator()(Items&& items, Task const& task, context const& parent) const {
    using item = detail::item_of<Items>;
    static_assert(detail::is_task_for<Task, item>,
                  "muster: for_each calls f(item) or f(item, context&) through const&; for a mutable lambda's state use scratch{make}");
    std::vector<failure> failures;
    if constexpr (task_for<Task, item>) {
        using result = result_of<Task, item>;
        std::mutex mutex;
        detail::indexed<std::remove_reference_t<Items>> const at{items};
        auto const place = detail::placed<detail::is_on>(task);
        auto const plan = detail::plan_run(place, at.size());
        detail::run_each(place, plan, at.size(), parent, [&](std::size_t i, context& cx) {
            auto answer = detail::call_item_of<result, item>(at, task, i, cx);
            if (answer.has_value()) [[likely]] return;
            std::lock_guard lock(mutex);
            failures.push_back(std::move(answer).error());
        });
        std::sort(failures.begin(), failures.end(), [](failure const& a, failure const& b) { return a.index() < b.index(); });
    }
    return failures;
}

}  // namespace muster
