#pragma once

#include <chrono>         // nanoseconds
#include <cstddef>        // size_t
#include <string_view>    // name of a stage
#include <tuple>          // policies
#include <type_traits>    // remove_cvref
#include <utility>        // forward, index_sequence

#include <muster/core/chain.hpp>          // chain
#include <muster/core/concepts.hpp>       // runner
#include <muster/core/context.hpp>        // context
#include <muster/core/stage.hpp>          // stage
#include <muster/policy/named.hpp>        // named
#include <muster/policy/on.hpp>           // on
#include <muster/flow/detail/calls.hpp>   // finish
#include <muster/flow/detail/run.hpp>     // placed

// How a verb hands its items to a runner: the places that the verb reads stay here, all else travels.

namespace muster::detail {

template <class Place>
inline constexpr bool is_elsewhere = false;
template <class E>
    requires runner<E>
inline constexpr bool is_elsewhere<on<E> const*> = true;

/// The place of what runs in this process: none, where the task is placed on a runner.
template <class Place>
auto here([[maybe_unused]] Place place) {
    if constexpr (is_elsewhere<Place>) return nullptr;
    else return place;
}

template <class P>
concept tells_of_calls = requires(P const& sees, context const& cx, failure const* error) { sees.tell(cx, instant{}, std::chrono::nanoseconds{}, error); };

/// What is done with policy I of a chain: places are the verb's, and observers that stand before all other policies are told here of
/// what is done there; all else travels.
template <std::size_t I, class... Ps>
constexpr bool is_told_here() {
    using all = std::tuple<Ps...>;
    return []<std::size_t... J>(std::index_sequence<J...>) {
        return ((place_policy<std::tuple_element_t<J, all>> || tells_of_calls<std::tuple_element_t<J, all>>) && ...);
    }(std::make_index_sequence<I + 1>{}) && tells_of_calls<std::tuple_element_t<I, all>>;
}

template <class... Ps>
auto travelling_parts(std::tuple<Ps...> const& all) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
        auto const part = [&]<std::size_t At>(std::integral_constant<std::size_t, At>) {
            using P = std::tuple_element_t<At, std::tuple<Ps...>>;
            if constexpr ((place_policy<P> && !leases_state<P>) || is_told_here<At, Ps...>()) return std::tuple<>{};
            else return std::tuple<P const&>{std::get<At>(all)};
        };
        return std::tuple_cat(part(std::integral_constant<std::size_t, I>{})...);
    }(std::index_sequence_for<Ps...>{});
}

template <class... Ps>
inline constexpr bool tells_anybody = false;
template <class... Ps>
inline constexpr bool tells_anybody<std::tuple<Ps...>> = []<std::size_t... I>(std::index_sequence<I...>) {
    return (is_told_here<I, Ps...>() || ...);
}(std::index_sequence_for<Ps...>{});

template <class... Ps>
void tell_all(std::tuple<Ps...> const& all, context const& cx, instant end, std::chrono::nanoseconds took, failure const* error) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
        auto const one = [&]<std::size_t At>(std::integral_constant<std::size_t, At>) {
            if constexpr (is_told_here<At, Ps...>()) std::get<At>(all).tell(cx, end, took, error);
        };
        (one(std::integral_constant<std::size_t, I>{}), ...);
    }(std::index_sequence_for<Ps...>{});
}

/// True where the verb is to run its items here after all: as few as the automatic rule runs inline.
template <class Place>
bool runs_here(Place place, run_info const& plan) {
    return place->asked() && place->asked()->is_automatic() && plan.why == sequential_reason::too_few_items;
}

/// Calls the task of a stage with each item, elsewhere: `take(i, answer)` or `take(i)`, and `failed(i, failure)`, on this thread.
template <class Result, class Item, class Range, class Place, class Chain, class F, class Take, class Failed>
void call_elsewhere(reader<Range> const items, std::size_t n, Place place, run_info const& plan, stage<Chain, F> const& task,
                    context const& parent, Take const& take, Failed const& failed) {
    auto cx = context::below(parent);
    auto const runs = cx.change_run(&plan);
    auto const named_as = [&]() -> std::string_view {
        if constexpr (auto const name = placed<is_named>(task); !std::is_null_pointer_v<std::remove_cv_t<decltype(name)>>) return name->name();
        else return cx.stage();
    }();
    auto const inside = cx.change_stage(named_as);
    auto const& all = task.policies().layers();
    constexpr bool tells = tells_anybody<std::remove_cvref_t<decltype(all)>>;
    auto const done = [&](std::size_t i, std::chrono::nanoseconds took, auto&&... answer) {
        if constexpr (tells) {
            cx.item(i);
            tell_all(all, cx, cx.now(), took, nullptr);
        }
        take(i, std::forward<decltype(answer)>(answer)...);
    };
    auto const went_wrong = [&](std::size_t i, std::chrono::nanoseconds took, failure what) {
        finish(what, cx);
        if constexpr (tells)
            if (what.attempts() != 0) tell_all(all, cx, cx.now(), took, &what);    // who never began was not called
        failed(i, std::move(what));
    };
    place->where().template call_each<Result, Item>(items, n, plan.width, travelling_parts(all), task.task(), named_as, tells, cx, done, went_wrong);
}

}  // namespace muster::detail
