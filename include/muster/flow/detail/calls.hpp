#pragma once

#include <algorithm>      // sort
#include <cstddef>        // size_t
#include <functional>     // invoke
#include <mutex>          // failures
#include <type_traits>    // is_nothrow_invocable
#include <utility>        // forward, move
#include <vector>         // failures

#include <muster/core/chain.hpp>          // chain
#include <muster/core/concepts.hpp>       // place_policy, takes_item
#include <muster/core/context.hpp>        // context
#include <muster/core/invoke_task.hpp>    // invoke_task, guarded
#include <muster/core/outcome.hpp>        // outcome
#include <muster/core/stage.hpp>          // stage
#include <muster/policy/named.hpp>        // named
#include <muster/flow/detail/items.hpp>   // reader
#include <muster/flow/detail/pace.hpp>    // pace
#include <muster/flow/detail/run.hpp>     // chunk_context, placed

// How a verb calls its task: item by item through the task's policies, or, where there are none around it and it takes no context,
// in a loop that holds the calls and nothing else, so that the compiler can merge and vectorise them.

namespace muster::detail {

/// Completes a failure as the verb gives it: stamped, and numbered as this verb's item.
inline void finish(failure& what, context const& cx) {
    cx.stamp(what);
    what.leave(cx.path());
}
template <class T>
void finish(outcome<T>& result, context const& cx) {
    if (!result.has_value()) [[unlikely]] finish(result.error(), cx);
}

/// Puts what `make` answers into its place. A value that cannot be moved there is a failure: bodies of a loop do not throw.
template <class Result, class Make>
void put(Result& place, context const& cx, Make const& make) {
    if constexpr (std::is_nothrow_move_constructible_v<Result>) {
        place = make();
    } else {
        auto const write = [&]() -> outcome<void> {
            place = make();
            return {};
        };
        if (auto written = guarded<outcome<void>>(write); !written) {
            place = std::move(written).error();
            finish(place, cx);
        }
    }
}

/// The failure of item `i`, which comes after a stop or the deadline and is not run.
inline failure not_run(std::size_t i, context& cx) {
    cx.item(i);
    auto const never_tried = cx.change_attempt(0);
    auto what = cx.interruption();
    finish(what, cx);
    return what;
}

/// One call of a verb for item `i`; an item that comes after a stop or the deadline is not run.
template <class Result, class Task, class Item>
Result call_item(Task const& task, std::size_t i, context& cx, Item&& item) {
    cx.item(i);
    Result result = cx.stop_requested() ? Result{not_run(i, cx)} : Result{invoke_task(task, cx, std::forward<Item>(item))};
    finish(result, cx);
    return result;
}

/// The same for a range whose items are read on the way; one that cannot be read fails alone.
template <class Result, class Item, class Range, class Task>
Result call_item_of(reader<Range> const& items, Task const& task, std::size_t i, context& cx) {
    auto const call = [&]() -> Result { return call_item<Result>(task, i, cx, static_cast<Item>(items[i])); };
    if constexpr (noexcept(items[i])) {
        return call();
    } else {
        cx.item(i);
        auto result = guarded<Result>(call);
        finish(result, cx);
        return result;
    }
}

/// Does something with the answer of item `i`; what it throws is a failure of that item.
template <class Place, class Use>
outcome<void> use_answer(chunk_context<Place>& chunk, std::size_t i, Use const& use) {
    if constexpr (noexcept(use())) {
        use();
        return {};
    } else {
        auto used = guarded<outcome<void>>([&]() -> outcome<void> { return use(), outcome<void>{}; });
        if (!used.has_value()) [[unlikely]] {
            chunk.get().item(i);
            finish(used, chunk.get());
        }
        return used;
    }
}

/// What a task that answers nothing answers, so that loops need no second form for it.
struct nothing {};
template <class Result>
using answer_of = std::conditional_t<std::is_void_v<typename Result::value_type>, nothing, typename Result::value_type>;

/// Writes answers to an array, by position.
template <class To, class Value>
struct write_to {
    static constexpr bool in_tiles = true;
    To* to;
    void operator()(std::size_t i, Value&& answer) const noexcept(std::is_nothrow_assignable_v<To&, Value&&>) {
        to[i] = std::move(answer);
    }
};

/// The failures of a run, from any thread; in the end by index.
// A template, so that a program without such a run does not compile the sorting.
template <class Failure>
class failure_list {
public:
    void add(Failure what) {
        std::lock_guard lock(mutex_);
        all_.push_back(std::move(what));
    }
    [[nodiscard]] std::vector<Failure> sorted() && {
        std::sort(all_.begin(), all_.end(), [](Failure const& a, Failure const& b) { return a.index() < b.index(); });
        return std::move(all_);
    }

private:
    std::mutex mutex_;
    std::vector<Failure> all_;
};

// Plain tasks

// A place that a call does not notice, but for the name in its failures.
template <class P>
inline constexpr bool is_silent = place_policy<P> && !leases_state<P> &&
                                  (std::is_same_v<P, named> || !requires(P const& place, context& cx) { place.enter(cx); });
template <class P>
struct is_named : std::is_same<P, named> {};

// The function at the end of a task, and whether only silent places stand before it.
template <class Task>
struct bare {
    using function = Task;
    static constexpr bool alone = true, has_name = false;
    static function const& of(Task const& task) noexcept { return task; }
};
template <class... Ps, class F>
struct bare<stage<chain<Ps...>, F>> {
    using function = F;
    static constexpr bool alone = (is_silent<Ps> && ...), has_name = (std::is_same_v<Ps, named> || ...);
    static function const& of(stage<chain<Ps...>, F> const& task) noexcept { return task.task(); }
};

template <class F, class Item>
inline constexpr bool answers_plainly = false;
template <class F, class Item>
    requires(takes_item<F, Item> && !takes_context<F, Item>)
inline constexpr bool answers_plainly<F, Item> = !is_outcome<std::remove_cvref_t<std::invoke_result_t<F const&, Item>>>;

/// How a task with such items can be called, where `Take` uses the answers.
template <class Result, class Item, class Range, class Task, class Take>
struct way_to_call {
    using function = typename bare<Task>::function;
    static constexpr bool reads_quietly = noexcept(std::declval<reader<Range> const&>()[0]);
    static constexpr bool takes_quietly = std::is_nothrow_invocable_v<Take const&, std::size_t, answer_of<Result>>;

    /// In a loop of its own: nothing is around the function, it takes the item alone and answers a value or nothing.
    // A name belongs to failures of the task, not of the reading and the writing, and the loop does not know which of them threw.
    static constexpr bool plain = bare<Task>::alone && answers_plainly<function, Item> &&
                                  (!bare<Task>::has_name || (reads_quietly && takes_quietly));

    static constexpr bool calls_quietly = [] {
        if constexpr (!plain || !std::is_nothrow_invocable_v<function const&, Item>) return false;
        else if constexpr (std::is_void_v<typename Result::value_type>) return true;
        else return std::is_nothrow_constructible_v<typename Result::value_type, std::invoke_result_t<function const&, Item>>;
    }();
    /// No item can fail, but for a stop or a deadline.
    static constexpr bool quiet = reads_quietly && calls_quietly && takes_quietly;
};

/// How many small values are worked out before they are written, where `Take` says that it writes them: a cache line of them. The
/// compiler need not think then that a write changes the next item, and vectorises where it would not (GCC 12 at -O2).
template <class Take, class Value>
inline constexpr std::size_t tile = 0;
template <class Take, class Value>
    requires(Take::in_tiles && std::is_trivial_v<Value> && sizeof(Value) <= 8)
inline constexpr std::size_t tile<Take, Value> = 64 / sizeof(Value);

/// A tile, written when it goes out of scope: where an item throws, those before it are answered.
template <class Take, class Value>
struct tile_to_write {
    Take const& take;
    std::size_t const first;
    std::size_t const& done;
    Value values[tile<Take, Value>];

    ~tile_to_write() {
        for (std::size_t k = 0; k != done; ++k) take(first + k, std::move(values[k]));
    }
};

/// Calls `take(i, answer(i))` for `Count` items from `i` on, or for `count` where `Count` is 0. `done` counts them.
// A constant number, because GCC 12 vectorises no other loop at -O2.
template <std::size_t Count, class Answer, class Take>
void call_some(std::size_t i, std::size_t count, std::size_t& done, Answer const& answer, Take const& take)
    noexcept(noexcept(take(i, answer(i)))) {
    using value = decltype(answer(i));
    if constexpr (Count == 0) {
        for (; done != count; ++done) take(i + done, answer(i + done));
    } else if constexpr (Count == tile<Take, value>) {
        tile_to_write<Take, value> all{take, i, done, {}};
        for (; done != Count; ++done) all.values[done] = answer(i + done);
    } else {
        for (; done != Count; ++done) take(i + done, answer(i + done));
    }
}

/// Calls `take(i, answer(i))` for the items from `i` to `last`, in order, with as little between them as can be.
///
/// `threw(i, failure)` is told what an item threw, `refused(i)` of each that is not to start; both say whether to go on with the
/// next, and where one said no the answer is false.
template <class Answer, class Take, class Threw, class Refused>
bool call_plainly(std::size_t i, std::size_t last, pace& steps, Answer const& answer, Take const& take, Threw const& threw,
                  Refused const& refused) {
    constexpr std::size_t in_tile = tile<Take, decltype(answer(i))>;
    using full = std::integral_constant<std::size_t, in_tile != 0 ? in_tile : 256>;
    using any = std::integral_constant<std::size_t, 0>;

    // Calls so many at most; false when it is not to go on.
    auto const run = [&](auto constant, std::size_t count) {
        std::size_t done = 0;
        if constexpr (noexcept(take(i, answer(i)))) {
            call_some<constant>(i, count, done, answer, take);
            i += count;
            return true;
        } else {
            auto ended = guarded<outcome<void>>([&]() -> outcome<void> {
                call_some<constant>(i, count, done, answer, take);
                return {};
            });
            i += done;
            return ended.has_value() || threw(i++, std::move(ended).error());
        }
    };
    while (i != last) {
        auto const next = steps.next(last - i);
        if (next == 0) {
            for (; i != last; ++i)
                if (!refused(i)) return false;
            return true;
        }
        auto const until = i + next;
        while (until - i >= full::value)
            if (!run(full{}, full::value)) return false;
        while (i != until)
            if (!run(any{}, until - i)) return false;
    }
    return true;
}

/// Calls a task with the items [first, last) of a range, in order.
///
/// `take(i, answer)` is given each answer; what it throws is a failure of the item. `failed(i, failure)` is given each failure,
/// completed, and says whether to go on with the next item; false where it said no.
template <class Result, class Item, class Range, class Task, class Place, class Take, class Failed>
bool call_items(reader<Range> const items, Task const& task, std::size_t first, std::size_t last, chunk_context<Place>& chunk,
                Take const take, Failed const& failed) {
    using way = way_to_call<Result, Item, Range, Task, Take>;
    using value = answer_of<Result>;
    if constexpr (way::plain) {
        auto const& call = bare<Task>::of(task);
        auto const answer = [&](std::size_t i) noexcept(way::reads_quietly && way::calls_quietly) -> value {
            if constexpr (std::is_void_v<typename Result::value_type>)
                return std::invoke(call, static_cast<Item>(items[i])), nothing{};
            else
                return static_cast<value>(std::invoke(call, static_cast<Item>(items[i])));
        };
        auto const threw = [&](std::size_t i, failure what) {
            auto& cx = chunk.get();
            cx.item(i);
            if constexpr (bare<Task>::has_name) {
                auto const inside = placed<is_named>(task)->enter(cx);
                cx.stamp(what);
            }
            finish(what, cx);
            return failed(i, std::move(what));
        };
        auto const refused = [&](std::size_t i) { return failed(i, not_run(i, chunk.get())); };
        return call_plainly(first, last, chunk.steps(), answer, take, threw, refused);
    } else {
        auto& cx = chunk.get();
        for (auto i = first; i != last; ++i) {
            auto const one = [&]() -> outcome<void> {
                auto answer = call_item_of<Result, Item>(items, task, i, cx);
                if (!answer.has_value()) return std::move(answer).error();
                if constexpr (std::is_void_v<typename Result::value_type>) take(i, nothing{});
                else take(i, std::move(*answer));
                return {};
            };
            auto done = [&] {
                if constexpr (way::takes_quietly && std::is_nothrow_move_constructible_v<Result>) return one();
                else return guarded<outcome<void>>(one);
            }();
            if (done.has_value()) [[likely]] continue;
            finish(done, cx);
            if (!failed(i, std::move(done).error())) return false;
        }
        return true;
    }
}

}  // namespace muster::detail
