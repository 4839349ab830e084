#pragma once

#include <cstddef>        // size_t
#include <functional>     // invoke
#include <optional>       // sums
#include <ranges>         // input_range
#include <type_traits>    // is_invocable_r
#include <utility>        // as_const, exchange
#include <vector>         // prefixes

#include <muster/core/concepts.hpp>        // task_for, result_of
#include <muster/core/context.hpp>         // context
#include <muster/core/invoke_task.hpp>     // guarded
#include <muster/core/outcome.hpp>         // outcome
#include <muster/flow/detail/calls.hpp>    // call_items, call_plainly
#include <muster/flow/detail/fold.hpp>     // blocks, all_or_none
#include <muster/flow/detail/items.hpp>    // indexed, item_of
#include <muster/flow/detail/run.hpp>      // plan_run, run_chunks
#include <muster/flow/into.hpp>            // into

namespace muster {

/// Calls a task with each item and combines each answer with all those before it: the running sums of a range.
///
/// Order      as `reduce`, and grouped like it, by the number of items alone: the last prefix is what `reduce` answers, and
///            prefixes of floating point come out the same on every width.
/// Shape      `scan(items, task, start, combine)`: `outcome<std::vector<T>>`, as many as items; the prefix of an item includes its
///            own answer. `scan.exclusive(...)` leaves it out: the first prefix is `start`. With `into{span}` last the
///            prefixes are written there, in the span's type, and the answer is the sum of all. `combine(T, T)` gives T and leaves
///            a T const& alone; a T can be copied. A range in, as `map` takes it.
/// Waits      until all prefixes are there, or an item failed and those under way have ended.
/// Fails      with the failure of the lowest index among those seen; the others are asked to stop. What is in the span is then
///            unspecified.
/// Throws     as `map`.
/// Threads    `task` and `combine` are called through `const&` from many threads.
/// Cost       two combinations an item, in two passes over its block.
struct scan_verb {
    template <std::ranges::input_range Items, class Task, class T, class Combine>
    outcome<std::vector<T>> operator()(Items&& items, Task const& task, T start, Combine const& combine,
                                       context const& parent = context{}) const;
    template <std::ranges::input_range Items, class Task, class T, class Combine>
    outcome<T> operator()(Items&& items, Task const& task, std::type_identity_t<T> start, Combine const& combine, into<T> where,
                          context const& parent = context{}) const;

    template <std::ranges::input_range Items, class Task, class T, class Combine>
    outcome<std::vector<T>> exclusive(Items&& items, Task const& task, T start, Combine const& combine,
                                      context const& parent = context{}) const;
    template <std::ranges::input_range Items, class Task, class T, class Combine>
    outcome<T> exclusive(Items&& items, Task const& task, std::type_identity_t<T> start, Combine const& combine, into<T> where,
                         context const& parent = context{}) const;
};
inline constexpr scan_verb scan{};

// Implementation

namespace detail {

// Each block is summed up by itself; then what comes before the block is combined with each of its prefixes. One after another, a
// block gets both passes while it is in the cache; at once, all blocks have had the first before one gets the second.
template <bool Exclusive, class Items, class Task, class T, class Combine>
outcome<T> scan_to(T* out, indexed<Items>& at, Task const& task, T total, Combine const& combine, context const& parent) {
    using item = item_of<Items>;
    static_assert(is_task_for<Task, item>, "muster: scan calls f(item) or f(item, context&) through const&");
    static_assert(std::is_copy_constructible_v<T> && std::is_copy_assignable_v<T>,
                  "muster: scan copies its sums: what it combines must be copyable");
    static_assert(std::is_invocable_r_v<T, Combine const&, T const&, T>, "muster: scan combines as combine(T, T), through const&");
    using result = result_of<Task, item>;
    using value = answer_of<result>;
    using add = add_to_sum<T, value, Combine>;
    constexpr bool combines_quietly = std::is_nothrow_invocable_r_v<T, Combine const&, T const&, T> &&
                                      std::is_nothrow_copy_constructible_v<T> && std::is_nothrow_copy_assignable_v<T>;
    constexpr bool sums_quietly = add::quiet && combines_quietly;

    blocks const parts{at.size()};
    std::vector<std::optional<T>> sums(parts.count());    // of each block; in the end, of all before it
    all_or_none<typename result::error_type> all{parent, !sums_quietly || !way_to_call<result, item, std::remove_reference_t<Items>, Task, add>::quiet};
    auto const failed = [&](std::size_t, failure what) { return all.add(std::move(what)), false; };

    auto const each = at.items();
    auto const sum_up = [&](std::size_t block, auto& chunk) {
        auto const first = parts.first(block), last = parts.last(block);
        std::optional<T> sum;
        auto const begin = [&](std::size_t i, value&& answer) noexcept(sums_quietly) {
            begin_sum<T, value>{&sum}(i, std::move(answer));
            if constexpr (!Exclusive) out[i] = *sum;
        };
        if (!call_items<result, item>(each, task, first, first + 1, chunk, begin, failed)) return false;
        auto const go_on = [next = add{&*sum, &combine}, out](std::size_t i, value&& answer) noexcept(sums_quietly) {
            if constexpr (Exclusive) out[i] = *next.sum;
            next(i, std::move(answer));
            if constexpr (!Exclusive) out[i] = *next.sum;
        };
        if (!call_items<result, item>(each, task, first + 1, last, chunk, go_on, failed)) return false;
        auto kept = use_answer(chunk, last - 1, [&]() noexcept(combines_quietly) { sums[block] = std::move(*sum); });
        return kept.has_value() || failed(last - 1, std::move(kept).error());
    };
    auto const step_over = [&](std::optional<T>& block) noexcept(combines_quietly) {
        T next = std::invoke(combine, std::as_const(total), std::move(*block));
        *block = std::exchange(total, std::move(next));
    };
    auto const combine_with_before = [&](std::size_t block, auto& chunk) {
        auto first = parts.first(block);
        auto const last = parts.last(block);
        std::conditional_t<std::is_trivially_copyable_v<T>, T const, T const&> before = *sums[block];
        if constexpr (Exclusive) {
            auto set = use_answer(chunk, first, [&]() noexcept(combines_quietly) { out[first] = before; });
            if (!set.has_value()) return failed(first, std::move(set).error());
            ++first;
        }
        auto const combined = [&](std::size_t i) noexcept(combines_quietly) -> T {
            return std::invoke(combine, std::as_const(before), std::move(out[i]));
        };
        auto const threw = [&](std::size_t i, failure what) {
            chunk.get().item(i);
            finish(what, chunk.get());
            return failed(i, std::move(what));
        };
        auto const refused = [&](std::size_t i) { return threw(i, chunk.get().interruption()); };
        return call_plainly(first, last, chunk.steps(), combined, write_to<T, T>{out}, threw, refused);
    };

    auto const place = placed<is_on>(task);
    auto plan = plan_run(place, parts.count());
    plan.items = at.size();
    run_chunks(place, plan, parts.count(), all.inside(), [&](std::size_t from, std::size_t to, auto& chunk) {
        for (auto block = from; block != to; ++block) {
            if (!sum_up(block, chunk)) return;
            if (plan.parallel()) continue;
            auto stepped = use_answer(chunk, parts.last(block) - 1, [&]() noexcept(combines_quietly) { step_over(sums[block]); });
            if (!stepped.has_value()) return all.add(std::move(stepped).error());
            if (!combine_with_before(block, chunk)) return;
        }
    });
    return guarded<outcome<T>>([&]() -> outcome<T> {
        if (plan.parallel() && !all.lowest()) {
            for (auto& block : sums) step_over(block);
            run_chunks(place, plan, parts.count(), all.inside(), [&](std::size_t from, std::size_t to, auto& chunk) {
                for (auto block = from; block != to; ++block)
                    if (!combine_with_before(block, chunk)) return;
            });
        }
        if (all.lowest()) return std::move(*all.lowest());
        return std::move(total);
    });
}

template <bool Exclusive, class Items, class Task, class T, class Combine>
outcome<std::vector<T>> scanned(Items& items, Task const& task, T start, Combine const& combine, context const& parent) {
    constexpr bool is_bool = std::is_same_v<T, bool>;
    static_assert(!is_bool,
                  "muster: threads cannot write to a vector<bool>: scan with a start of type char, or into a span of bool");
    if constexpr (is_bool) {
        return failure{};
    } else {
        indexed<Items> at{items};
        auto out = [&] {
            if constexpr (std::is_default_constructible_v<T>) return std::vector<T>(at.size());
            else return std::vector<T>(at.size(), start);
        }();
        auto total = scan_to<Exclusive>(out.data(), at, task, std::move(start), combine, parent);
        if (!total.has_value()) return std::move(total).error();
        return out;
    }
}

template <bool Exclusive, class Items, class Task, class T, class Combine>
outcome<T> scanned_into(Items& items, Task const& task, T start, Combine const& combine, into<T> where, context const& parent) {
    indexed<Items> at{items};
    check_room(where, at.size());
    return scan_to<Exclusive>(where.out.data(), at, task, std::move(start), combine, parent);
}

}  // namespace detail

template <std::ranges::input_range Items, class Task, class T, class Combine>
outcome<std::vector<T>> scan_verb::operator()(Items&& items, Task const& task, T start, Combine const& combine,
                                              context const& parent) const {
    return detail::scanned<false, Items>(items, task, std::move(start), combine, parent);
}

template <std::ranges::input_range Items, class Task, class T, class Combine>
outcome<T> scan_verb::operator()(Items&& items, Task const& task, std::type_identity_t<T> start, Combine const& combine,
                                 into<T> where, context const& parent) const {
    return detail::scanned_into<false, Items>(items, task, std::move(start), combine, where, parent);
}

template <std::ranges::input_range Items, class Task, class T, class Combine>
outcome<std::vector<T>> scan_verb::exclusive(Items&& items, Task const& task, T start, Combine const& combine,
                                             context const& parent) const {
    return detail::scanned<true, Items>(items, task, std::move(start), combine, parent);
}

template <std::ranges::input_range Items, class Task, class T, class Combine>
outcome<T> scan_verb::exclusive(Items&& items, Task const& task, std::type_identity_t<T> start, Combine const& combine,
                                into<T> where, context const& parent) const {
    return detail::scanned_into<true, Items>(items, task, std::move(start), combine, where, parent);
}

}  // namespace muster
