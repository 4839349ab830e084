#pragma once

#include <algorithm>      // min
#include <concepts>       // same_as
#include <cstddef>        // size_t
#include <memory>         // unique_ptr
#include <ranges>         // contiguous_range
#include <span>           // batches
#include <string>         // numbers in a text
#include <type_traits>    // is_null_pointer
#include <utility>        // forward, move
#include <vector>         // answers

#include <muster/core/concepts.hpp>    // task_for, result_of
#include <muster/core/context.hpp>     // context
#include <muster/core/failure.hpp>     // failure
#include <muster/core/outcome.hpp>     // outcome
#include <muster/core/settings.hpp>    // largest_batch, settings
#include <muster/policy/batched.hpp>   // batched
#include <muster/flow/detail/calls.hpp>    // finish, is_named
#include <muster/flow/detail/run.hpp>      // placed

// What is right of `batched`: how it is called, and what it answers.

namespace muster::detail {

template <class T>
struct element { using type = T; };
template <class T>
struct element<std::vector<T>> { using type = T; };
template <class T>
using element_of = typename element<T>::type;

/// The outcome of one item; no outcome where the task does not answer `std::vector<outcome<R>>`.
template <class Task, class Value>
using result_in_batch = element_of<typename result_of<Task, std::span<Value const>>::value_type>;
template <class Task, class Value>
concept batch_task_for = task_for<Task, std::span<Value const>> && is_outcome<result_in_batch<Task, Value>>;

/// An answer with as many results as there were items, or the failure that says that it has not.
template <class Whole>
Whole in_shape(Whole answer, std::size_t items) {
    if (!answer.has_value() || answer->size() == items) return answer;
    return failure{cause::wrong_shape, "the task answered " + std::to_string(answer->size()) + " results for a batch of " + std::to_string(items) + " items"};
}

/// Completes the failure of one item of a batch: what the task says of it bears the name of the stage, as what it says of all does.
template <class Task>
void finish_in_batch(Task const& task, failure& what, context& cx) {
    if constexpr (bare<Task>::has_name) {
        auto const inside = placed<is_named>(task)->enter(cx);
        cx.stamp(what);
    }
    finish(what, cx);
}

/// How many items a batch of this task may have at the most.
template <class Task>
std::size_t most_in_batch(Task const& task) {
    auto const& how = *placed<is_batched>(task);
    if (how.size != batched::automatic) return std::min(how.size, largest_batch);
    if (how.most != 0) return std::min(how.most, largest_batch);
    if constexpr (!std::is_null_pointer_v<decltype(placed<is_on>(task))>)
        if (auto const* switches = placed<is_on>(task)->switches()) return switches->snapshot().batch_size;
    return settings{}.snapshot().batch_size;
}

/// What `batched::bytes` counts of an item: what a string, a vector or a span holds; of anything else its own size.
template <class Value>
std::size_t bytes_of(Value const& item) noexcept {
    if constexpr (std::ranges::contiguous_range<Value const&> && std::ranges::sized_range<Value const&>)
        return static_cast<std::size_t>(std::ranges::size(item)) * sizeof(std::ranges::range_value_t<Value const&>);
    else return sizeof(Value);
}

/// Items side by side, which a vector of bool would not have.
template <class T>
class gathered {
public:
    void reserve(std::size_t items) { all_.reserve(items); }
    template <class Item>
    void push(Item&& item) { all_.emplace_back(std::forward<Item>(item)); }
    [[nodiscard]] std::size_t size() const noexcept { return all_.size(); }
    [[nodiscard]] T const& operator[](std::size_t i) const noexcept { return all_[i]; }
    [[nodiscard]] std::span<T const> together() const noexcept { return all_; }

private:
    std::vector<T> all_;
};
template <class T>
    requires std::same_as<T, bool>    // no full specialization, which every program would pay for
class gathered<T> {
public:
    void reserve(std::size_t items) { all_ = std::make_unique<T[]>(items); }    // once, before the first
    void push(T item) { all_[size_++] = item; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] T const& operator[](std::size_t i) const noexcept { return all_[i]; }
    [[nodiscard]] std::span<T const> together() const noexcept { return {all_.get(), size_}; }

private:
    std::unique_ptr<T[]> all_;
    std::size_t size_ = 0;
};

}  // namespace muster::detail
