#pragma once

#include <string>     // describe
#include <utility>    // forward

#include <muster/core/concepts.hpp>    // runner, around_tag, outcome_of
#include <muster/core/context.hpp>     // context
#include <muster/core/stage.hpp>       // operator|

namespace muster {

/// Calls what follows in another process: a crash there is a failure here.
///
/// Order      right of what belongs to this process (cached, trip, limit); `retry | isolate` tries a crash again in a fresh process,
///            `isolate | retry` loses all attempts to it. A deadline left of it kills.
/// Shape      what follows travels: the item, the task, its policies. The rules are checked when it is compiled.
/// Waits      for a free worker, and for the answer; a stop and the deadline end both.
/// Fails      as the runner says: crashed, exited, out_of_memory, timed_out, ...
/// Threads    any number at once; one call in flight for each.
/// Lifetime   refers to the runner, which must outlive every stage made from this policy.
/// Cost       a round trip to the other process for each call; `on{runner}` sends many before the first comes back.
template <class R>
class isolate {
    static_assert(detail::is_runner<R>, "muster: isolate names a runner, such as a process_pool");

public:
    using policy_concept = around_tag;

    explicit constexpr isolate(R& by) noexcept : by_(&by) {}
    explicit isolate(R&&) = delete;    // a temporary would be gone before the first call

    template <class Next, class Item>
    auto around(Next const& next, context& cx, Item&& item) const -> outcome_of<Next, Item> {
        return by_->template call<outcome_of<Next, Item>>(next.policies(), next.task(), cx, std::forward<Item>(item));
    }

    [[nodiscard]] std::string describe() const { return "isolate"; }
    friend constexpr bool operator==(isolate const&, isolate const&) noexcept = default;

private:
    R* by_;
};

}  // namespace muster
