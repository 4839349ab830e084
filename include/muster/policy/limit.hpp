#pragma once

#include <string>     // describe
#include <utility>    // forward

#include <muster/core/concepts.hpp>           // gate, around_tag, outcome_of
#include <muster/core/context.hpp>            // context
#include <muster/core/stage.hpp>              // operator|
#include <muster/policy/detail/admit.hpp>     // admit

namespace muster {

/// Admits each call through a gate: a rate limiter, a bulkhead, or anything modelling `gate`.
///
/// Order      left of `retry`: one permit per item; right of it: one per attempt.
/// Waits      until a permit, the deadline or a stop, whichever is first.
/// Fails      cause::rejected, exhausted, timed_out or cancelled, without calling what follows.
/// Threads    any number at once; the gate decides who goes first.
/// Lifetime   refers to the gate, which must outlive every stage made from this policy.
/// Cost       one `acquire` per call.
template <class G>
class limit {
    static_assert(detail::is_gate<G>, "muster: limit names a gate, which has acquire(cx, weight): a rate_limiter, a bulkhead, ...");

public:
    using policy_concept = around_tag;

    explicit constexpr limit(G& by) noexcept : by_(&by) {}
    explicit limit(G&&) = delete;    // a temporary would be gone before the first call

    template <class Next, class Item>
    auto around(Next const& next, context& cx, Item&& item) const -> outcome_of<Next, Item> {
        return detail::admit(*by_, next, cx, std::forward<Item>(item));
    }

    [[nodiscard]] std::string describe() const { return "limit"; }
    friend constexpr bool operator==(limit, limit) noexcept = default;

private:
    G* by_;
};

}  // namespace muster
