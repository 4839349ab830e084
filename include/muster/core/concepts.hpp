#pragma once

#include <chrono>         // nanoseconds
#include <concepts>       // same_as, invocable, movable
#include <cstddef>        // size_t
#include <functional>     // invoke
#include <optional>       // cache look-ups
#include <string_view>    // name of a stage
#include <type_traits>    // remove_cvref
#include <utility>        // declval, move

#include <muster/core/context.hpp>    // context
#include <muster/core/outcome.hpp>    // outcome
#include <muster/core/waiter.hpp>     // waiter_ref

namespace muster {

/// Opt in by `using policy_concept = muster::around_tag;`: the policy wraps each call.
struct around_tag {};
/// Opt in by `using policy_concept = muster::place_tag;`: verbs read the policy once, before the loop.
struct place_tag {};

// Tasks

namespace detail {

template <class R>
struct normalised { using type = outcome<std::decay_t<R>>; };
template <class T>
struct normalised<outcome<T>> { using type = outcome<T>; };
template <>
struct normalised<void> { using type = outcome<void>; };

// A task that takes the context gets it; scratch state comes last.
template <class F, class Item, class... State>
concept takes_context = std::invocable<F const&, Item, context&, State...>;
template <class F, class Item, class... State>
concept takes_item = std::invocable<F const&, Item, State...>;

template <class F, class Item, class... State>
struct task_result {};    // not callable so: no `type`, and asking is no error
template <class F, class Item, class... State>
    requires takes_context<F, Item, State...>
struct task_result<F, Item, State...> : normalised<std::remove_cvref_t<std::invoke_result_t<F const&, Item, context&, State...>>> {
    static constexpr bool is_noexcept = std::is_nothrow_invocable_v<F const&, Item, context&, State...>;
};
template <class F, class Item, class... State>
    requires(takes_item<F, Item, State...> && !takes_context<F, Item, State...>)
struct task_result<F, Item, State...> : normalised<std::remove_cvref_t<std::invoke_result_t<F const&, Item, State...>>> {
    static constexpr bool is_noexcept = std::is_nothrow_invocable_v<F const&, Item, State...>;
};

}  // namespace detail

/// A callable `f(item)` or `f(item, context&)`, through `const&`: a verb calls it from many threads at once.
template <class F, class Item>
concept task_for = detail::takes_context<F, Item> || detail::takes_item<F, Item>;

/// What a task answers for such an item, as an outcome: `T`, `void` and `outcome<T>` all become `outcome`.
template <class F, class Item>
    requires task_for<F, Item>
using result_of = typename detail::task_result<F, Item>::type;

/// What the rest of a chain answers: the return type of a policy that hands the answer on as it is.
template <class Next, class Item>
using outcome_of = std::invoke_result_t<Next const&, context&, Item>;

// Policies

/// Said around a call: copied with its stage, never assigned; has `around(next, cx, item) const`, which calls `next(cx, item)` zero or more times.
template <class P>
concept around_policy = std::copy_constructible<P> && std::derived_from<typename P::policy_concept, around_tag>;

/// Said about the place of a call: `on`, `named`, `batched`, ... It may offer `enter(cx)`, whose result is kept during a call.
template <class P>
concept place_policy = std::copy_constructible<P> && std::derived_from<typename P::policy_concept, place_tag>;

template <class P>
concept policy = around_policy<P> || place_policy<P>;

// Operators

/// Opt in by `using operator_concept = muster::operator_tag;`: the value turns m items of a stream into n.
struct operator_tag {};

/// Stands between the stages of a stream: a window, a join, `flatten`. It is no task: only a stream, which has an end, can run it.
template <class O>
concept stream_operator = std::copy_constructible<O> && std::derived_from<typename O::operator_concept, operator_tag>;

/// What an operator gives for such items.
template <class O, class Item>
using operator_output = typename O::template output<Item>;

/// What an operator knows during a run. One that is `transportable` (core/wire.hpp) can be kept by a journal: as `encoded(state)`.
template <class O, class Item>
using operator_state = std::remove_cvref_t<decltype(std::declval<O const&>().template make_state<Item>())>;

namespace detail {

// Called with what leaves an operator.
template <class Output>
struct any_emit {
    void operator()(Output given) const;     // goes on to the next stage
    void operator()(failure refused) const;  // late, or no room: goes where failures go
};

template <class O, class Item, class State, class Emit>
concept pushes_with_context = requires(O const& with, State& state, Item item, Emit& emit_to, context& cx) {
    with.push(state, std::move(item), emit_to, cx);
};
template <class O, class Item, class State, class Emit>
concept pushes_item = requires(O const& with, State& state, Item item, Emit& emit_to) {
    with.push(state, std::move(item), emit_to);
};

}  // namespace detail

/// An operator that takes such items.
///
/// Order      `make_state<Item>()` once a run; `push` once for each item, in the order of the stream; `flush` once, when no item
///            comes any more. What a run that is stopped holds is not flushed.
/// Shape      `push(state, Item&&, emit_to)` or, to know the time of processing, `push(state, Item&&, emit_to, cx)`; event time
///            comes from the item. `emit_to` is an lvalue, called zero or more times with `output<Item>` or with a `failure`. It
///            may answer a bool: false when nobody takes more, so that an operator with much to give may end early.
/// Throws     whatever it likes: the stream makes it a failure of that item, and pushes the next one. The state stays sound.
/// Threads    one at a time for each state; the operator itself is shared, and so const.
template <class O, class Item>
concept operator_for = stream_operator<O> && requires { typename operator_output<O, Item>; typename operator_state<O, Item>; } &&
    std::is_object_v<operator_output<O, Item>> && std::default_initializable<operator_state<O, Item>> &&
    std::movable<operator_state<O, Item>> &&
    (detail::pushes_item<O, Item, operator_state<O, Item>, detail::any_emit<operator_output<O, Item>>> ||
     detail::pushes_with_context<O, Item, operator_state<O, Item>, detail::any_emit<operator_output<O, Item>>>) &&
    requires(O const& with, operator_state<O, Item>& state, detail::any_emit<operator_output<O, Item>>& emit_to) {
        with.flush(state, emit_to);
    };

// Orders of waiting

/// Opt in by `using discipline_concept = muster::discipline_tag;`: the value says who of those that wait is next.
struct discipline_tag {};

/// Makes the queues that stand in front of a stage in place of first in, first out.
///
/// `make_queue<Item>(most, seen)` answers a queue for at most so many; `seen(item)` gives what the functions of the discipline are asked
/// about, where a queue holds more than that. Its `push(item, now)` takes the item and answers true, or leaves it
/// as it is and answers false: no room for this one, though perhaps for another. `pop()` answers the next one, nothing only where
/// `size()` is 0. It is called by one thread at a time, and reads no clock.
template <class D, class Item>
concept discipline_for = std::copy_constructible<D> && std::derived_from<typename D::discipline_concept, discipline_tag> &&
    requires(D const& by, std::remove_cvref_t<decltype(std::declval<D const&>().template make_queue<Item>(std::size_t{}, std::identity{}))>& queue,
             Item item, instant now) {
        { queue.push(std::move(item), now) } -> std::same_as<bool>;
        { queue.pop() } -> std::same_as<std::optional<Item>>;
        { queue.size() } -> std::same_as<std::size_t>;
    };

// Gates

namespace detail {
struct any_result {    // what a permit must be able to learn from
    bool has_value() const noexcept;
    failure const& error() const noexcept;
};
}  // namespace detail

/// Held while a call passes a gate; releases in its destructor.
template <class P>
concept permit = std::movable<P> && !std::copyable<P> && requires(P& held, outcome<int> const& result) {
    held.settle(result);    // told how the call ended; a no-op where the gate does not learn
};

/// Who may pass: a rate limiter, a bulkhead, a breaker, a budget.
template <class G>
concept gate = requires(G& at, context& cx, double weight) {
    { at.acquire(cx, weight) };                         // waits through cx for a permit, or says why not
    requires detail::is_outcome<decltype(at.acquire(cx, weight))>;
    requires permit<typename decltype(at.acquire(cx, weight))::value_type>;
};

// Caches

/// What is remembered: `get_or_compute(key, cx, f)` answers from memory, or lets one caller compute while the others wait.
template <class C>
concept cache = requires(C& in, typename C::key_type const& key, context& cx, outcome<typename C::value_type> (*compute)(context&)) {
    { in.get_or_compute(key, cx, compute) } -> std::same_as<outcome<typename C::value_type>>;
    { in.get(key) } -> std::same_as<std::optional<typename C::value_type>>;    // a look that computes nothing
};

// Executors

namespace detail {
struct any_body {
    void operator()(std::size_t first, std::size_t last) const noexcept;
};
struct any_job {
    void operator()() noexcept;
};
}  // namespace detail

/// Where work runs.
///
/// `bulk(n, width, body)` calls `body(first, last)` on ranges that cover [0, n) once, at most `width` at a time, the caller's
/// thread among them, and returns when all have returned; `body` does not throw. It completes also when no thread can be
/// had. `post(job)` runs `job()` once, later, on some thread; it throws when it cannot.
template <class E>
concept executor = requires(E& where, std::size_t n, detail::any_body const& body, detail::any_job job) {
    { where.width() } -> std::convertible_to<std::size_t>;    // the most calls that it runs at once
    { where.bulk(n, n, body) };
    { where.post(std::move(job)) };
};

/// An executor whose threads wait in a way of their own: verbs put its waiter into the contexts of their calls.
template <class E>
concept has_waiter = requires(E& where) { { where.waiting() } -> std::convertible_to<waiter_ref>; };

// Runners

/// Opt in by `using runner_concept = muster::runner_tag;`
struct runner_tag {};

/// Runs tasks in another process or machine: closures of this process mean nothing there, so it is no executor. It offers
/// `call<Result>(policies, task, cx, item)` for one item and `call_each<Result, Item>(...)` for those of a verb, as `process_pool` does.
template <class R>
concept runner = std::derived_from<typename R::runner_concept, runner_tag> && requires(R& by) {
    { by.width() } -> std::convertible_to<std::size_t>;    // the most calls that it runs at once
};

// Observers

/// What an observer is told.
struct call_event {
    enum class kind : unsigned char { started, finished };
    kind what = kind::started;
    context const* call = nullptr;           ///< stage, path, attempt, run; valid during the call of the observer
    instant at{};                            ///< when, on the context's time source
    std::chrono::nanoseconds took{};         ///< of a finished call
    failure const* error = nullptr;          ///< of a finished call that failed
};

/// Who sees: told of every call that passes `observe`, from many threads at once. It does not throw and does not wait.
template <class O>
concept observer = requires(O& sees, call_event const& event) { { sees.on_call(event) } noexcept; };

/// A place for what leaves a flow: takes one record at a time, from many threads at once.
template <class S, class Record>
concept sink = requires(S& to, Record record) { to.put(std::move(record)); };

// A concept that fails in a static_assert is explained over many lines; these are not: the message says what to write.
namespace detail {
template <class F, class Item>
inline constexpr bool is_task_for = task_for<F, Item>;
template <class G>
inline constexpr bool is_gate = gate<G>;
template <class C>
inline constexpr bool is_cache = cache<C>;
template <class E>
inline constexpr bool is_executor = executor<E>;
template <class R>
inline constexpr bool is_runner = runner<R>;
template <class O>
inline constexpr bool is_operator = stream_operator<O>;
template <class O, class Item>
inline constexpr bool is_operator_for = operator_for<O, Item>;
template <class O>
inline constexpr bool is_observer = observer<O>;

struct refused {};    // what a function returns after a static_assert, so that nothing follows from the misuse
}  // namespace detail

/// What an item weighs at a gate: `weight(item)` where an overload for its type is found by ADL, else 1.
template <class Item>
[[nodiscard]] constexpr double weight_of(Item const& item) {
    if constexpr (requires { { weight(item) } -> std::convertible_to<double>; }) return static_cast<double>(weight(item));
    else return 1.0;
}

}  // namespace muster
