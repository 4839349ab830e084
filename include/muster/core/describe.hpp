#pragma once

#include <concepts>       // convertible_to
#include <string>         // string
#include <tuple>          // apply
#include <type_traits>    // remove_cvref

#include <muster/core/chain.hpp>       // chain
#include <muster/core/concepts.hpp>    // policy
#include <muster/core/pipeline.hpp>    // pipeline
#include <muster/core/stage.hpp>       // stage

namespace muster {

namespace detail {

template <class T>
concept says_itself = requires(T const& what) { { what.describe() } -> std::convertible_to<std::string>; };

template <class T>
inline constexpr bool is_pipeline = false;
template <class... Stages>
inline constexpr bool is_pipeline<pipeline<Stages...>> = true;

template <class... Ts, class Describe>
std::string joined(std::tuple<Ts...> const& parts, char const* between, Describe const& describe_one) {
    std::string out;
    auto const add = [&](auto const& part) {
        if (!out.empty()) out += between;
        out += describe_one(part);
    };
    std::apply([&](auto const&... each) { (add(each), ...); }, parts);
    return out;
}

}  // namespace detail

/// What a policy, chain, stage or pipeline is, as it was written: `named{parse} | deadline{2s} | task`.
///
/// Shape      a policy or task says itself by a member `describe()`; else it reads "policy", "place" or "task". The
///            stages of a pipeline are in braces, with commas: `pipeline{named{a} | task, task}`.
struct describe_verb {
    template <class T>
    [[nodiscard]] std::string operator()(T const& what) const {
        if constexpr (detail::says_itself<T>) {
            return what.describe();
        } else if constexpr (detail::is_chain<T>) {
            return detail::joined(what.layers(), " | ", *this);
        } else if constexpr (detail::is_stage<T>) {
            auto const policies = (*this)(what.policies());
            return policies + (policies.empty() ? "" : " | ") + (*this)(what.task());
        } else if constexpr (detail::is_pipeline<T>) {
            return "pipeline{" + detail::joined(what.stages(), ", ", *this) + '}';
        } else if constexpr (place_policy<T>) {
            return "place";
        } else if constexpr (around_policy<T>) {
            return "policy";
        } else {
            return "task";
        }
    }
};
inline constexpr describe_verb describe{};

}  // namespace muster
