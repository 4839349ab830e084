#pragma once

#include <cstddef>          // size_t
#include <functional>       // invoke
#include <optional>         // what f may answer
#include <stdexcept>        // invalid_argument
#include <string>           // texts
#include <type_traits>      // remove_cvref
#include <unordered_map>    // keys
#include <utility>          // move

#include <muster/core/concepts.hpp>           // operator_tag
#include <muster/core/failure.hpp>            // failure
#include <muster/core/outcome.hpp>            // outcome
#include <muster/core/wire.hpp>               // a state that travels
#include <muster/flow/detail/give.hpp>        // give
#include <muster/flow/detail/key_hash.hpp>    // key_hash

namespace muster {

namespace detail {

template <class Key, class Value>
struct keyed_state {
    using key = Key;
    using value = Value;
    std::unordered_map<Key, Value, key_hash<Key>> by_key;
};

template <class T>
inline constexpr bool may_be_empty = false;
template <class T>
inline constexpr bool may_be_empty<std::optional<T>> = true;

// What an answer gives: a T, the T of an outcome or an optional, nothing.
template <class Answer>
struct stated { using type = Answer; };
template <class T>
struct stated<outcome<T>> { using type = T; };
template <class T>
struct stated<std::optional<T>> { using type = T; };

}  // namespace detail

/// How many keys `with_state` remembers.
struct with_state_options {
    std::size_t most = 1'000'000;    ///< keys: 1,000,000, some 100 MB for small keys and values
};

/// An operator: calls a function with each item and what is remembered for its key: a running total, the reading before, who was seen.
///
///     with_state{&reading::sensor, 0.0, [](double& before, reading const& r) { return r.value - std::exchange(before, r.value); }}
///     with_state{&order::id, false, [](bool& seen, order o) { return std::exchange(seen, true) ? std::nullopt : std::optional{o}; }}
///
/// Order      that of the items.
/// Shape      `f(state&, item)` answers a T, an outcome<T>, or an optional<T>, which gives nothing when it is empty. A key has a copy of
///            `initial` before its first item. `key_of(item)` gives something with a std::hash. A state that is itself an
///            optional is forgotten when f leaves it empty.
/// Fails      cause::exhausted for an item whose key would be one beyond `most`; the failures that f answers.
/// Throws     what `key_of` and `f` throw; the state of the key is then as f left it, and a new key is not kept.
/// Threads    f is called through const&, one at a time for each run.
/// Cost       a look-up for each item. The state travels where keys and values do.
template <class KeyOf, class Value, class F>
class with_state {
    template <class Item>
    using key_type = detail::key_of_item<KeyOf, Item>;
    template <class Item>
    using answer_type = std::remove_cvref_t<std::invoke_result_t<F const&, Value&, Item>>;

public:
    using operator_concept = operator_tag;
    template <class Item>
        requires detail::hashable_key<key_type<Item>>
    using output = typename detail::stated<answer_type<Item>>::type;

    with_state(KeyOf key_of, Value initial, F f, with_state_options options = {})
        : key_of_(std::move(key_of)), initial_(std::move(initial)), f_(std::move(f)), options_(options) {
        if (options_.most == 0) throw std::invalid_argument{"muster: with_state: there is room for 1 key or more"};
    }

    template <class Item>
    [[nodiscard]] detail::keyed_state<key_type<Item>, Value> make_state() const {
        static_assert(detail::hashable_key<key_type<Item>>,
                      "muster: the key of a state is copyable, comparable, owns what it refers to, and has a std::hash");
        static_assert(std::is_copy_constructible_v<Value>, "muster: the initial state is copied for each key");
        return {};
    }

    /// Which key an item is of.
    template <class Item>
    [[nodiscard]] key_type<Item> key_of(Item const& item) const { return std::invoke(key_of_, item); }

    template <class Item, class State>
    void push(State& state, Item&& item, auto&& emit_to) const;
    constexpr void flush(auto&, auto&&) const noexcept {}

private:
    [[no_unique_address]] KeyOf key_of_;
    Value initial_;
    [[no_unique_address]] F f_;
    with_state_options options_;
};

// Implementation

template <class KeyOf, class Value, class F>
template <class Item, class State>
void with_state<KeyOf, Value, F>::push(State& state, Item&& item, auto&& emit_to) const {
    using answer = answer_type<Item>;
    auto const key = key_of(std::as_const(item));    // the item is given away
    auto at = state.by_key.find(key);
    bool const fresh = at == state.by_key.end();
    if (fresh && state.by_key.size() >= options_.most)
        return static_cast<void>(detail::give(
            emit_to, failure{cause::exhausted, "this item is of a new key, and " + std::to_string(options_.most) +
                                                   " are remembered already, the most there may be"}));

    std::optional<Value> first;    // kept when f has returned
    if (fresh) first.emplace(initial_);
    auto& value = fresh ? *first : at->second;
    answer what = std::invoke(f_, value, std::forward<Item>(item));
    bool forget = false;
    if constexpr (detail::may_be_empty<Value>) forget = !value.has_value();
    if (fresh && !forget) state.by_key.emplace(key, std::move(value));
    if (!fresh && forget) state.by_key.erase(at);

    if constexpr (detail::is_outcome<answer>) {
        if (what.has_value()) detail::give(emit_to, std::move(*what));
        else detail::give(emit_to, std::move(what).error());
    } else if constexpr (detail::may_be_empty<answer>) {
        if (what.has_value()) detail::give(emit_to, std::move(*what));
    } else {
        detail::give(emit_to, std::move(what));
    }
}

}  // namespace muster
