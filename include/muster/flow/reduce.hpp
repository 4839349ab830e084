#pragma once

#include <algorithm>     // min, max
#include <cstddef>       // size_t
#include <functional>    // invoke
#include <mutex>         // the first failure
#include <optional>      // blocks
#include <ranges>        // sized_range
#include <stop_token>    // stop_source
#include <utility>       // move
#include <vector>        // blocks

#include <muster/core/concepts.hpp>        // task_for, result_of
#include <muster/core/context.hpp>         // context
#include <muster/core/outcome.hpp>         // outcome
#include <muster/flow/detail/items.hpp>    // indexed, item_of, call_item_of, finish
#include <muster/flow/detail/run.hpp>      // plan_run, run_each

namespace muster {

/// Calls a task with each item and combines the answers into one.
///
/// Order      `combine(combine(start, a), b)` over the answers in the order of the range: equal to the sequential fold where
///            `combine` is associative and `start` its neutral element. The grouping depends on the number of items alone, so
///            that sums of floating point come out the same on every width.
/// Shape      `reduce(items, task, start, combine)`; `combine(T, T)` gives T, `start` is a T, answers convert to T.
/// Waits      until all items are combined, or one failed and those under way have ended.
/// Fails      with the failure of the lowest index among those seen; the others are asked to stop.
/// Threads    `task` and `combine` are called through `const&` from many threads.
/// Cost       a few ns an item.
struct reduce_verb {
    template <std::ranges::sized_range Items, class Task, class T, class Combine>
    outcome<T> operator()(Items&& items, Task const& task, T start, Combine const& combine, context const& parent = context{}) const;
};
inline constexpr reduce_verb reduce{};

// Implementation

template <std::ranges::sized_range Items, class Task, class T, class Combine>
outcome<T> reduce_verb::operator()(Items&& items, Task const& task, T start, Combine const& combine, context const& parent) const {
    using item = detail::item_of<Items>;
    static_assert(detail::is_task_for<Task, item>, "muster: reduce calls f(item) or f(item, context&) through const&");
    static_assert(std::is_invocable_r_v<T, Combine const&, T, T>, "muster: reduce combines as combine(T, T), through const&");
    using result = result_of<Task, item>;

    detail::indexed<std::remove_reference_t<Items>> const at{items};
    constexpr std::size_t most_blocks = 512;    // enough for balance on any machine, few enough to combine at the end
    auto const size = std::max<std::size_t>(1, (at.size() + most_blocks - 1) / most_blocks);
    auto const count = (at.size() + size - 1) / size;
    std::vector<std::optional<T>> blocks(count);

    std::mutex mutex;
    std::optional<failure> first;
    std::stop_source stop;
    auto const pass_on = [&stop] { stop.request_stop(); };
    std::stop_callback const stopped(parent.stop(), pass_on);
    auto const fail = [&](failure what) {
        std::lock_guard lock(mutex);
        // What was only cancelled by our own stop tells nothing.
        auto const ours = first && what.is(cause::cancelled) && !parent.stop().stop_requested();
        if (!ours && (!first || what.index() < first->index())) first = std::move(what);
        stop.request_stop();
    };

    auto const place = detail::placed<detail::is_on>(task);
    auto plan = detail::plan_run(place, count);
    plan.items = at.size();
    detail::run_each(place, plan, count, parent, [&](std::size_t b, context& cx) {
        auto const own_stop = cx.change_stop(stop.get_token());
        auto const fold = [&]() -> outcome<void> {
            std::optional<T> sum;
            for (auto i = b * size, last = std::min(at.size(), i + size); i != last; ++i) {
                auto answer = detail::call_item_of<result, item>(at, task, i, cx);
                if (!answer.has_value()) return std::move(answer).error();
                if (sum) sum = std::invoke(combine, std::move(*sum), static_cast<T>(std::move(*answer)));
                else sum = static_cast<T>(std::move(*answer));
            }
            blocks[b].emplace(std::move(*sum));
            return {};
        };
        auto block = guarded<outcome<void>>(fold);
        detail::finish(block, cx);    // where it was the combining that threw
        if (!block.has_value()) fail(std::move(block).error());
    });
    if (first) return std::move(*first);
    return guarded<outcome<T>>([&]() -> outcome<T> {
        for (auto& block : blocks) start = std::invoke(combine, std::move(start), std::move(*block));
        return std::move(start);
    });
}

}  // namespace muster
