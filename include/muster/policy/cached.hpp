#pragma once

#include <algorithm>      // min
#include <cassert>        // options out of range
#include <concepts>       // convertible_to
#include <functional>     // identity, invoke
#include <optional>       // what is there
#include <string>         // describe
#include <type_traits>    // invoke_result, conditional
#include <utility>        // forward

#include <muster/core/concepts.hpp>            // cache, around_tag, outcome_of
#include <muster/core/context.hpp>             // context
#include <muster/core/failure.hpp>             // cause, failure
#include <muster/core/invoke_task.hpp>         // guarded
#include <muster/core/outcome.hpp>             // outcome
#include <muster/core/remembered.hpp>          // remembered
#include <muster/core/stage.hpp>               // operator|
#include <muster/policy/cached_options.hpp>    // cached_options
#include <muster/policy/detail/life.hpp>       // remember

namespace muster {

namespace detail {
template <class E>
struct aged {};           // by which `cached` with options is told apart; void: no executor
struct same_thread {};    // stands for an executor where there is none

template <class C>
concept renewable = requires(C& in, typename C::key_type const& key, instant now,
                             typename C::value_type (*change)(std::optional<typename C::value_type> const&)) {
    in.update(key, change, now);
    in.erase(key);
};
template <class C>
inline constexpr bool is_renewable = renewable<C>;

// The key of an item. The task may move from the item or change it: then the key must not lie in it.
template <class C, class Item>
using kept_key =
    std::conditional_t<std::is_const_v<std::remove_reference_t<Item>>, typename C::key_type const&, typename C::key_type const>;
}  // namespace detail

/// Answers from a cache; of the calls that miss the same key at once, one goes on and the others wait for its answer.
///
/// Order      left of `limit` and `retry`: hits spend no permit; left of `isolate`: hits skip the process hop.
/// Shape      `cached{cache}` where the item is the key, `cached{cache, key_of}` where `key_of(item)` is; `key_of` may be a
///            pointer to a member. Only answers are remembered, failures never. With options it does more: see below.
/// Waits      for a call under way on the same key: until it ends, the deadline or a stop.
/// Fails      with what the call fails with, for all who wait for it; cause::would_deadlock for a key that is entered again
///            below its own call.
/// Threads    any number at once.
/// Lifetime   refers to the cache, which must outlive every stage made from this policy.
template <class C, class Key = std::identity, class = void>
class cached {
    static_assert(detail::is_cache<C>, "muster: cached names a cache, which has get_or_compute(key, cx, f) and get(key)");

public:
    using policy_concept = around_tag;

    explicit constexpr cached(C& in) noexcept : in_(&in) {}
    explicit cached(C&&) = delete;    // a temporary would be gone before the first call
    constexpr cached(C& in, Key key_of) noexcept : in_(&in), key_of_(std::move(key_of)) {}

    template <class Next, class Item>
        requires std::convertible_to<std::invoke_result_t<Key const&, std::remove_cvref_t<Item> const&>, typename C::key_type>
    auto around(Next const& next, context& cx, Item&& item) const -> outcome<typename C::value_type> {
        constexpr bool fits = std::convertible_to<outcome_of<Next, Item>, outcome<typename C::value_type>>;
        constexpr bool ages = !fits && detail::is_remembered<typename C::value_type>;
        static_assert(!ages, "muster: a cache of remembered<V> needs options: write cached{cache, key_of, {.fresh_for = 10min}}");
        static_assert(fits || ages, "muster: what the task answers does not convert to the value type of the cache");
        detail::kept_key<C, Item> key = std::invoke(key_of_, std::as_const(item));
        return in_->get_or_compute(key, cx, [&](context& inner) -> outcome<typename C::value_type> {
            if constexpr (fits) return next(inner, std::forward<Item>(item));
            else return failure{};
        });
    }

    [[nodiscard]] std::string describe() const { return "cached"; }
    friend constexpr bool operator==(cached const& a, cached const& b) noexcept
        requires(std::equality_comparable<Key> || std::is_empty_v<Key>)
    {
        if constexpr (std::equality_comparable<Key>) return a.in_ == b.in_ && a.key_of_ == b.key_of_;
        else return a.in_ == b.in_;
    }

private:
    C* in_;
    [[no_unique_address]] Key key_of_{};
};

/// The same with options: an answer has an age, chosen failures are remembered, and who comes late in the life of an answer makes a
/// newer one while all others are given the one that is there.
///
///     memory_cache<std::string, remembered<page>> known;
///     auto fetch = cached{known, &request::url, {.fresh_for = 10min, .stale_for = 1h, .ahead = 0.1}} | retry{} | download;
///
/// Shape      `cached{cache, options}`, `cached{cache, key_of, options}`, of a cache of `remembered<V>` that has `update` and `erase`,
///            as memory_cache and shm_cache have. With an executor last, `cached{cache, options, pool}`, newer answers are made there,
///            and nobody waits; without, the first who comes makes it, and waits for it alone.
/// Default    see cached_options.
/// Waits      where nothing is there, as without options. Where something is that may still be given, only who makes the newer one.
///            One does, of all the processes that share the cache: the entry says until when it is somebody's.
/// Fails      as without options. A renewal that fails, for whatever reason, leaves the older answer to its end: all are given it,
///            also who tried. It is not made a failure by one that is remembered. A newer answer takes the place of the one that was
///            found late and of no other: where that was erased meanwhile, or somebody was faster, only who made it is given it.
/// Threads    any number at once.
/// Lifetime   refers to the cache and the executor. What was posted there has a copy of the item and of what follows in the chain;
///            the cache, and what these refer to, must outlive it: let the pool be gone before them.
/// Cost       of a hit: one look at the clock more. A renewal: two updates of the entry, each of which begins a time to live of the cache
///            itself anew. Without one, what is over is there until it is asked for or its turn to go comes.
/// Source     A. Vattani and others, "Optimal Probabilistic Cache Stampede Prevention", VLDB 2015: to begin as much earlier as making
///            an answer took. Their random draw is not needed where the entry itself says that somebody is at it.
template <class C, class Key, class E>
class cached<C, Key, detail::aged<E>> {
    static_assert(detail::is_cache<C>, "muster: cached names a cache, which has get_or_compute(key, cx, f) and get(key)");
    using held = typename C::value_type;
    using key_type = typename C::key_type;
    using value = typename detail::remembered_in<held>::type;
    static constexpr bool fit_for_age = detail::is_remembered<held>;
    static_assert(fit_for_age, "muster: cached with options keeps ages and failures: write memory_cache<Key, remembered<Value>>");
    static_assert(!fit_for_age || detail::is_renewable<C>,
                  "muster: cached with options needs a cache that has update(key, change, now) and erase(key)");
    static constexpr bool in_background = !std::is_void_v<E>;
    using executor_type = std::conditional_t<in_background, E, detail::same_thread>;

public:
    using policy_concept = around_tag;

    constexpr cached(C& in, cached_options say) noexcept requires(!in_background) : cached(in, Key{}, say, nullptr) {}
    constexpr cached(C& in, Key key_of, cached_options say) noexcept requires(!in_background)
        : cached(in, std::move(key_of), say, nullptr) {}
    constexpr cached(C& in, cached_options say, executor_type& where) noexcept requires(in_background) : cached(in, Key{}, say, &where) {}
    constexpr cached(C& in, Key key_of, cached_options say, executor_type& where) noexcept requires(in_background)
        : cached(in, std::move(key_of), say, &where) {}

    template <class Next, class Item>
        requires std::convertible_to<std::invoke_result_t<Key const&, std::remove_cvref_t<Item> const&>, typename C::key_type>
    auto around(Next const& next, context& cx, Item&& item) const -> outcome<value>;

    [[nodiscard]] std::string describe() const { return "cached{" + say_.describe() + "}"; }
    friend constexpr bool operator==(cached const& a, cached const& b) noexcept
        requires(std::equality_comparable<Key> || std::is_empty_v<Key>)
    {
        if (a.in_ != b.in_ || a.where_ != b.where_ || !(a.say_ == b.say_)) return false;
        if constexpr (std::equality_comparable<Key>) return a.key_of_ == b.key_of_;
        else return true;
    }

private:
    constexpr cached(C& in, Key key_of, cached_options say, executor_type* where) noexcept
        : in_(&in), where_(where), say_(say), key_of_(std::move(key_of)) {
        assert(say.fresh_for.count() > 0 && say.stale_for.count() >= 0 && say.failures_for.count() >= 0 && say.renew_within.count() > 0);
        assert(say.ahead >= 0 && say.ahead <= 1 && say.jitter >= 0 && say.jitter <= 1);
    }

    template <class Next, class Item>
    auto made(key_type const& key, Next const& next, context& cx, Item&& item) const -> outcome<held>;
    template <class Next, class Item>
    auto renewed(key_type const& key, instant older, instant claimed, Next const& next, context& cx, Item&& item) const -> outcome<held>;
    bool claim(key_type const& key, instant made_at, instant now, instant until) const;
    template <class Change>
    void amend(key_type const& key, instant made_at, instant now, Change const& change) const;
    template <class Item, class Next>
    bool posted(key_type const& key, instant older, instant claimed, Next const& next, context& cx,
                std::remove_cvref_t<Item> const& item) const;

    C* in_;
    executor_type* where_;
    cached_options say_;
    [[no_unique_address]] Key key_of_;
};

template <class C>
cached(C&, cached_options) -> cached<C, std::identity, detail::aged<void>>;
template <class C, class Key>
cached(C&, Key, cached_options) -> cached<C, Key, detail::aged<void>>;
template <class C, class E>
cached(C&, cached_options, E&) -> cached<C, std::identity, detail::aged<E>>;
template <class C, class Key, class E>
cached(C&, Key, cached_options, E&) -> cached<C, Key, detail::aged<E>>;

// Implementation

template <class C, class Key, class E>
template <class Next, class Item>
    requires std::convertible_to<std::invoke_result_t<Key const&, std::remove_cvref_t<Item> const&>, typename C::key_type>
auto cached<C, Key, detail::aged<E>>::around(Next const& next, context& cx, Item&& item) const -> outcome<value> {
    constexpr bool fits = std::convertible_to<outcome_of<Next, Item>, outcome<value>>;
    static_assert(fits, "muster: what the task answers does not convert to the V of the cache's remembered<V>");
    if constexpr (fits && fit_for_age) {
        detail::kept_key<C, Item> key = std::invoke(key_of_, std::as_const(item));
        for (;;) {
            auto const now = cx.now();
            bool led = false;
            auto found = in_->get_or_compute(key, cx, [&](context& inner) -> outcome<held> {
                led = true;
                return made(key, next, inner, std::forward<Item>(item));
            });
            if (!found.has_value()) return std::move(found).error();
            auto& entry = *found;
            if (led) return std::move(entry.answer);
            if (entry.made > now) {    // while this call waited: new enough for it, however short its life
                if (entry.made <= cx.now()) return std::move(entry.answer);
                in_->erase(key);    // from before the machine was started again, whose clock began anew
            } else if (entry.over(now)) {
                // Whoever comes late may take away what another one has just made: then it is made once more.
                in_->erase(key);
            } else {
                if (now < entry.renew_from || entry.renew_from == never || cx.stop_requested()) return std::move(entry.answer);
                auto newer = guarded<outcome<held>>([&]() -> outcome<held> {    // whatever goes wrong in it, there is an answer
                    auto const until = later(now, say_.renew_within);
                    auto const claimed = in_background ? until : std::min(until, cx.deadline());
                    if (!claim(key, entry.made, now, claimed)) return failure{};
                    if constexpr (in_background) {
                        if (posted<Item>(key, entry.made, claimed, next, cx, item)) return failure{};
                    }
                    return renewed(key, entry.made, claimed, next, cx, std::forward<Item>(item));
                });
                return std::move(newer.has_value() ? newer->answer : entry.answer);
            }
        }
    } else {
        return failure{};
    }
}

// An answer with its times; a failure where it is not to be remembered.
template <class C, class Key, class E>
template <class Next, class Item>
auto cached<C, Key, detail::aged<E>>::made(key_type const& key, Next const& next, context& cx, Item&& item) const -> outcome<held> {
    auto const began = cx.now();
    outcome<value> answer = next(cx, std::forward<Item>(item));
    if (!answer.has_value()) {
        // What ends with its caller's own deadline or stop, was not run, or waits for itself says nothing of the key.
        auto const& why = answer.error();
        bool const of_key = !cx.stop_requested() && !why.is(cause::cancelled) && !why.is(cause::would_deadlock);
        if (!say_.failures || !of_key || !say_.failures(why)) return std::move(answer).error();
    }
    return detail::remember(say_, key, std::move(answer), began, cx.now());
}

template <class C, class Key, class E>
template <class Next, class Item>
auto cached<C, Key, detail::aged<E>>::renewed(key_type const& key, instant older, instant claimed, Next const& next, context& cx,
                                               Item&& item) const -> outcome<held> {
    auto newer = guarded<outcome<held>>([&] { return made(key, next, cx, std::forward<Item>(item)); });    // policies may throw
    auto const now = cx.now();
    if (newer.has_value() && newer->answer.has_value()) {
        (void)guarded<outcome<void>>([&]() -> outcome<void> {    // what the cache does not take is an answer all the same
            amend(key, older, now, [&](held& same) { same = *newer; });
            return {};
        });
        return newer;
    }
    auto const why = newer.has_value() ? std::move(newer->answer).error() : std::move(newer).error();
    auto const until = cx.stop_requested() ? now : later(now, detail::pause_after(say_, why));    // after an end of its own: anybody
    amend(key, older, now, [&](held& same) {
        if (same.renew_from == claimed) same.renew_from = until;    // else this call was taken for dead, and another one is at it
    });
    return why;
}

// Changes an entry where it is the one that was found: who took it away or was faster knows better.
template <class C, class Key, class E>
template <class Change>
void cached<C, Key, detail::aged<E>>::amend(key_type const& key, instant made_at, instant now, Change const& change) const {
    (void)in_->update(key, [&](std::optional<held> const& there) -> held {
        held same = there.value_or(held{});    // gone meanwhile: it must not come back
        if (there && same.made == made_at) change(same);
        return same;
    }, now);
}

// Makes the renewal of an entry this call's alone until then; false where it is another one's, or done. What cannot be stored is not
// claimed by anybody else either: then this call makes it.
template <class C, class Key, class E>
bool cached<C, Key, detail::aged<E>>::claim(key_type const& key, instant made_at, instant now, instant until) const {
    bool mine = false;
    (void)in_->update(key, [&](std::optional<held> const& there) -> held {
        held same = there.value_or(held{});
        mine = there && same.made == made_at && same.renew_from <= now;    // said anew where somebody was faster
        if (mine) same.renew_from = until;
        return same;
    }, now);
    return mine;
}

// Has it renewed on the executor; false where that takes no job.
template <class C, class Key, class E>
template <class Item, class Next>
bool cached<C, Key, detail::aged<E>>::posted(key_type const& key, instant older, instant claimed, Next const& next, context& cx,
                                             std::remove_cvref_t<Item> const& item) const {
    constexpr bool can_copy = std::copy_constructible<std::remove_cvref_t<Item>>;
    static_assert(can_copy, "muster: cached with an executor needs an item that it can copy, such as std::string for a literal");
    if constexpr (!in_background || !can_copy) {
        return false;
    } else {
        auto const by = [&]() -> waiter_ref {    // it waits as the executor's threads do
            if (cx.waiting().rules_time()) return cx.waiting();
            if constexpr (has_waiter<executor_type>) return where_->waiting();
            else return {};
        }();
        auto const sent = guarded<outcome<void>>([&]() -> outcome<void> {    // copies throw too
            where_->post([self = *this, rest = next.owned(), key, older, claimed, by, copy = item]() mutable {
                (void)guarded<outcome<void>>([&]() -> outcome<void> {
                    context own{by};
                    auto until = claimed;
                    if (auto const now = own.now(); now >= until) {    // it begins late, and was taken for dead
                        until = later(now, self.say_.renew_within);
                        if (!self.claim(key, older, now, until)) return {};
                    }
                    auto const ends = own.change_deadline(until);
                    (void)self.renewed(key, older, until, rest, own, std::forward<Item>(copy));
                    return {};
                });
            });
            return {};
        });
        return sent.has_value();
    }
}

}  // namespace muster
