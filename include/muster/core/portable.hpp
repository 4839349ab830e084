#pragma once

#include <tuple>          // parts
#include <type_traits>    // remove_cvref
#include <utility>        // index_sequence

#include <muster/core/concepts.hpp>                 // around_policy
#include <muster/core/transportable_callable.hpp>   // put_callable
#include <muster/core/wire.hpp>                     // wire_writer, wire_reader

namespace muster {

namespace detail {

template <class T>
inline constexpr bool is_portable_part = transportable<T> || transportable_callable<T>;
template <class T>
inline constexpr bool are_portable_parts = false;
template <class... Ts>
inline constexpr bool are_portable_parts<std::tuple<Ts...>> = (is_portable_part<Ts> && ...);

/// How the address of a function travels is the runner's affair: within one machine it is a place in a module.
struct function_travel {
    using function = void (*)();
    void (*put)(wire_writer& to, function which);
    function (*get)(wire_reader& from);    // throws bad_outcome
};

template <class T>
void put_part(wire_writer& to, T const& part, function_travel const& how) {
    if constexpr (transportable<T>) to.put(part);
    else put_callable(to, part, how.put);
}
template <class T>
T get_part(wire_reader& from, function_travel const& how) {
    if constexpr (transportable<T>) return from.get<T>();
    else return get_callable<T>(from, how.get);
}

}  // namespace detail

/// A policy that means the same in another process: it has `parts()`, a tuple of transportable values and callables, and is made of
/// them again by `P{parts...}`. One that refers to something of this process has none, and stays in front of `isolate`.
template <class P>
concept portable_policy = policy<P> && requires(P const& what) {
    requires detail::are_portable_parts<std::remove_cvref_t<decltype(what.parts())>>;
};

namespace detail {

template <class T>
inline constexpr bool is_portable_policy = portable_policy<T>;

template <portable_policy P>
void put_policy(wire_writer& to, P const& what, function_travel const& how) {
    std::apply([&](auto const&... each) { (put_part(to, each, how), ...); }, what.parts());
}

template <portable_policy P>
P get_policy(wire_reader& from, function_travel const& how) {
    using parts = std::remove_cvref_t<decltype(std::declval<P const&>().parts())>;
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
        return P{get_part<std::tuple_element_t<I, parts>>(from, how)...};    // in this order: braces
    }(std::make_index_sequence<std::tuple_size_v<parts>>{});
}

}  // namespace detail
}  // namespace muster
