#pragma once

#include <cstddef>       // size_t
#include <functional>    // invoke
#include <optional>      // sums
#include <ranges>        // input_range
#include <utility>       // move
#include <vector>        // sums

#include <muster/core/concepts.hpp>        // task_for, result_of
#include <muster/core/context.hpp>         // context
#include <muster/core/invoke_task.hpp>     // guarded
#include <muster/core/outcome.hpp>         // outcome
#include <muster/flow/detail/calls.hpp>    // call_items
#include <muster/flow/detail/fold.hpp>     // blocks, all_or_none
#include <muster/flow/detail/items.hpp>    // indexed, item_of
#include <muster/flow/detail/run.hpp>      // plan_run, run_chunks

namespace muster {

/// Calls a task with each item and combines the answers into one.
///
/// Order      `combine(combine(start, a), b)` over the answers in the order of the range: equal to the sequential fold where
///            `combine` is associative and `start` its neutral element. The grouping depends on the number of items alone, so
///            that sums of floating point come out the same on every width.
/// Shape      `reduce(items, task, start, combine)`; `combine(T, T)` gives T, `start` is a T, answers convert to T. A range in, as
///            `map` takes it.
/// Waits      until all items are combined, or one failed and those under way have ended.
/// Fails      with the failure of the lowest index among those seen; the others are asked to stop.
/// Throws     what reading a range throws that `map` reads beforehand.
/// Threads    `task` and `combine` are called through `const&` from many threads.
/// Cost       a few ns an item; for a plain task, as in `map`, and a `combine` that is noexcept, that of a bare loop.
struct reduce_verb {
    template <std::ranges::input_range Items, class Task, class T, class Combine>
    outcome<T> operator()(Items&& items, Task const& task, T start, Combine const& combine, context const& parent = context{}) const;
};
inline constexpr reduce_verb reduce{};

// Implementation

template <std::ranges::input_range Items, class Task, class T, class Combine>
outcome<T> reduce_verb::operator()(Items&& items, Task const& task, T start, Combine const& combine, context const& parent) const {
    using item = detail::item_of<Items>;
    static_assert(detail::is_task_for<Task, item>, "muster: reduce calls f(item) or f(item, context&) through const&");
    static_assert(std::is_invocable_r_v<T, Combine const&, T, T>, "muster: reduce combines as combine(T, T), through const&");
    using result = result_of<Task, item>;
    using begin = detail::begin_sum<T, detail::answer_of<result>>;
    using add = detail::add_to_sum<T, detail::answer_of<result>, Combine>;

    detail::indexed<Items> at{items};
    detail::blocks const parts{at.size()};
    std::vector<std::optional<T>> sums(parts.count());
    detail::all_or_none<typename result::error_type> all{parent, !detail::way_to_call<result, item, std::remove_reference_t<Items>, Task, add>::quiet};
    auto const failed = [&](std::size_t, failure what) { return all.add(std::move(what)), false; };

    auto const place = detail::placed<detail::is_on>(task);
    auto plan = detail::plan_run(place, parts.count());
    plan.items = at.size();
    auto const each = at.items();
    detail::run_chunks(place, plan, parts.count(), all.inside(), [&](std::size_t from, std::size_t to, auto& chunk) {
        for (auto block = from; block != to; ++block) {
            auto const first = parts.first(block), last = parts.last(block);
            std::optional<T> sum;
            if (!detail::call_items<result, item>(each, task, first, first + 1, chunk, begin{&sum}, failed)) return;
            if (!detail::call_items<result, item>(each, task, first + 1, last, chunk, add{&*sum, &combine}, failed)) return;
            auto kept = detail::use_answer(chunk, last - 1, [&]() noexcept(std::is_nothrow_move_constructible_v<T>) {
                sums[block].emplace(std::move(*sum));
            });
            if (!kept.has_value()) return all.add(std::move(kept).error());
        }
    });
    if (all.lowest()) return std::move(*all.lowest());
    return guarded<outcome<T>>([&]() -> outcome<T> {
        for (auto& sum : sums) start = std::invoke(combine, std::move(start), std::move(*sum));
        return std::move(start);
    });
}

}  // namespace muster
