#pragma once

#include <concepts>       // invocable
#include <cstddef>        // size_t
#include <functional>     // invoke, reference_wrapper
#include <memory>         // make_unique
#include <string>         // name
#include <tuple>          // arguments
#include <type_traits>    // conditional
#include <utility>        // move
#include <vector>         // many nodes as one input

#include <muster/core/concepts.hpp>              // result_of
#include <muster/core/context.hpp>               // context
#include <muster/core/invoke_task.hpp>           // invoke_task, guarded
#include <muster/core/stage.hpp>                 // stage
#include <muster/flow/detail/calls.hpp>          // put, finish
#include <muster/flow/detail/graph_shape.hpp>    // graph_task, graph_values
#include <muster/flow/graph_result.hpp>          // node_of

namespace muster::detail {

// What an input hands to the task: what its node answered, a list of what its nodes answered, or nothing where they answer
// nothing. Declared once for any `Input`, so that a misuse is refused with one message.
template <class Input>
struct graph_input;

template <class T>
struct graph_input<node_of<T>> {
    static std::tuple<T const&> argument(graph_values const& values, node_of<T> from) {
        return std::tuple<T const&>{*outcome_at<T>(values, from.index())};
    }
    static void visit(node_of<T> from, auto const& see) { see(from, true); }
};

template <>
struct graph_input<node_of<void>> {
    static std::tuple<> argument(graph_values const&, node_of<void>) noexcept { return {}; }
    static void visit(node_of<void> from, auto const& see) { see(from, false); }
};

template <class T>
struct graph_input<std::vector<node_of<T>>> {
    using nodes = std::vector<node_of<T>>;
    static auto argument(graph_values const& values, nodes const& from) {
        std::vector<std::reference_wrapper<T const>> all;
        all.reserve(from.size());
        for (auto const& each : from) all.emplace_back(*outcome_at<T>(values, each.index()));
        return std::tuple<decltype(all)>{std::move(all)};
    }
    static void visit(nodes const& from, auto const& see) {
        for (auto const& each : from) see(each, true);
    }
};

template <>
struct graph_input<std::vector<node_of<void>>> {
    using nodes = std::vector<node_of<void>>;
    static std::tuple<> argument(graph_values const&, nodes const&) noexcept { return {}; }
    static void visit(nodes const& from, auto const& see) {
        for (auto const& each : from) see(each, false);
    }
};

template <class Input>
inline constexpr bool is_graph_input = requires { &graph_input<Input>::argument; };

template <class... Inputs>
using graph_arguments = decltype(std::tuple_cat(
    graph_input<Inputs>::argument(std::declval<graph_values const&>(), std::declval<Inputs const&>())...));

/// A task of none or of several inputs, as a task of one item: their tuple. So policies can stand in front of it.
template <class F>
struct spread {
    F task;

    template <class... In, class... More>
        requires std::invocable<F const&, In const&..., More&...>
    decltype(auto) operator()(std::tuple<In...> const& inputs, More&... more) const
        noexcept(std::is_nothrow_invocable_v<F const&, In const&..., More&...>) {
        return std::apply([&](auto const&... each) -> decltype(auto) { return std::invoke(task, each..., more...); }, inputs);
    }
};

template <class F>
constexpr auto spread_task(F task) { return spread<F>{std::move(task)}; }
template <class Chain, class F>
constexpr auto spread_task(stage<Chain, F> task) {
    auto policies = task.policies();
    return stage{std::move(policies), spread<F>{std::move(task).task()}};
}

/// How a node's task is called with such arguments: one by itself, others as a tuple.
template <class F, class Arguments>
struct graph_form {
    using task = decltype(spread_task(std::declval<F>()));
    using item = Arguments const&;
    static task make(F from) { return spread_task(std::move(from)); }
};
template <class F, class Argument>
struct graph_form<F, std::tuple<Argument>> {
    using task = F;
    using item = Argument const&;
    static task make(F from) { return from; }
};

/// A node with its types: the task, and where its arguments come from.
template <class F, class... Inputs>
class graph_call final : public graph_task {
    using arguments = graph_arguments<Inputs...>;
    using form = graph_form<F, arguments>;
    using result = result_of<typename form::task, typename form::item>;

public:
    using value_type = typename result::value_type;

    graph_call(std::string called, F task, Inputs const&... from)
        : graph_task(std::move(called)), task_(form::make(std::move(task))), from_(from...) {}

    [[nodiscard]] std::unique_ptr<graph_value> place() const override { return std::make_unique<graph_value_of<value_type>>(); }

    void call(graph_values& values, std::size_t me, context& cx) const noexcept override {
        put(outcome_at<value_type>(values, me), cx, [&]() -> result {
            auto answer = guarded<result>([&]() -> result {    // where it is the list of the inputs that cannot be made
                auto const given = std::apply(
                    [&](auto const&... from) { return std::tuple_cat(graph_input<Inputs>::argument(values, from)...); }, from_);
                if constexpr (std::tuple_size_v<arguments> == 1) return invoke_task(task_, cx, std::get<0>(given));
                else return invoke_task(task_, cx, given);
            });
            finish(answer, cx);
            return answer;
        });
    }

private:
    typename form::task const task_;
    std::tuple<Inputs...> const from_;
};

}  // namespace muster::detail
