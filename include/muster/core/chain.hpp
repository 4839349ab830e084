#pragma once

#include <cstddef>        // size_t
#include <tuple>          // tuple
#include <type_traits>    // remove_cvref
#include <utility>        // forward

#include <muster/core/concepts.hpp>              // policy
#include <muster/core/invoke_task.hpp>    // invoke_task

namespace muster {

/// Policies in the order in which an item meets them; flat, so that a type reads as it was written.
///
/// Shape      places first, then policies around the call.
/// Cost       the policies themselves; nothing is allocated.
template <policy... Ps>
class chain {
public:
    constexpr explicit chain(Ps... policies) : layers_(std::move(policies)...) {}
    constexpr explicit chain(std::tuple<Ps...> layers) : layers_(std::move(layers)) {}

    [[nodiscard]] constexpr std::tuple<Ps...> const& layers() const noexcept { return layers_; }
    friend bool operator==(chain const&, chain const&) = default;

private:
    std::tuple<Ps...> layers_;
};

/// Finds the policy of a chain that answers `Asks<P>::value`, for verbs that read placements: a pointer, or nullptr.
template <template <class> class Asks, class... Ps>
[[nodiscard]] constexpr auto find_policy(chain<Ps...> const& in) {
    constexpr std::size_t at = [] {
        std::size_t found = sizeof...(Ps), i = 0;
        ((Asks<Ps>::value && found == sizeof...(Ps) ? (void)(found = i++) : (void)++i), ...);
        return found;
    }();
    if constexpr (at == sizeof...(Ps)) return nullptr;
    else return &std::get<at>(in.layers());
}

namespace detail {

template <class T>
inline constexpr bool is_chain = false;
template <class... Ps>
inline constexpr bool is_chain<chain<Ps...>> = true;

template <class P>
concept leases_state = requires(P const& place) { place.lease().get(); };    // `scratch`

template <class P>
struct leasing : std::bool_constant<leases_state<P>> {};

// Places come first: once a policy is around the call, no place may follow.
template <class... Ps>
inline constexpr bool places_first = [] {
    bool around = false, right = true;
    ((around_policy<Ps> ? (void)(around = true) : (void)(right = right && !around)), ...);
    return right;
}();

// The rest of a chain, seen from one of its policies: `next(cx, item)`.
template <std::size_t I, class Chain, class F>
class rest;

template <std::size_t I, class Chain, class F, class Item>
struct rest_result {};    // the task cannot be called so: no `type`, and asking is no error

template <class Chain>
inline constexpr std::size_t layer_count = 0;
template <class... Ps>
inline constexpr std::size_t layer_count<chain<Ps...>> = sizeof...(Ps);

template <class Chain>
using lease_of = std::remove_cvref_t<decltype(find_policy<leasing>(std::declval<Chain const&>())->lease())>;
template <class Chain>
inline constexpr bool has_scratch = !std::is_null_pointer_v<decltype(find_policy<leasing>(std::declval<Chain const&>()))>;

template <class Chain, class F, class Item>
struct innermost_result : task_result<F, Item> {};
template <class Chain, class F, class Item>
    requires has_scratch<Chain>
struct innermost_result<Chain, F, Item> : task_result<F, Item, decltype(std::declval<lease_of<Chain>&>().get())> {};

template <std::size_t I, class Chain, class F, class Item>
struct rest_result_at {};
template <std::size_t I, class Chain, class F, class Item>
    requires(I == layer_count<Chain>) && requires { typename innermost_result<Chain, F, Item>::type; }
struct rest_result_at<I, Chain, F, Item> { using type = typename innermost_result<Chain, F, Item>::type; };
template <std::size_t I, class Chain, class F, class Item>
    requires(I < layer_count<Chain>)
struct rest_result_at<I, Chain, F, Item> : rest_result<I, Chain, F, Item> {};

template <std::size_t I, class Chain, class F, class Item>
    requires requires { typename rest_result_at<layer_count<Chain>, Chain, F, Item>::type; } ||
             requires { typename rest_result_at<layer_count<Chain>, Chain, F, std::remove_cvref_t<Item> const&>::type; }
struct rest_result<I, Chain, F, Item> {
    using layer = std::tuple_element_t<I, std::remove_cvref_t<decltype(std::declval<Chain const&>().layers())>>;
    static auto probe() {
        if constexpr (place_policy<layer>) return std::type_identity<typename rest_result_at<I + 1, Chain, F, Item>::type>{};
        else
            return std::type_identity<std::remove_cvref_t<decltype(std::declval<layer const&>().around(
                std::declval<rest<I + 1, Chain, F> const&>(), std::declval<context&>(), std::declval<Item>()))>>{};
    }
    using type = typename decltype(probe())::type;
};

template <std::size_t I, class Chain, class F>
class owned_rest;

template <std::size_t I, class Chain, class F>
class rest {
public:
    constexpr rest(Chain const& layers, F const& task) noexcept : chain_(&layers), task_(&task) {}

    template <class Item>
    auto operator()(context& cx, Item&& item) const -> typename rest_result_at<I, Chain, F, Item&&>::type {
        if constexpr (I == layer_count<Chain>) {
            if constexpr (has_scratch<Chain>) {
                using result = typename rest_result_at<I, Chain, F, Item&&>::type;
                return guarded<result>([&]() -> result {    // a state that cannot be made is a failure of this call
                    auto state = find_policy<leasing>(*chain_)->lease();
                    return invoke_task(*task_, cx, std::forward<Item>(item), state.get());
                });
            } else {
                return invoke_task(*task_, cx, std::forward<Item>(item));
            }
        } else {
            auto const& layer = std::get<I>(chain_->layers());
            using layer_type = std::remove_cvref_t<decltype(layer)>;
            rest<I + 1, Chain, F> const next{*chain_, *task_};
            if constexpr (around_policy<layer_type>) {
                return layer.around(next, cx, std::forward<Item>(item));
            } else if constexpr (requires { layer.enter(cx); }) {
                [[maybe_unused]] auto const entered = layer.enter(cx);
                return next(cx, std::forward<Item>(item));
            } else {
                return next(cx, std::forward<Item>(item));
            }
        }
    }

    /// A copy of what follows, for calls that outlive this one.
    [[nodiscard]] auto owned() const { return owned_rest<I, Chain, F>{*chain_, *task_}; }
    /// The policies that follow, for calls elsewhere.
    [[nodiscard]] auto policies() const {
        return [this]<std::size_t... J>(std::index_sequence<J...>) {
            return std::tie(std::get<I + J>(chain_->layers())...);
        }(std::make_index_sequence<layer_count<Chain> - I>{});
    }
    [[nodiscard]] F const& task() const noexcept { return *task_; }

private:
    Chain const* chain_;
    F const* task_;
};

template <std::size_t I, class Chain, class F>
class owned_rest {
public:
    owned_rest(Chain layers, F task) : chain_(std::move(layers)), task_(std::move(task)) {}

    template <class Item>
    auto operator()(context& cx, Item&& item) const -> typename rest_result_at<I, Chain, F, Item&&>::type {
        return rest<I, Chain, F>{chain_, task_}(cx, std::forward<Item>(item));
    }
    [[nodiscard]] auto owned() const { return *this; }

private:
    Chain chain_;
    F task_;
};

}  // namespace detail
}  // namespace muster
