#pragma once

#include <tuple>          // tuple_cat
#include <type_traits>    // decay
#include <utility>        // forward

#include <muster/core/chain.hpp>      // chain, rest
#include <muster/core/concepts.hpp>   // policy
#include <muster/core/context.hpp>    // context
#include <muster/core/outcome.hpp>    // outcome

namespace muster {

/// Policies in front of a task; itself a task, and an ordinary function: `ask(item)` returns an outcome.
///
/// Shape      `ask(item)` or `ask(item, cx)`; the result is `outcome<R>` for a task that returns R.
/// Fails      whatever the policies and the task fail with, stamped with stage name, item path and attempts.
/// Threads    any number of calls at once: the task is called through `const&`.
/// Cost       that of its policies; three that do nothing cost nothing.
template <class Chain, class F>
class stage {
public:
    constexpr stage(Chain layers, F innermost) : chain_(std::move(layers)), task_(std::move(innermost)) {}

    template <class Item>
        requires requires { typename detail::rest_result_at<0, Chain, F, Item&&>::type; }
    auto operator()(Item&& item) const {
        context cx;
        return (*this)(std::forward<Item>(item), cx);
    }

    template <class Item>
        requires requires { typename detail::rest_result_at<0, Chain, F, Item&&>::type; }
    auto operator()(Item&& item, context& cx) const -> typename detail::rest_result_at<0, Chain, F, Item&&>::type {
        auto result = detail::rest<0, Chain, F>{chain_, task_}(cx, std::forward<Item>(item));
        if (!result.has_value()) [[unlikely]] {
            [[maybe_unused]] auto const named = enter(cx);    // the name is set again: the call that had it is over
            cx.stamp(result.error());
        }
        return result;
    }

    [[nodiscard]] constexpr Chain const& policies() const noexcept { return chain_; }
    [[nodiscard]] constexpr F const& task() const& noexcept { return task_; }
    [[nodiscard]] constexpr F&& task() && noexcept { return std::move(task_); }
    friend bool operator==(stage const&, stage const&) requires std::equality_comparable<F> = default;

private:
    template <class P>
    struct names : std::bool_constant<requires(P const& place, context& cx) { place.enter(cx); place.name(); }> {};
    auto enter(context& cx) const {
        if constexpr (constexpr auto unnamed = std::is_null_pointer_v<decltype(find_policy<names>(chain_))>; unnamed) {
            return nullptr;
        } else {
            return find_policy<names>(chain_)->enter(cx);
        }
    }

    [[no_unique_address]] Chain chain_;
    [[no_unique_address]] F task_;
};

namespace detail {

template <class T>
inline constexpr bool is_stage = false;
template <class C, class F>
inline constexpr bool is_stage<stage<C, F>> = true;

template <class T>
concept chainable = policy<T> || is_chain<T>;

struct anything {    // an element that converts to whatever a view's function takes
    template <class T>
    operator T&() const;
    template <class T>
    operator T&&() const;
};
struct no_range {};
// Takes a range and nothing else: a namespace whose operator| takes everything makes no range adaptors of its tasks.
template <class F>
concept ranges_closure = requires(anything (&range)[1], F closure) { range | closure; } &&
                         !requires(no_range other, F closure) { other | closure; };

template <class... Ps>
constexpr std::tuple<Ps...> const& layers_of(chain<Ps...> const& c) noexcept { return c.layers(); }
template <policy P>
constexpr std::tuple<P> layers_of(P const& p) { return std::tuple<P>{p}; }

template <class... Ps>
constexpr auto make_chain(std::tuple<Ps...> layers) {
    static_assert(places_first<Ps...>,
                  "muster: places (named, on, buffer, batched, scratch) come first: write on{pool} | retry{} | task");
    return chain<Ps...>{std::move(layers)};
}

}  // namespace detail

/// `policy | policy` is a chain, `chain | task` a stage, `policy | stage` a longer stage: read left to right, outside in.
template <class A, class B>
    requires detail::chainable<std::remove_cvref_t<A>>
constexpr auto operator|(A&& left, B&& right) {
    using P = std::remove_cvref_t<A>;
    using F = std::decay_t<B>;
    if constexpr (detail::chainable<F>) {
        return detail::make_chain(std::tuple_cat(detail::layers_of(left), detail::layers_of(right)));
    } else if constexpr (detail::is_stage<F>) {
        auto layers = detail::make_chain(std::tuple_cat(detail::layers_of(left), right.policies().layers()));
        return stage{std::move(layers), std::forward<B>(right).task()};
    } else if constexpr (std::is_class_v<F> && detail::ranges_closure<F>) {
        constexpr bool is_task = !detail::ranges_closure<F>;
        static_assert(is_task, "muster: a range adaptor cannot be a task: apply it to the items, map(items | view, ...)");
        return detail::refused{};
    } else {
        static_assert(std::is_class_v<F> || std::is_pointer_v<F> || std::is_member_pointer_v<F>,
                      "muster: right of | stands a policy, a task or a pipeline: something callable as f(item)");
        if constexpr (detail::is_chain<P>) return stage{P(std::forward<A>(left)), F(std::forward<B>(right))};
        else return stage{chain<P>{std::forward<A>(left)}, F(std::forward<B>(right))};
    }
}

/// Policies stand in front of what they are about.
template <class A, class B>
    requires(!detail::chainable<std::remove_cvref_t<A>> && detail::chainable<std::remove_cvref_t<B>>)
constexpr auto operator|(A&&, B&&) {
    constexpr bool is_policy = detail::chainable<std::remove_cvref_t<A>>;
    static_assert(is_policy, "muster: policies stand in front of the task: write retry{} | fetch, not fetch | retry{}");
    return detail::refused{};
}

/// Stages in sequence are a pipeline.
template <class C, class F, class B>
    requires(!detail::chainable<std::remove_cvref_t<B>>)
constexpr auto operator|(stage<C, F> const&, B&&) {
    constexpr bool is_policy = detail::chainable<std::remove_cvref_t<B>>;
    static_assert(is_policy, "muster: stages in sequence are a pipeline: write pipeline{a, b}, not a | b");
    return detail::refused{};
}

}  // namespace muster
