#pragma once

#include <exception>      // exception_ptr
#include <memory>         // construct_at, destroy_at
#include <tuple>          // more than two sides
#include <type_traits>    // invoke_result
#include <utility>        // forward, move, pair
#include <variant>        // monostate

#include <muster/exec/detail/crew.hpp>          // what is behind a fork that is shared
#include <muster/exec/detail/fork_stack.hpp>    // fork_stack, forked

namespace muster {

/// The place of a call among the forks of its thread: one pointer, handed along by value. `thread_pool::run` gives the first.
///
/// Lifetime   of the call that was given it. Use the innermost one: an outer one stands for forks that are still open.
class worker {
public:
    /// True when the run was asked to stop, or its deadline has passed.
    [[nodiscard]] bool stop_requested() const { return detail::fork_stack::of_place(at_)->run->cx.stop_requested(); }

    explicit constexpr worker(detail::forked** at) noexcept : at_(at) {}    // for the library
    [[nodiscard]] constexpr detail::forked** at() const noexcept { return at_; }

private:
    detail::forked** at_;
};

namespace detail {

template <class F, class... Args>
struct side_result { using type = std::decay_t<std::invoke_result_t<F&, Args...>>; };
template <class F, class... Args>
    requires std::is_void_v<std::invoke_result_t<F&, Args...>>
struct side_result<F, Args...> { using type = std::monostate; };
template <class F, class G, class... Args>
using both = std::pair<typename side_result<F, Args...>::type, typename side_result<G, Args...>::type>;

}  // namespace detail

/// Calls both sides, perhaps at the same time, and gives both answers: `auto [a, b] = join(w, f, g)`.
///
/// `join(w, f, g)` calls `f(w)` and `g(w)` with the worker to use inside; `join(f, g)` calls `f()` and `g()`, and looks up its place:
/// 1 ns more. More sides than two nest to the right.
///
/// Order      `f` on this thread, at once; `g` after it, unless an idle worker has taken it in between.
/// Shape      a pair (from three sides on a tuple) of what the sides answer; std::monostate for void.
/// Waits      until both sides are over. Meanwhile this thread runs only what they forked: a lock held across a join is never
///            asked for again on its thread by work of somebody else.
/// Throws     what a side throws; of two the left one's. A side that was not started when the other one threw is not called.
///            Where the run was asked to stop, a fork throws instead of calling: `run` answers cause::cancelled. So what forks
///            below a `run` that can be stopped is not noexcept.
/// Threads    inside `thread_pool::run`, and everywhere in its tasks without a worker; elsewhere one side after the other.
/// Cost       about that of two calls as long as all workers are busy: no allocation, no atomic read-modify-write, no fence.
///            Stack as plain recursion, and about 100 bytes a fork that is open. The sides are moved: capture by value.
template <class F, class G>
auto join(worker w, F f, G g) -> detail::both<F, G, worker>;
template <class F, class G>
auto join(F f, G g) -> detail::both<F, G>;

// Implementation

namespace detail {

template <class F, class... Args>
[[gnu::always_inline]] inline auto call_side(F& f, Args... args) noexcept(std::is_nothrow_invocable_v<F&, Args...>) -> typename side_result<F, Args...>::type {
    if constexpr (std::is_void_v<std::invoke_result_t<F&, Args...>>) {
        f(args...);
        return {};
    } else {
        return f(args...);
    }
}

/// The side of a join that others may take: what to call, and room for its answer.
template <class G, class... Args>
class other_side : public forked {
public:
    using result = typename side_result<G, Args...>::type;
    explicit other_side(G&& g) noexcept(std::is_nothrow_move_constructible_v<G>) : forked{&call}, side(std::move(g)) {}
    ~other_side() {}    // of the answer whoever takes it sees to it

    /// What it answered elsewhere.
    result take() {
        if (threw_) std::rethrow_exception(std::move(threw_));
        struct gone {
            result& it;
            ~gone() { std::destroy_at(&it); }
        } const after{answer_};
        return std::move(answer_);
    }
    /// Nobody wants to know.
    void drop() noexcept {
        if (threw_) std::destroy_at(&threw_);
        else std::destroy_at(&answer_);
    }

    G side;

private:
    static void call(forked& erased, [[maybe_unused]] forked** at) noexcept {
        auto& me = static_cast<other_side&>(erased);
        std::construct_at(&me.threw_);
        try {
            ::new (static_cast<void*>(&me.answer_)) result(call_side(me.side, Args(at)...));
        } catch (...) {
            me.threw_ = std::current_exception();
        }
    }
    union { result answer_; };               // made elsewhere, or never
    union { std::exception_ptr threw_; };    // the same
};

// The left side threw: the other one is taken back, or waited for.
template <class Other>
[[gnu::cold, gnu::noinline]] void abandon(forked** at, Other& other) noexcept {
    if (!*at && fork_stack::of_place(at)->settle(at, other)) other.drop();
}

// The other side was shared: it is taken back and called, or waited for.
template <class Other, class... Args>
[[gnu::cold, gnu::noinline]] typename Other::result settled(forked** at, Other& other, Args... args) {
    if (fork_stack::of_place(at)->settle(at, other)) return other.take();
    return call_side(other.side, args...);
}

/// A fork that is open. Where the left side throws, the other one is taken back or waited for.
template <class Other>
class open_fork {
public:
    [[gnu::always_inline]] open_fork(forked** at, Other& other) : at_(at), other_(other) {
        *at = &other;
        auto* const stack = fork_stack::of_place(at);
        if (stack->wanted.load(std::memory_order_relaxed) != fork_stack::nothing) [[unlikely]] stack->answer(at);    // a hint: seen late it costs one fork
    }
    open_fork(open_fork const&) = delete;
    [[gnu::always_inline]] ~open_fork() {
        if (!closed_) abandon(at_, other_);
    }
    /// The left side is over. True when the other one is still where it was.
    [[gnu::always_inline]] bool close() noexcept {
        closed_ = true;
        return *at_ != nullptr;    // who shares it empties the place; comparing with its address would cost a register
    }

private:
    forked** const at_;
    Other& other_;
    bool closed_ = false;
};

template <class First, class Others>
auto flat(std::pair<First, Others>&& nested) {
    return std::apply([&](auto&&... each) { return std::tuple{std::move(nested.first), std::move(each)...}; }, std::move(nested.second));
}

}  // namespace detail

template <class F, class G>
[[gnu::always_inline]] inline auto join(worker w, F f, G g) -> detail::both<F, G, worker> {
    detail::other_side<G, worker> other{std::move(g)};
    detail::open_fork fork{w.at(), other};
    auto a = detail::call_side(f, worker{w.at() + 1});
    if (fork.close()) [[likely]] return {std::move(a), detail::call_side(other.side, w)};
    return {std::move(a), detail::settled(w.at(), other, w)};
}

template <class F, class G>
auto join(F f, G g) -> detail::both<F, G> {
    auto* const stack = detail::fork_stack::here();
    if (!stack) {
        if (auto* const crew = detail::crew::current()) return crew->enter(context{}, [&](detail::forked**) { return join(std::move(f), std::move(g)); });
        auto a = detail::call_side(f);
        return {std::move(a), detail::call_side(g)};
    }
    detail::other_side<G> other{std::move(g)};
    auto** const at = stack->top;
    detail::open_fork fork{at, other};
    auto a = [&] {
        struct one_up {    // during the left side
            explicit one_up(detail::forked**& where) noexcept : top(++where) {}
            ~one_up() { --top; }
            detail::forked**& top;
        } const during{stack->top};
        return detail::call_side(f);
    }();
    if (fork.close()) [[likely]] return {std::move(a), detail::call_side(other.side)};
    return {std::move(a), detail::settled(at, other)};
}

/// More than two sides, as a tuple.
template <class F, class G, class H, class... More>
    requires(!std::is_same_v<F, worker>)
auto join(F f, G g, H h, More... more) {
    auto rest = [g = std::move(g), h = std::move(h), ... more = std::move(more)]() mutable { return join(std::move(g), std::move(h), std::move(more)...); };
    return detail::flat(join(std::move(f), std::move(rest)));
}
template <class F, class G, class H, class... More>
auto join(worker w, F f, G g, H h, More... more) {
    auto rest = [g = std::move(g), h = std::move(h), ... more = std::move(more)](worker inner) mutable {
        return join(inner, std::move(g), std::move(h), std::move(more)...);
    };
    return detail::flat(join(w, std::move(f), std::move(rest)));
}

}  // namespace muster
