#pragma once

#include <memory>     // shared_ptr
#include <mutex>      // mutex
#include <thread>     // yield
#include <utility>    // move
#include <variant>    // monostate

#include <muster/core/concepts.hpp>              // executor
#include <muster/core/context.hpp>               // context
#include <muster/core/invoke_task.hpp>    // guarded
#include <muster/core/outcome.hpp>               // outcome
#include <muster/core/waiter.hpp>                // wait_point, waiter_ref

namespace muster {

/// What `submit` gives: the outcome of a task that runs elsewhere.
///
/// Waits      `get` until the task is done, or as long as the context allows.
/// Fails      with what the task fails with; cause::timed_out or cancelled where the wait ended first (the task goes on).
/// Threads    a handle belongs to one thread at a time; it may be dropped at any time.
template <class T>
class pending {
public:
    [[nodiscard]] bool ready() const { return state_->done.woken(); }

    /// Waits, then gives the outcome; once. In a task of the same executor it waits as that executor's tasks do.
    outcome<T> get() { return get(context{waiter_}); }
    outcome<T> get(context const& cx) {
        // What was submitted in a row is done in a row: to sleep for each costs the worker a wake-up each.
        for (int i = 0; i < 16 && !wait_point::carrier() && !ready(); ++i) std::this_thread::yield();
        if (!ready() && cx.wait(state_->done) != context::wait_end::woken && !ready()) return cx.interruption();
        return std::move(state_->result);
    }

    struct state {
        wait_point done;
        outcome<T> result{failure{}};    // written before `done` is woken, read after
    };
    pending(std::shared_ptr<state> shared, waiter_ref by) : state_(std::move(shared)), waiter_(by) {}

private:
    std::shared_ptr<state> state_;
    waiter_ref waiter_;    // not asked once the task is done: the executor may be gone by then
};

namespace detail {

template <class E, class F, class... How>
auto submit_to(E& where, F task, How... how) {
    using value = typename normalised<std::remove_cvref_t<std::invoke_result_t<F const&>>>::type::value_type;
    auto state = std::make_shared<typename pending<value>::state>();
    where.post([state, task = std::move(task)] {
        context cx;
        put_answer(state->result, invoke_task([&](std::monostate) { return task(); }, cx, std::monostate{}));
        state->done.wake();
    }, how...);
    waiter_ref waiter;
    if constexpr (has_waiter<E>) waiter = where.waiting();
    return pending<value>{std::move(state), waiter};
}

}  // namespace detail
}  // namespace muster
