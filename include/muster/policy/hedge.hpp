#pragma once

#include <chrono>        // nanoseconds
#include <memory>        // shared_ptr
#include <mutex>         // mutex
#include <optional>      // results
#include <stop_token>    // stop_source
#include <string>        // describe
#include <utility>       // move

#include <muster/core/concepts.hpp>         // executor, around_tag, outcome_of
#include <muster/core/context.hpp>          // context
#include <muster/core/duration_text.hpp>    // duration_text
#include <muster/core/invoke_task.hpp>      // guarded
#include <muster/core/stage.hpp>            // operator|

namespace muster {

/// Asks a second time when the first answer is slow, takes whichever success comes first, and stops the other.
///
/// Order      left of `limit`: each of the two attempts takes a permit. Both attempts see the same item and policies.
/// Waits      for the first success; if the loser still runs, for that too: it is asked to stop, and joined.
/// Fails      with the failure that came last, when both fail. A first attempt that fails before the time is not hedged.
/// Default    none: how slow is slow is for the caller to say, such as the 95th percentile of the usual time.
/// Threads    any number at once. The first attempt runs on the executor, the second on the thread of the call; so a full
///            executor never blocks a call, it only makes it a hedged one.
/// Lifetime   refers to the executor, which must outlive every stage made from this policy.
/// Cost       one `post` and one wake-up per call, and a copy of the item.
/// Source     J. Dean, L. A. Barroso, "The Tail at Scale", CACM 2013.
template <class E>
class hedge {
    static_assert(detail::is_executor<E>, "muster: hedge names an executor, which has width(), bulk(n, width, body) and post(job)");

public:
    using policy_concept = around_tag;

    constexpr hedge(E& where, std::chrono::nanoseconds after) noexcept : where_(&where), after_(after) {}

    template <class Next, class Item>
    auto around(Next const& next, context& cx, Item&& item) const -> outcome_of<Next, std::remove_cvref_t<Item> const&>;

    [[nodiscard]] std::string describe() const { return "hedge{" + duration_text(after_) + "}"; }
    friend constexpr bool operator==(hedge, hedge) noexcept = default;

private:
    E* where_;
    std::chrono::nanoseconds after_;
};

// Implementation

namespace detail {

/// The attempt that was sent to the executor: not begun, running, or done; shared with the executor's queue.
template <class Result>
struct sent_attempt {
    enum class state { waiting, running, done, withdrawn };
    std::mutex mutex;
    state now = state::waiting;
    Result result{failure{}};
    wait_point done;

    bool move(state from, state to) {
        std::lock_guard lock(mutex);
        if (now != from) return false;
        now = to;
        return true;
    }
};

}  // namespace detail

template <class E>
template <class Next, class Item>
auto hedge<E>::around(Next const& next, context& cx, Item&& item) const -> outcome_of<Next, std::remove_cvref_t<Item> const&> {
    using value = std::remove_cvref_t<Item>;
    using result = outcome_of<Next, value const&>;
    using attempt = detail::sent_attempt<result>;

    std::stop_source first_stop, second_stop;
    auto const forward_stop = [&] { first_stop.request_stop(); second_stop.request_stop(); };
    std::stop_callback const stopped(cx.stop(), forward_stop);

    auto const sent = std::make_shared<attempt>();
    auto const call = [&](context& own) { return guarded<result>([&] { return next(own, static_cast<value const&>(item)); }); };
    context first_cx = context::below(cx);
    auto const first_attempt = first_cx.change_attempt(cx.attempt());
    auto const first_token = first_cx.change_stop(first_stop.get_token());
    auto const first_waiter = first_cx.change_waiter([&]() -> waiter_ref {    // it waits as the executor's threads do
        if constexpr (has_waiter<E>)
            if (!cx.waiting().rules_time()) return where_->waiting();
        return cx.waiting();
    }());
    // Once it runs it is joined below, so it may refer to this frame; if it never ran it touches nothing but `sent`.
    where_->post([sent, &call, &first_cx, &second_stop] {
        if (!sent->move(attempt::state::waiting, attempt::state::running)) return;
        put_answer(sent->result, call(first_cx));
        if (sent->result.has_value()) second_stop.request_stop();
        sent->move(attempt::state::running, attempt::state::done);
        sent->done.wake();
    });

    auto const end = cx.wait(sent->done, later(cx.now(), after_));
    if (end == context::wait_end::woken) return std::move(sent->result);

    std::optional<result> second;
    bool first_is_over = false;
    if (end == context::wait_end::elapsed) {
        context second_cx = context::below(cx);
        auto const second_attempt = second_cx.change_attempt(cx.attempt());
        auto const second_token = second_cx.change_stop(second_stop.get_token());
        second.emplace(call(second_cx));
        first_is_over = sent->done.woken();
    }
    if (sent->move(attempt::state::waiting, attempt::state::withdrawn))    // it never began
        return second ? std::move(*second) : result{cx.not_run(cx.interruption())};
    if (!second || second->has_value()) first_stop.request_stop();
    cx.waiting().wait_until(sent->done, never);    // the join: not bounded by the deadline, because it refers to this frame
    if (first_is_over) return sent->result.has_value() ? std::move(sent->result) : std::move(*second);
    if (second && second->has_value()) return std::move(*second);
    if (!second && !sent->result.has_value() && sent->result.error().is(cause::cancelled)) return cx.interruption();    // ours
    return std::move(sent->result);
}

}  // namespace muster
