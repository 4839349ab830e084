#pragma once

#include <cstddef>        // size_t
#include <functional>     // function
#include <tuple>          // apply
#include <type_traits>    // is_empty
#include <utility>        // index_sequence

#include <muster/core/wire.hpp>    // transportable, wire_reader, wire_writer
#include <muster/core/with.hpp>    // with

namespace muster {

namespace detail {
enum class callable_kind { stateless, function, with_values, value, captures, with_untransportable, with_capturing, type_erased, member };
template <class F>
consteval callable_kind kind_of_callable();
}  // namespace detail

/// A task that another process of the same program can call: a lambda without captures or another empty class, a pointer to a
/// function, `with{values..., one of those}`, or a class that is itself transportable, as one with a `wire<T>`.
///
/// Never a lambda with captures, a std::function, or a pointer to a member.
template <class F>
concept transportable_callable = detail::kind_of_callable<F>() <= detail::callable_kind::value;

/// Refuses to compile for any other callable, and says what to write instead.
template <class F>
consteval void require_transportable_callable();

/// Writes what a callable consists of besides its type: the address of a function, values, or nothing. An address means something in
/// its own process only, so `put_function(writer, void (*)())` says how it travels.
///
/// Throws     bad_outcome with cause::invalid_input for a null function; what put_function throws.
template <transportable_callable F, class PutFunction>
void put_callable(wire_writer& to, F const& callable, PutFunction const& put_function);

/// The callable again; `get_function(reader)` returns the `void (*)()` of one address, once it is satisfied that it is such a function.
///
/// Throws     bad_outcome with cause::invalid_input; what get_function throws.
template <transportable_callable F, class GetFunction>
[[nodiscard]] F get_callable(wire_reader& from, GetFunction const& get_function);

// Implementation

namespace detail {

template <class F>
inline constexpr bool is_type_erased = false;
template <class Signature>
inline constexpr bool is_type_erased<std::function<Signature>> = true;
template <class F>
inline constexpr bool is_with = false;
template <class... Parts>
inline constexpr bool is_with<with<Parts...>> = true;

template <class Values>
inline constexpr bool all_can_travel = false;
template <class... Ts>
inline constexpr bool all_can_travel<std::tuple<Ts...>> = (can_travel<Ts> && ...);

template <class F>
consteval callable_kind kind_of_callable() {
    if constexpr (std::is_pointer_v<F> && std::is_function_v<std::remove_pointer_t<F>>) {
        return callable_kind::function;
    } else if constexpr (is_with<F>) {
        constexpr auto inner = kind_of_callable<typename F::function_type>();
        if constexpr (inner != callable_kind::stateless && inner != callable_kind::function)
            return inner < callable_kind::captures ? callable_kind::with_capturing : inner;
        else
            return all_can_travel<typename F::values_type> ? callable_kind::with_values : callable_kind::with_untransportable;
    } else if constexpr (std::is_member_pointer_v<F>) {
        return callable_kind::member;
    } else if constexpr (is_type_erased<F>) {
        return callable_kind::type_erased;
    } else if constexpr (!std::is_class_v<F>) {
        return callable_kind::captures;
    } else if constexpr (has_wire<F> || has_to_wire<F>) {
        return callable_kind::value;
    } else if constexpr (std::is_empty_v<F> && std::is_trivially_copyable_v<F> && std::is_default_constructible_v<F>) {
        return callable_kind::stateless;
    } else {
        return kind_of<F> == wire_kind::aggregate && can_travel<F> ? callable_kind::value : callable_kind::captures;
    }
}

}  // namespace detail

template <class F>
consteval void require_transportable_callable() {
    using enum detail::callable_kind;
    constexpr auto is = detail::kind_of_callable<F>();
    static_assert(is != captures, "muster: this lambda captures; write with{values..., [](item, values...){...}}");
    static_assert(is != with_capturing, "muster: the function of with{values..., function} is a captureless lambda or a function");
    static_assert(is != with_untransportable,
                  "muster: a value of with{values..., function} cannot travel to another process: give it what owns its data "
                  "(std::string for string_view and char const*, std::vector for span), or specialise muster::wire<T>");
    static_assert(is != type_erased,
                  "muster: nobody sees what a std::function holds; write the lambda itself, or with{values..., [](item, values...){...}}");
    static_assert(is != member, "muster: a pointer to a member does not travel; write [](auto const& item) { return item.member(); }");
}

template <transportable_callable F, class PutFunction>
void put_callable(wire_writer& to, F const& callable, PutFunction const& put_function) {
    constexpr auto is = detail::kind_of_callable<F>();
    if constexpr (is == detail::callable_kind::function) {
        if (callable == nullptr) throw bad_outcome{failure{cause::invalid_input, "muster: a null function does not travel"}};
        put_function(to, reinterpret_cast<void (*)()>(callable));
    } else if constexpr (is == detail::callable_kind::with_values) {
        std::apply([&](auto const&... values) { (to.put(values), ...); }, callable.values());
        put_callable(to, callable.function(), put_function);
    } else if constexpr (is == detail::callable_kind::value) {
        to.put(callable);
    }
}

template <transportable_callable F, class GetFunction>
F get_callable(wire_reader& from, GetFunction const& get_function) {
    constexpr auto is = detail::kind_of_callable<F>();
    if constexpr (is == detail::callable_kind::function) {
        return reinterpret_cast<F>(static_cast<void (*)()>(get_function(from)));
    } else if constexpr (is == detail::callable_kind::with_values) {
        return [&]<class... Values>(std::type_identity<std::tuple<Values...>>) {
            return F{from.get<Values>()..., get_callable<typename F::function_type>(from, get_function)};    // braces: in this order
        }(std::type_identity<typename F::values_type>{});
    } else if constexpr (is == detail::callable_kind::value) {
        return from.get<F>();
    } else {
        return F{};
    }
}

}  // namespace muster
