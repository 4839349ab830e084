#pragma once

#include <string>     // describe
#include <utility>    // forward, move

#include <muster/core/concepts.hpp>                  // around_tag, outcome_of
#include <muster/core/context.hpp>                   // context
#include <muster/core/stage.hpp>                     // operator|
#include <muster/workloads/llm/asked_node.hpp>       // tokens_of
#include <muster/workloads/llm/chat_request.hpp>     // tokens_of
#include <muster/workloads/llm/quota.hpp>            // quota

namespace muster::llm {

/// Admits each call through a quota, as `limit` does, by the tokens that it asks for: `paced{shared} | ask`. Beside it `limit{...}` counts
/// calls, whatever their size.
///
/// Order      right of `retry`: each attempt has its permit.
/// Waits      until the permit, the deadline or a stop, whichever is first.
/// Fails      as quota, without calling what follows.
/// Threads    any number at once.
/// Lifetime   refers to the quota, which must outlive every stage made from this policy.
class paced {
public:
    using policy_concept = around_tag;

    explicit constexpr paced(quota& by) noexcept : by_(&by) {}
    explicit paced(quota&&) = delete;    // a temporary would be gone before the first call

    template <class Next, class Item>
    auto around(Next const& next, context& cx, Item&& item) const -> outcome_of<Next, Item> {
        auto permit = by_->acquire(cx, tokens_of(item));
        if (!permit) return cx.not_run(std::move(permit).error());
        auto result = next(cx, std::forward<Item>(item));
        permit->settle(result);
        return result;
    }

    [[nodiscard]] std::string describe() const { return "paced"; }
    friend constexpr bool operator==(paced, paced) noexcept = default;

private:
    quota* by_;
};

}  // namespace muster::llm
