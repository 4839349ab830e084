#pragma once

#include <exception>     // current_exception
#include <functional>    // invoke
#include <utility>       // forward

#include <muster/core/concepts.hpp>    // task_result
#include <muster/core/context.hpp>     // context
#include <muster/core/outcome.hpp>     // outcome

namespace muster {

/// Runs `body`, which answers a `Result`; what it throws becomes a failure. The one place of the library that catches everything.
///
/// Fails      cause::threw, with the exception; out_of_memory for std::bad_alloc; what a `bad_outcome` carries.
template <class Result, class Body>
Result guarded(Body&& body) {
    try {
        return body();
    } catch (bad_outcome const& passed_on) {    // .value() of a failed outcome: the failure itself goes on
        return Result{passed_on.error()};
    } catch (std::bad_alloc const& full) {
        return Result{failure{cause::out_of_memory, full.what()}.exception(std::current_exception())};
    } catch (std::exception const& thrown) {
        return Result{failure{cause::threw, thrown.what()}.exception(std::current_exception())};
    } catch (...) {
        return Result{failure{cause::threw, "something that is no std::exception"}.exception(std::current_exception())};
    }
}

/// Puts an answer where it is waited for. A value that throws when it is moved becomes a failure there: an answer must not end the
/// thread that brings it.
template <class T>
void put_answer(outcome<T>& place, outcome<T>&& answer) noexcept {
    if constexpr (std::is_nothrow_move_assignable_v<outcome<T>>) {
        place = std::move(answer);
    } else {
        auto const put = guarded<outcome<void>>([&]() -> outcome<void> {
            place = std::move(answer);
            return {};
        });
        if (!put) place = put.error();
    }
}

/// Calls a task and makes an outcome of whatever comes: a value, nothing, an outcome, an exception. For verbs and policies.
///
/// Shape      `f(item, cx, state...)` where the task takes the context, else `f(item, state...)`.
/// Cost       the call; no `try` around a task that is noexcept.
template <class F, class Item, class... State>
auto invoke_task(F const& task, context& cx, Item&& item, State&... state) -> typename detail::task_result<F, Item, State&...>::type {
    using traits = detail::task_result<F, Item, State&...>;
    using result = typename traits::type;
    auto const call = [&]() noexcept(traits::is_noexcept) -> result {
        auto const invoke = [&]() -> decltype(auto) {
            if constexpr (detail::takes_context<F, Item, State&...>)
                return std::invoke(task, std::forward<Item>(item), cx, state...);
            else
                return std::invoke(task, std::forward<Item>(item), state...);
        };
        if constexpr (std::is_void_v<decltype(invoke())>) {
            invoke();
            return result{};
        } else {
            return invoke();
        }
    };
    if constexpr (traits::is_noexcept) return call();
    else return guarded<result>(call);
}

}  // namespace muster
