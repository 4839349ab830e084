#pragma once

#include <algorithm>      // pop_heap, push_heap
#include <chrono>         // nanoseconds
#include <concepts>       // integral, invocable
#include <cstddef>        // size_t
#include <cstdint>        // int64_t
#include <functional>     // identity, invoke
#include <optional>       // pop
#include <stdexcept>      // invalid_argument
#include <string>         // describe
#include <type_traits>    // remove_cvref
#include <utility>        // move
#include <vector>         // heap

#include <muster/core/concepts.hpp>             // discipline_tag, place_tag
#include <muster/core/stage.hpp>                // operator|
#include <muster/core/waiter.hpp>               // instant
#include <muster/flow/detail/event_time.hpp>    // wide_ticks
#include <muster/flow/detail/seen_by.hpp>       // seen_by

namespace muster {

/// How long waiting makes up for one step of priority.
///
/// Units      `age` in items that went before, `wait` in time; where `wait` is more than 0s, it counts and `age` does not.
struct by_priority_options {
    std::uint64_t age = 64;              ///< 64: as many as wait in a buffer; 0: never, strictly by priority
    std::chrono::nanoseconds wait{0};    ///< 0s: by items that went before
};

namespace detail {

// What waits grows older all alike, so who is first among two never changes: their rank is known when they come.
template <class Item, class PriorityOf>
class aged_queue {
    struct waiting {
        wide_ticks rank;
        std::uint64_t number;    // in the order in which they came
        Item item;
        // For a heap with the first one on top.
        friend bool operator<(waiting const& a, waiting const& b) noexcept {
            return a.rank != b.rank ? b.rank < a.rank : b.number < a.number;
        }
    };

public:
    aged_queue(PriorityOf priority_of, by_priority_options options, std::size_t most)
        : priority_of_(std::move(priority_of)), options_(options), most_(most) {}

    bool push(Item&& item, instant now = {}) {
        if (heap_.size() >= most_) return false;
        auto const priority = std::invoke(priority_of_, std::as_const(item));
        static_assert(std::integral<std::remove_cvref_t<decltype(priority)>>, "muster: a priority is a whole number");
        auto const by_time = options_.wait.count() != 0;
        auto const step = by_time ? static_cast<wide_ticks>(options_.wait.count()) : static_cast<wide_ticks>(options_.age);
        auto const came = by_time ? static_cast<wide_ticks>(now.time_since_epoch().count()) : static_cast<wide_ticks>(gone_);
        auto const rank = (step == 0 ? 0 : came) - static_cast<wide_ticks>(priority) * (step == 0 ? 1 : step);
        heap_.push_back({rank, next_, std::move(item)});
        ++next_;
        std::push_heap(heap_.begin(), heap_.end());
        return true;
    }

    std::optional<Item> pop() {
        if (heap_.empty()) return std::nullopt;
        std::pop_heap(heap_.begin(), heap_.end());
        std::optional<Item> first{std::move(heap_.back().item)};
        heap_.pop_back();
        ++gone_;
        return first;
    }

    [[nodiscard]] std::size_t size() const noexcept { return heap_.size(); }

private:
    [[no_unique_address]] PriorityOf priority_of_;
    by_priority_options options_;
    std::size_t most_;
    std::uint64_t next_ = 0, gone_ = 0;
    std::vector<waiting> heap_;
};

}  // namespace detail

/// Says who of those that wait is next: the highest priority, which grows with waiting, so that what is low is late but not never.
///
///     on{pool} | buffer{256} | by_priority{&job::urgency} | work
///     by_priority{&job::urgency, {.wait = 5s}}    // who has waited 5 s longer goes before one step more
///
/// Order      a place of a stream, first in the chain. By priority plus age, then as they came: an item goes before one that is k steps
///            higher as soon as k * age more items have gone, or k * wait more time, since it came than since the other did. Never later,
///            whatever comes behind it.
/// Shape      a discipline: `make_queue<Item>(most, seen)`; no more than `most` wait, whatever their priorities. `priority_of(item)` gives
///            a whole number; higher goes first. For `wait`, `push(item, now)` is told the time.
/// Fails      in a stream: an item whose priority_of throws, in the stage that it waited for: threw.
/// Throws     std::invalid_argument for a `wait` below 0s or an `age` of 2^63 or more. `push`: what priority_of throws; the item is then
///            not taken.
/// Cost       logarithmic in those that wait.
template <class PriorityOf>
class by_priority {
public:
    using discipline_concept = discipline_tag;
    using policy_concept = place_tag;

    explicit constexpr by_priority(PriorityOf priority_of, by_priority_options options = {})
        : priority_of_(std::move(priority_of)), options_(options) {
        if (options_.age > INT64_MAX) throw std::invalid_argument{"muster: by_priority: age is less than 2^63"};
        if (options_.wait < std::chrono::nanoseconds{0}) throw std::invalid_argument{"muster: by_priority: wait is 0s or more"};
    }

    template <class Item, class Seen = std::identity>
        requires std::invocable<detail::seen_by<PriorityOf, Seen> const&, Item const&>
    [[nodiscard]] auto make_queue(std::size_t most, Seen seen = {}) const {
        return detail::aged_queue<Item, detail::seen_by<PriorityOf, Seen>>{{priority_of_, std::move(seen)}, options_, most};
    }

    [[nodiscard]] std::string describe() const { return "by_priority"; }

private:
    [[no_unique_address]] PriorityOf priority_of_;
    by_priority_options options_;
};

}  // namespace muster
