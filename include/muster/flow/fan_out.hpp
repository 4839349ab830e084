#pragma once

#include <array>          // pointers to calls
#include <cstddef>        // size_t
#include <mutex>          // answers
#include <optional>       // answers
#include <stop_token>     // stop_source
#include <string>         // what a quorum lacks
#include <tuple>          // tasks of different types
#include <type_traits>    // common_type
#include <utility>        // index_sequence
#include <vector>         // answers

#include <muster/core/concepts.hpp>        // task_for, result_of
#include <muster/core/context.hpp>         // context
#include <muster/core/outcome.hpp>         // outcome
#include <muster/core/stage.hpp>           // stage
#include <muster/flow/detail/calls.hpp>    // call_item
#include <muster/flow/detail/run.hpp>      // plan_run, run_each

namespace muster {

/// All tasks answer; as many outcomes, in the order of the tasks.
template <class... Tasks>
struct all {
    std::tuple<Tasks...> tasks;
    explicit constexpr all(Tasks... each) : tasks(std::move(each)...) {}
};

/// The first task that succeeds answers, the others are stopped.
template <class... Tasks>
struct first {
    std::tuple<Tasks...> tasks;
    explicit constexpr first(Tasks... each) : tasks(std::move(each)...) {}
};

/// The first `needed` successes answer, in the order of the tasks; the others are stopped.
template <class... Tasks>
struct quorum {
    std::size_t needed;
    std::tuple<Tasks...> tasks;
    constexpr quorum(std::size_t how_many, Tasks... each) : needed(how_many), tasks(std::move(each)...) {}
};

/// Sends one item to many tasks: `fan_out(query, on{pool} | first{primary, replica})`.
///
/// Order      tasks start in the order in which they are written; policies in front of the group are about each of them.
/// Shape      `all{a, b}`: `std::tuple<outcome<A>, outcome<B>>`. `first{a, b}`: `outcome<R>`. `quorum{k, a, b, c}`:
///            `outcome<std::vector<R>>` of k answers. `R` is the common type of the answers.
/// Waits      until all tasks have ended: those that are no longer needed are asked to stop, and joined.
/// Fails      `first` with the failure that came last when all failed; `quorum` as soon as k can no longer be reached, saying
///            how many answered. `error().index()` is the position of the task. cause::invalid_input, and no task is asked,
///            where there are fewer than k.
/// Threads    each task gets the same const item and a context of its own.
/// Lifetime   the context, last argument, is inherited: stop, deadline, waiter, path.
struct fan_out_verb {
    template <class Item, class Group>
    auto operator()(Item const& item, Group const& group, context const& parent = context{}) const;
};
inline constexpr fan_out_verb fan_out{};

// Implementation

namespace detail {

template <class Group, class Chain>
struct fan;    // the calls of a group, each behind the policies in front of it

template <template <class...> class Group, class... Tasks, class Chain>
struct fan<Group<Tasks...>, Chain> {
    template <class Item, std::size_t I>
    using result = result_of<stage<Chain, std::tuple_element_t<I, std::tuple<Tasks...>>>, Item const&>;
    static constexpr std::size_t count = sizeof...(Tasks);
};

template <class Group>
inline constexpr bool is_all = false;
template <class... Tasks>
inline constexpr bool is_all<all<Tasks...>> = true;
template <class Group>
inline constexpr bool is_quorum = false;
template <class... Tasks>
inline constexpr bool is_quorum<quorum<Tasks...>> = true;
template <class Group>
inline constexpr bool is_group = is_all<Group> || is_quorum<Group>;
template <class... Tasks>
inline constexpr bool is_group<first<Tasks...>> = true;

// Runs task I of the group with the item, behind the policies.
template <std::size_t I, class Chain, class Group, class Item>
auto call_one(Chain const& policies, Group const& group, Item const& item, std::size_t position, context& cx) {
    using task = std::tuple_element_t<I, decltype(group.tasks)>;
    using result = result_of<stage<Chain, task>, Item const&>;
    cx.item(position);
    auto answer = guarded<result>([&]() -> result {    // a task that cannot be copied fails alone
        stage<Chain, task> const one{policies, std::get<I>(group.tasks)};
        return call_item<result>(one, position, cx, item);
    });
    finish(answer, cx);
    return answer;
}

template <class Chain, class Group, class Item, std::size_t... I>
auto fan_out_to(Chain const& policies, Group const& group, Item const& item, context const& parent, std::index_sequence<I...>) {
    using shape = fan<Group, Chain>;
    auto const place = find_policy<is_on>(policies);
    auto const plan = plan_run(place, shape::count);
    auto const dispatch = [](std::size_t which, auto&& visit) {
        ((which == I ? (void)visit(std::integral_constant<std::size_t, I>{}) : void()), ...);
    };

    if constexpr (is_all<Group>) {
        std::tuple<typename shape::template result<Item, I>...> answers;
        run_each(place, plan, shape::count, parent, [&](std::size_t i, context& cx) {
            dispatch(i, [&](auto at) { put_answer(std::get<at>(answers), call_one<at>(policies, group, item, i, cx)); });
        });
        return answers;
    } else {
        using value = std::common_type_t<typename shape::template result<Item, I>::value_type...>;
        auto needed = std::size_t{1};
        if constexpr (is_quorum<Group>) {
            needed = group.needed;
            if (needed > shape::count)
                return outcome<std::vector<value>>{failure{cause::invalid_input, "muster: a quorum of " + std::to_string(needed) +
                                                                                     " cannot come from " +
                                                                                     std::to_string(shape::count) + " tasks"}};
        }

        std::mutex mutex;
        std::array<std::optional<value>, shape::count> answers;
        std::size_t successes = 0, failures = 0;
        failure last;
        std::stop_source stop;
        auto const pass_on = [&stop] { stop.request_stop(); };
        std::stop_callback const stopped(parent.stop(), pass_on);
        if (needed == 0) stop.request_stop();

        run_each(place, plan, shape::count, parent, [&](std::size_t i, context& cx) {
            auto const own_stop = cx.change_stop(stop.get_token());
            dispatch(i, [&](auto at) {
                auto answer = call_one<at>(policies, group, item, i, cx);
                std::lock_guard lock(mutex);
                if (answer.has_value() && successes < needed) {
                    auto const keep = [&]() -> outcome<void> {
                        answers[i].emplace(std::move(*answer));
                        return {};
                    };
                    if (auto const kept = guarded<outcome<void>>(keep); !kept) answer = kept.error();    // its move threw
                    else if (++successes == needed) stop.request_stop();
                }
                if (!answer.has_value()) {
                    ++failures;
                    auto const ours = answer.error().is(cause::cancelled) && stop.stop_requested() && !parent.stopped();
                    if (!ours || failures == 1) last = std::move(answer).error();
                    if (shape::count - failures < needed) stop.request_stop();
                }
            });
        });
        std::vector<value> taken;
        for (auto& one : answers)
            if (one) taken.push_back(std::move(*one));
        if constexpr (is_quorum<Group>) {
            using result = outcome<std::vector<value>>;
            if (successes >= needed) return result{std::move(taken)};
            last.note("; " + std::to_string(successes) + " of " + std::to_string(needed) + " answers that were needed");
            return result{std::move(last)};
        } else {
            return successes != 0 ? outcome<value>{std::move(taken.front())} : outcome<value>{std::move(last)};
        }
    }
}

}  // namespace detail

template <class Item, class Group>
auto fan_out_verb::operator()(Item const& item, Group const& group, context const& parent) const {
    if constexpr (detail::is_stage<Group>) {
        using tasks = std::remove_cvref_t<decltype(group.task())>;
        static_assert(detail::is_group<tasks>, "muster: fan_out takes all{a, b}, first{a, b} or quorum{k, a, b}, behind policies or not");
        constexpr auto count = std::tuple_size_v<decltype(tasks::tasks)>;
        return detail::fan_out_to(group.policies(), group.task(), item, parent, std::make_index_sequence<count>{});
    } else {
        static_assert(detail::is_group<Group>, "muster: fan_out takes all{a, b}, first{a, b} or quorum{k, a, b}, behind policies or not");
        constexpr auto count = std::tuple_size_v<decltype(Group::tasks)>;
        return detail::fan_out_to(chain<>{}, group, item, parent, std::make_index_sequence<count>{});
    }
}

}  // namespace muster
