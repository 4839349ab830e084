#pragma once

#include <concepts>         // integral
#include <cstddef>          // size_t
#include <cstdint>          // uint64_t
#include <functional>       // identity, invoke
#include <iterator>         // prev
#include <list>             // items of a key, keys in their turns
#include <optional>         // pop
#include <stdexcept>        // invalid_argument
#include <string>           // texts
#include <type_traits>      // remove_cvref
#include <unordered_map>    // keys
#include <utility>          // move

#include <muster/core/concepts.hpp>           // discipline_tag, place_tag
#include <muster/core/stage.hpp>              // operator|
#include <muster/core/waiter.hpp>             // instant
#include <muster/flow/detail/key_hash.hpp>    // key_hash
#include <muster/flow/detail/seen_by.hpp>     // seen_by

namespace muster {

namespace detail {

struct same_weight {
    template <class Key>
    constexpr unsigned operator()(Key const&) const noexcept { return 1; }
};

template <class Item, class KeyOf, class WeightOf>
class fair_queue {
    using key_type = key_of_item<KeyOf, Item>;
    struct line {    // those of one key
        key_type key;
        std::uint64_t weight;
        std::uint64_t left = 0;    // of its turn
        std::list<Item> items{};
    };

public:
    fair_queue(KeyOf key_of, WeightOf weight_of, std::size_t most)
        : key_of_(std::move(key_of)), weight_of_(std::move(weight_of)), most_(most) {}
    fair_queue(fair_queue&&) noexcept = default;    // the places of lines stay where they are
    fair_queue& operator=(fair_queue&&) noexcept = default;
    ~fair_queue() = default;

    bool push(Item&& item, instant = {}) {
        key_type key = std::invoke(key_of_, std::as_const(item));
        auto at = by_key_.find(key);
        auto const there = at == by_key_.end() ? 0 : at->second->items.size();
        if (there >= most_ - size_) return false;
        if (at == by_key_.end()) {
            lines_.push_back(line{key, weight(key)});
            struct undo {
                std::list<line>* from;
                ~undo() {
                    if (from) from->pop_back();
                }
            } back{&lines_};
            at = by_key_.emplace(std::move(key), std::prev(lines_.end())).first;
            back.from = nullptr;
        }
        at->second->items.push_back(std::move(item));
        ++size_;
        return true;
    }

    std::optional<Item> pop() {
        while (!lines_.empty()) {
            auto& first = lines_.front();
            if (first.items.empty()) {    // its turn is over with its last item; or there was no memory for its first
                by_key_.erase(first.key);
                lines_.pop_front();
                continue;
            }
            if (first.left == 0) first.left = first.weight;
            std::optional<Item> next{std::move(first.items.front())};
            first.items.pop_front();
            --size_;
            if (--first.left == 0 && !first.items.empty()) lines_.splice(lines_.end(), lines_, lines_.begin());
            else if (first.items.empty()) by_key_.erase(first.key), lines_.pop_front();
            return next;
        }
        return std::nullopt;
    }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
    [[nodiscard]] std::uint64_t weight(key_type const& key) const {
        auto const asked = std::invoke(weight_of_, key);
        static_assert(std::integral<std::remove_cvref_t<decltype(asked)>>, "muster: a weight is a whole number, 1 to 1,000,000");
        if (asked < 1 || static_cast<std::uint64_t>(asked) > 1'000'000)
            throw std::invalid_argument{"muster: fair: a weight is 1 to 1,000,000, not " + std::to_string(asked)};
        return static_cast<std::uint64_t>(asked);
    }

    [[no_unique_address]] KeyOf key_of_;
    [[no_unique_address]] WeightOf weight_of_;
    std::size_t most_;
    std::size_t size_ = 0;
    std::list<line> lines_;    // the one whose turn it is first
    std::unordered_map<key_type, typename std::list<line>::iterator, key_hash<key_type>> by_key_;
};

}  // namespace detail

/// Says who of those that wait is next: keys take turns, however many items each has, and get shares by their weights.
///
///     on{pool} | buffer{1'000} | fair{&request::tenant} | answer
///     fair{&request::tenant, [&](std::string const& tenant) { return plan_of(tenant).weight; }}
///
/// In front of a stage of a stream shares are those of who waits there: where one key alone fills the buffer, what feeds it waits, and
/// the others behind it in the source with it. `drop_newest{}` beside it drops what is beyond a key's part, so that others come in.
///
/// Order      a place of a stream, first in the chain. Of one key first in, first out. In its turn a key gives as many items as its
///            weight; one that has none waiting is passed over, and saves nothing up.
/// Shape      a discipline: `make_queue<Item>(most, seen)`. `key_of(item)` gives something with a std::hash; `weight_of(key)` a whole number
///            from 1 to 1,000,000, asked whenever a key begins to wait; all the same without it. Each item counts as one.
///            A key may have as many waiting as there are places free: alone half of all, so that one that floods the queue never
///            keeps another out. Where a stream blocks, its room bounds them all, and each may fill it.
/// Fails      in a stream: an item whose key or weight throws, in the stage that it waited for: threw.
/// Throws     `push`: std::invalid_argument for a weight out of range, and what the two functions throw; the item is then not taken.
/// Threads    the functions are called by whoever pushes, one at a time for each queue.
/// Cost       a look-up for an item that comes, constant time for one that goes, whatever the number of keys; no memory for keys that
///            have nothing waiting.
/// Source     Shreedhar and Varghese, Efficient Fair Queuing using Deficit Round Robin (SIGCOMM 1995), items all of one size; Choudhury
///            and Hahne, Dynamic Queue Length Thresholds (1998), alpha 1.
template <class KeyOf, class WeightOf = detail::same_weight>
class fair {
public:
    using discipline_concept = discipline_tag;
    using policy_concept = place_tag;

    explicit constexpr fair(KeyOf key_of, WeightOf weight_of = {}) : key_of_(std::move(key_of)), weight_of_(std::move(weight_of)) {}

    template <class Item, class Seen = std::identity>
        requires detail::hashable_key<detail::key_of_item<detail::seen_by<KeyOf, Seen>, Item>>
    [[nodiscard]] auto make_queue(std::size_t most, Seen seen = {}) const {
        return detail::fair_queue<Item, detail::seen_by<KeyOf, Seen>, WeightOf>{{key_of_, std::move(seen)}, weight_of_, most};
    }

    [[nodiscard]] std::string describe() const { return "fair"; }

private:
    [[no_unique_address]] KeyOf key_of_;
    [[no_unique_address]] WeightOf weight_of_;
};

}  // namespace muster
