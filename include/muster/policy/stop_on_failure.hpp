#pragma once

#include <stop_token>    // stop_source
#include <string>        // describe
#include <utility>       // forward

#include <muster/core/concepts.hpp>    // around_tag
#include <muster/core/context.hpp>     // context
#include <muster/core/stage.hpp>       // operator|

namespace muster {

/// Ends the run when what follows fails: `stream(orders, stop_on_failure{ends} | book, context{ends.get_token()})`. The other ways with
/// failures need no word of their own: `retry` tries again, the sink of a stream or the journal of a run keeps dead letters, and
/// what goes to no sink is passed over by whoever reads the outcomes.
///
/// Order      left of `retry`: after all attempts; right of it: after the first.
/// Fails      with the failure that ended the run. What was not started then has cause::cancelled, 0 attempts.
/// Threads    any number at once: calls that are on see `stop_requested()`, and end as they like.
/// Lifetime   refers to the source of the stop, which must outlive every stage made from this policy.
/// Cost       none for a call that succeeds.
class stop_on_failure {
public:
    using policy_concept = around_tag;

    explicit stop_on_failure(std::stop_source& ends) noexcept : ends_(&ends) {}
    explicit stop_on_failure(std::stop_source&&) = delete;

    template <class Next, class Item>
    auto around(Next const& next, context& cx, Item&& item) const -> outcome_of<Next, Item> {
        auto result = next(cx, std::forward<Item>(item));
        if (!result.has_value()) [[unlikely]] ends_->request_stop();
        return result;
    }

    [[nodiscard]] std::string describe() const { return "stop_on_failure"; }
    friend bool operator==(stop_on_failure const&, stop_on_failure const&) noexcept = default;

private:
    std::stop_source* ends_;
};

}  // namespace muster
