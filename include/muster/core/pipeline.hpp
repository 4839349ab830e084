#pragma once

#include <cstddef>        // size_t
#include <tuple>          // tuple
#include <utility>        // forward

#include <muster/core/concepts.hpp>              // task_for
#include <muster/core/context.hpp>               // context
#include <muster/core/invoke_task.hpp>    // invoke_task
#include <muster/core/outcome.hpp>               // outcome

namespace muster {

/// Tasks in sequence: each gets what the one before it answered; itself a task.
///
/// Shape      `flow(item)` or `flow(item, cx)`; the result is that of the last stage.
///            Operators stand between stages, as they are: such a pipeline runs in a stream or a durable run, and is no task.
/// Fails      with the failure of the first stage that fails; the later ones are not called.
/// Threads    any number of calls at once.
/// Cost       the calls themselves: no queue, no copy, values are moved from stage to stage.
template <class... Stages>
class pipeline {
    static_assert(sizeof...(Stages) > 0, "muster: a pipeline has at least one stage");

public:
    constexpr explicit pipeline(Stages... stages) : stages_(std::move(stages)...) {}

    template <class Item>
    auto operator()(Item&& item) const {
        context cx;
        return (*this)(std::forward<Item>(item), cx);
    }
    template <class Item>
    auto operator()(Item&& item, context& cx) const {
        return from<0>(cx, std::forward<Item>(item));
    }

    [[nodiscard]] constexpr std::tuple<Stages...> const& stages() const noexcept { return stages_; }
    friend bool operator==(pipeline const&, pipeline const&) = default;

private:
    template <std::size_t I, class Item>
    auto from(context& cx, Item&& item) const {
        auto const& task = std::get<I>(stages_);
        using task_type = std::remove_cvref_t<decltype(task)>;
        constexpr bool waits_for_more = detail::is_operator<task_type>;
        constexpr bool fits = task_for<task_type, Item&&>;
        static_assert(!waits_for_more, "muster: this pipeline has an operator in it (a window, a join, flatten, ...), which answers not "
                                       "for one item but for many: run it with stream(items, pipeline), or with run(source, pipeline, journal)");
        static_assert(fits || waits_for_more, "muster: a stage of this pipeline cannot be called with what the stage before it answers");
        if constexpr (fits) return called<I>(task, cx, std::forward<Item>(item));
        else return outcome<detail::refused>{};
    }

    template <std::size_t I, class Task, class Item>
    auto called(Task const& task, context& cx, Item&& item) const {
        auto result = invoke_task(task, cx, std::forward<Item>(item));
        if (!result.has_value()) [[unlikely]] cx.stamp(result.error());    // a bare task knows neither item nor attempt
        if constexpr (I + 1 == sizeof...(Stages)) {
            return result;
        } else {
            static_assert(!std::is_void_v<typename decltype(result)::value_type>,
                          "muster: only the last stage of a pipeline may answer nothing");
            using last = decltype(from<I + 1>(cx, std::move(*result)));
            if (!result) return last{std::move(result).error()};
            return from<I + 1>(cx, std::move(*result));
        }
    }

    std::tuple<Stages...> stages_;
};

template <class... Stages>
pipeline(Stages...) -> pipeline<Stages...>;

}  // namespace muster
