#pragma once

#include <memory>         // shared_ptr
#include <utility>        // forward

#include <muster/core/concepts.hpp>              // task_for
#include <muster/core/context.hpp>               // context
#include <muster/core/invoke_task.hpp>     // invoke_task
#include <muster/core/outcome.hpp>               // outcome

namespace muster {

/// A task whose type is forgotten, for ABI edges and for chains that are built from configuration.
///
/// Shape      `ask(item)` or `ask(item, cx)`; called with `In const&`, answers `outcome<Out>`.
/// Default    none: it is made from a task whose answer converts to `Out`.
/// Threads    any number of calls at once.
/// Cost       one indirect call, about 6 ns; a copy shares the task.
template <class In, class Out>
class any_stage {
public:
    template <task_for<In const&> F>
        requires(!std::same_as<std::remove_cvref_t<F>, any_stage> && std::convertible_to<result_of<F, In const&>, outcome<Out>>)
    any_stage(F task)
        : task_(std::make_shared<F const>(std::move(task))), call_([](void const* erased, In const& item, context& cx) -> outcome<Out> {
              outcome<Out> result = invoke_task(*static_cast<F const*>(erased), cx, item);
              if (!result.has_value()) [[unlikely]] cx.stamp(result.error());    // a bare task knows neither item nor attempt
              return result;
          }) {}

    outcome<Out> operator()(In const& item) const {
        context cx;
        return call_(task_.get(), item, cx);
    }
    outcome<Out> operator()(In const& item, context& cx) const { return call_(task_.get(), item, cx); }

private:
    std::shared_ptr<void const> task_;
    outcome<Out> (*call_)(void const*, In const&, context&);
};

}  // namespace muster
