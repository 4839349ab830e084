#pragma once

#include <concepts>    // same_as
#include <optional>    // what was found

#include <muster/core/concepts.hpp>       // cache
#include <muster/core/invoke_task.hpp>    // guarded
#include <muster/core/outcome.hpp>        // outcome
#include <muster/core/waiter.hpp>         // waiter_ref

// What a node of a ring offers, and how it is called. A node that can fail says so by `try_get`; it is then asked through its `try_`
// functions alone, and what it throws is a failure. The others are called as they are; what they throw passes through.

namespace muster::detail {

template <class Node>
using found_in = std::optional<typename Node::value_type>;

template <class Node>
concept can_fail = requires(Node& at, typename Node::key_type const& key) {
    { at.try_get(key) } -> std::same_as<outcome<found_in<Node>>>;
};

template <class Node>
concept can_fail_to_put = requires(Node& at, typename Node::key_type const& key, typename Node::value_type const& value) {
    { at.try_put(key, value) } -> std::same_as<outcome<void>>;
};

template <class Node>
concept takes_put = (can_fail<Node> && can_fail_to_put<Node>) ||
                    requires(Node& at, typename Node::key_type const& key, typename Node::value_type const& value) {
                        requires !can_fail<Node>;
                        at.put(key, value);
                    };

template <class Node>
concept can_fail_to_erase = requires(Node& at, typename Node::key_type const& key) {
    { at.try_erase(key) } -> std::same_as<outcome<bool>>;
};

template <class Node>
concept takes_erase = (can_fail<Node> && can_fail_to_erase<Node>) || requires(Node& at, typename Node::key_type const& key) {
    requires !can_fail<Node>;
    { at.erase(key) } -> std::same_as<bool>;
};

template <class Node>
inline constexpr bool is_ring_node = cache<Node> || (can_fail<Node> && can_fail_to_put<Node>);

template <class Node, class Key>
outcome<found_in<Node>> get_from(Node& node, Key const& key, waiter_ref time) {
    if constexpr (can_fail<Node>)
        return guarded<outcome<found_in<Node>>>([&]() -> outcome<found_in<Node>> { return node.try_get(key); });
    else if constexpr (requires { { node.get(key, time.now()) } -> std::same_as<found_in<Node>>; })
        return node.get(key, time.now());
    else
        return node.get(key);
}

template <class Node, class Key, class Value>
outcome<void> put_into(Node& node, Key const& key, Value const& value, waiter_ref time) {
    if constexpr (can_fail<Node>) {
        return guarded<outcome<void>>([&]() -> outcome<void> { return node.try_put(key, value); });
    } else if constexpr (requires { { node.put(key, value) } -> std::same_as<outcome<void>>; }) {
        return node.put(key, value);
    } else if constexpr (requires { node.put(key, value, time.now()); }) {
        node.put(key, value, time.now());
        return {};
    } else {
        node.put(key, value);
        return {};
    }
}

template <class Node, class Key>
outcome<bool> erase_from(Node& node, Key const& key) {
    if constexpr (can_fail<Node>)
        return guarded<outcome<bool>>([&]() -> outcome<bool> { return node.try_erase(key); });
    else
        return node.erase(key);
}

}  // namespace muster::detail
