#pragma once

#include <functional>     // identity, invoke
#include <string>         // describe
#include <type_traits>    // invoke_result, conditional
#include <utility>        // forward

#include <muster/core/concepts.hpp>    // cache, around_tag, outcome_of
#include <muster/core/context.hpp>     // context
#include <muster/core/outcome.hpp>     // outcome
#include <muster/core/stage.hpp>       // operator|

namespace muster {

/// Answers from a cache; of the calls that miss the same key at once, one goes on and the others wait for its answer.
///
/// Order      left of `limit` and `retry`: hits spend no permit; left of `isolate`: hits skip the process hop.
/// Shape      `cached{cache}` where the item is the key, `cached{cache, key_of}` where `key_of(item)` is; `key_of` may be a
///            pointer to a member. Only answers are remembered, failures never.
/// Waits      for a call under way on the same key: until it ends, the deadline or a stop.
/// Fails      with what the call fails with, for all who wait for it; cause::would_deadlock for a key that is entered again
///            below its own call.
/// Threads    any number at once.
/// Lifetime   refers to the cache, which must outlive every stage made from this policy.
template <class C, class Key = std::identity>
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
        static_assert(fits, "muster: what the task answers does not convert to the value type of the cache");
        // The task may move from the item or change it: then the key must not lie in it.
        using kept = std::conditional_t<std::is_const_v<std::remove_reference_t<Item>>, typename C::key_type const&, typename C::key_type const>;
        kept key = std::invoke(key_of_, std::as_const(item));
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

}  // namespace muster
