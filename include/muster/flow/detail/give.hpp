#pragma once

// What operators have in common: a state for those that have none, and what is emitted.

#include <type_traits>    // is_void
#include <utility>        // forward

namespace muster::detail {

/// The state of an operator that remembers nothing; it travels.
struct no_state {
    friend constexpr bool operator==(no_state const&, no_state const&) noexcept = default;
};

/// Hands one thing on; false when the stream has said that nobody takes more.
template <class Emit, class T>
constexpr bool give(Emit& emit_to, T&& what) {
    if constexpr (std::is_void_v<decltype(emit_to(std::forward<T>(what)))>) return emit_to(std::forward<T>(what)), true;
    else return static_cast<bool>(emit_to(std::forward<T>(what)));
}

}  // namespace muster::detail
