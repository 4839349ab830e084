// Runs a list through operators on this thread, as a stream would: what comes out, and what was refused.
#pragma once

#include <utility>
#include <vector>

#include <muster/core/concepts.hpp>
#include <muster/core/context.hpp>
#include <muster/core/failure.hpp>
#include <muster/core/invoke_task.hpp>
#include <muster/core/outcome.hpp>

namespace muster::testing {

template <class Out>
struct operated_result {
    std::vector<Out> given;
    std::vector<failure> refused;
};

/// A push as the engine makes it: what is thrown becomes a failure of the item.
template <class O, class Item, class State, class Emit>
void push_one(O const& with, State& state, Item&& item, Emit& emit_to, context& cx) {
    auto pushed = guarded<outcome<void>>([&]() -> outcome<void> {
        if constexpr (requires { with.push(state, std::move(item), emit_to, cx); }) with.push(state, std::move(item), emit_to, cx);
        else with.push(state, std::move(item), emit_to);
        return {};
    });
    if (!pushed) emit_to(std::move(pushed).error());
}

namespace operated_detail {

template <class Item, class... Ops>
struct steps;
template <class Item>
struct steps<Item> {
    using out = Item;
};
template <class Item, class O, class... Rest>
struct steps<Item, O, Rest...> {
    static_assert(operator_for<O, Item>);
    using next = steps<operator_output<O, Item>, Rest...>;
    using out = typename next::out;

    static void run(std::vector<Item> items, operated_result<out>& result, context& cx, O const& op, Rest const&... rest) {
        auto state = op.template make_state<Item>();
        std::vector<operator_output<O, Item>> given;
        struct {
            std::vector<operator_output<O, Item>>* given;
            std::vector<failure>* refused;
            void operator()(operator_output<O, Item> each) { given->push_back(std::move(each)); }
            void operator()(failure what) { refused->push_back(std::move(what)); }
        } emit_to{&given, &result.refused};
        for (auto& item : items) push_one(op, state, std::move(item), emit_to, cx);
        op.flush(state, emit_to);
        if constexpr (sizeof...(Rest) == 0) result.given = std::move(given);
        else next::run(std::move(given), result, cx, rest...);
    }
};

}  // namespace operated_detail

template <class Item, class... Ops>
auto operated(std::vector<Item> items, Ops const&... ops) {
    using all = operated_detail::steps<Item, Ops...>;
    operated_result<typename all::out> result;
    context cx;
    all::run(std::move(items), result, cx, ops...);
    return result;
}

}  // namespace muster::testing
