#pragma once

#include <cstddef>        // size_t
#include <functional>     // invoke
#include <tuple>          // apply, tuple
#include <type_traits>    // decay, invoke_result
#include <utility>        // forward, index_sequence

#include <muster/core/context.hpp>    // context

namespace muster {

namespace detail {

// What f answers when it is called with an item, the values of a tuple, and more.
template <class F, class Item, class Values, class... More>
struct result_with;
template <class F, class Item, class... Values, class... More>
struct result_with<F, Item, std::tuple<Values...>, More...> : std::invoke_result<F const&, Item, Values const&..., More...> {
    static constexpr bool is_noexcept = std::is_nothrow_invocable_v<F const&, Item, Values const&..., More...>;
};

}  // namespace detail

/// A function and the values that it needs, instead of a lambda that captures them: `with{margin, names, f}` is called as
/// `f(item, margin, names)`, or as `f(item, margin, names, context&)` where f takes the context. What a lambda captures nobody else
/// can name; these values can travel to another process. In this process it is a task as any other.
///
/// Threads    as many at once as the function: the values are passed as const.
/// Lifetime   holds copies of the values and of the function.
/// Cost       the call.
template <class... ValuesAndFunction>
class with {
    static_assert(sizeof...(ValuesAndFunction) > 0, "muster: with{values..., function} ends in a function");

    using all = std::tuple<ValuesAndFunction...>;
    static constexpr std::size_t count = sizeof...(ValuesAndFunction) - 1;
    template <std::size_t... I>
    static auto first(std::index_sequence<I...>) -> std::tuple<std::tuple_element_t<I, all>...>;

public:
    using values_type = decltype(first(std::make_index_sequence<count>{}));
    using function_type = std::tuple_element_t<count, all>;

    explicit constexpr with(ValuesAndFunction... values_and_function)
        : with(std::make_index_sequence<count>{}, all{std::move(values_and_function)...}) {}

    /// f(item, values...)
    template <class Item>
    constexpr auto operator()(Item&& item) const noexcept(detail::result_with<function_type, Item, values_type>::is_noexcept) ->
        typename detail::result_with<function_type, Item, values_type>::type;
    /// f(item, values..., context&)
    template <class Item>
    constexpr auto operator()(Item&& item, context& cx) const
        noexcept(detail::result_with<function_type, Item, values_type, context&>::is_noexcept) ->
        typename detail::result_with<function_type, Item, values_type, context&>::type;

    [[nodiscard]] constexpr values_type const& values() const noexcept { return values_; }
    [[nodiscard]] constexpr function_type const& function() const noexcept { return function_; }

private:
    template <std::size_t... I>
    constexpr with(std::index_sequence<I...>, all&& from)
        : values_(std::get<I>(std::move(from))...), function_(std::get<count>(std::move(from))) {}

    values_type values_;
    [[no_unique_address]] function_type function_;
};

template <class... ValuesAndFunction>
with(ValuesAndFunction...) -> with<ValuesAndFunction...>;    // by value, so decayed

// Implementation

template <class... ValuesAndFunction>
template <class Item>
constexpr auto with<ValuesAndFunction...>::operator()(Item&& item) const
    noexcept(detail::result_with<function_type, Item, values_type>::is_noexcept) ->
    typename detail::result_with<function_type, Item, values_type>::type {
    return std::apply(
        [&](auto const&... values) -> decltype(auto) { return std::invoke(function_, std::forward<Item>(item), values...); }, values_);
}

template <class... ValuesAndFunction>
template <class Item>
constexpr auto with<ValuesAndFunction...>::operator()(Item&& item, context& cx) const
    noexcept(detail::result_with<function_type, Item, values_type, context&>::is_noexcept) ->
    typename detail::result_with<function_type, Item, values_type, context&>::type {
    return std::apply(
        [&](auto const&... values) -> decltype(auto) { return std::invoke(function_, std::forward<Item>(item), values..., cx); }, values_);
}

}  // namespace muster
