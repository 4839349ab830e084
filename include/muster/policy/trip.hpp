#pragma once

#include <string>     // describe
#include <utility>    // forward

#include <muster/core/concepts.hpp>           // gate, around_tag, outcome_of, weight_of
#include <muster/core/context.hpp>            // context
#include <muster/core/stage.hpp>              // operator|
#include <muster/policy/detail/admit.hpp>     // admit

namespace muster {

/// Stops calling what keeps failing: each call asks a circuit breaker first and tells it how it ended.
///
/// Order      left of `retry`: the breaker counts items; right of it: attempts.
/// Waits      never, with a circuit_breaker.
/// Fails      cause::rejected while the breaker is open, without calling what follows.
/// Threads    any number at once.
/// Lifetime   refers to the breaker, which must outlive every stage made from this policy.
/// Cost       two locks per call.
template <class G>
class trip {
    static_assert(detail::is_gate<G>, "muster: trip names a gate, which has acquire(cx, weight): a circuit_breaker");

public:
    using policy_concept = around_tag;

    explicit constexpr trip(G& by) noexcept : by_(&by) {}
    explicit trip(G&&) = delete;    // a temporary would be gone before the first call

    template <class Next, class Item>
    auto around(Next const& next, context& cx, Item&& item) const -> outcome_of<Next, Item> {
        return detail::admit(*by_, weight_of(item), next, cx, std::forward<Item>(item));
    }

    [[nodiscard]] std::string describe() const { return "trip"; }
    friend constexpr bool operator==(trip, trip) noexcept = default;

private:
    G* by_;
};

}  // namespace muster
