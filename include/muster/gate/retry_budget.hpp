#pragma once

#include <algorithm>    // min
#include <mutex>        // mutex
#include <stdexcept>    // invalid_argument

#include <muster/core/concepts.hpp>    // gate
#include <muster/core/context.hpp>     // context
#include <muster/core/outcome.hpp>     // outcome
#include <muster/gate/detail/spent_permit.hpp>    // spent_permit

namespace muster {

/// How much retrying a retry_budget allows.
struct retry_budget_options {
    double ratio = 0.1;       ///< 0.1: retries earned by each first attempt; 0 or more
    double reserve = 10;      ///< 10: retries there from the start, and the most that can be saved up; 0 or more
};

/// A gate that bounds retries to a share of the calls, so that retries cannot drown a server that is down.
///
/// Order      right of `retry`: `retry{} | limit{budget} | task`. Any number of stages may share one budget.
/// Waits      never; first attempts always pass.
/// Fails      cause::exhausted for a further attempt that the budget does not cover; `retry` then gives the failure before it.
/// Throws     std::invalid_argument for negative options.
/// Threads    any number.
/// Source     the retry budget of Twitter's Finagle, without its decay in time.
class retry_budget {
public:
    using permit = detail::spent_permit;

    retry_budget() : retry_budget(retry_budget_options{}) {}
    explicit retry_budget(retry_budget_options options) : options_(options), left_(options.reserve) {
        if (!(options.ratio >= 0) || !(options.reserve >= 0))
            throw std::invalid_argument("muster: retry_budget needs ratio >= 0 and reserve >= 0");
    }
    retry_budget(retry_budget const&) = delete;
    retry_budget& operator=(retry_budget const&) = delete;

    outcome<permit> acquire(context& cx, double weight = 1) {
        std::lock_guard lock(mutex_);
        if (cx.attempt() <= 1) {
            left_ = std::min(options_.reserve, left_ + options_.ratio * weight);
            return permit{};
        }
        if (left_ + 1e-9 < weight) return failure{cause::exhausted, "the retry budget is spent"};
        left_ -= weight;
        return permit{};
    }

    /// Retries that are covered now.
    [[nodiscard]] double left() const {
        std::lock_guard lock(mutex_);
        return left_;
    }

private:
    mutable std::mutex mutex_;
    retry_budget_options const options_;
    double left_;
};

static_assert(gate<retry_budget>);

}  // namespace muster
