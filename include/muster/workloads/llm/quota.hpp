#pragma once

#include <atomic>       // whether tokens are limited
#include <chrono>       // minutes
#include <utility>      // move

#include <muster/core/concepts.hpp>                    // gate
#include <muster/core/context.hpp>                     // context
#include <muster/core/outcome.hpp>                     // outcome
#include <muster/gate/adaptive_rate_limiter.hpp>       // adaptive_rate_limiter
#include <muster/gate/rate_limiter.hpp>                // rate_limiter
#include <muster/workloads/llm/stated_limits.hpp>      // stated_limits

namespace muster::llm {

/// What is known of an endpoint's limits before it says any.
struct quota_options {
    double requests_per_minute = 0;    ///< 0: what its answers state; else, where they state none, what its refusals teach
    double tokens_per_minute = 0;      ///< 0: what its answers state; else any number
    double share = 0.97;               ///< 0.97: how much of a limit is used, so that nothing is refused; above 0, at most 1
    /// 100 a second: the pace before anything is known, in requests a minute.
    double first_guess = 6'000;
    friend bool operator==(quota_options const&, quota_options const&) = default;
};

/// One quota for all who ask an endpoint with one key: requests and tokens, spaced evenly; all pause together, and stop together.
///
///     quota shared{{.tokens_per_minute = 200'000}};
///     client model{http, where, &shared};                         // tells it what answers state
///     retry{.attempts = 4} | limit{shared, count_tokens} | ask    // a request is one, and so many tokens
///
/// Order      right of `retry`: each attempt has its permit.
/// Waits      until both permits are due, and a pause that the endpoint asked for is over; the deadline or a stop ends it.
/// Fails      timed_out, cancelled; the failure that it was stopped with.
/// Throws     std::invalid_argument for a share that is none.
/// Threads    any number.
/// Lifetime   outlives its permits.
class quota {
public:
    using permit = adaptive_rate_limiter::permit;

    explicit quota(quota_options options = {});

    outcome<permit> acquire(context& cx, double tokens = 1);

    /// The endpoint has stated these; both are for a minute. What is not stated stays as it is.
    void observe(stated_limits const& stated);
    /// Nothing passes any more: who waits and who comes later gets this failure.
    void stop(failure why) { requests_.stop(std::move(why)); }

    [[nodiscard]] adaptive_rate_limiter const& requests() const noexcept { return requests_; }
    /// Tokens a minute; 0: any number.
    [[nodiscard]] double tokens_per_minute() const noexcept { return tokens_known_.load(std::memory_order_acquire); }

private:
    void limit_tokens(double per_minute);

    quota_options const options_;
    adaptive_rate_limiter requests_;
    rate_limiter tokens_{{}};
    std::atomic<double> tokens_known_{0};
};

// Implementation

inline quota::quota(quota_options options)
    : options_(options), requests_(adaptive_rate_options{.permits = options.first_guess, .per = std::chrono::minutes{1}, .share = options.share}) {
    if (options.requests_per_minute > 0) requests_.observe({.permits = options.requests_per_minute, .per = std::chrono::minutes{1}});
    if (options.tokens_per_minute > 0) limit_tokens(options.tokens_per_minute);
}

inline void quota::limit_tokens(double per_minute) {
    tokens_.retune({.permits = per_minute * options_.share, .per = std::chrono::minutes{1}});
    tokens_known_.store(per_minute, std::memory_order_release);    // pairs with acquire: whoever sees it finds the limiter tuned
}

inline outcome<quota::permit> quota::acquire(context& cx, double tokens) {
    // Tokens first: a permit for a request is for now, and would be stale after a wait for tokens.
    if (tokens_known_.load(std::memory_order_acquire) > 0)
        if (auto const there = tokens_.acquire(cx, tokens); !there) return there.error();
    return requests_.acquire(cx);
}

inline void quota::observe(stated_limits const& stated) {
    // A limit of the caller's own holds where the endpoint's is higher: it may be a part of it.
    auto const least = [](double own, double theirs) { return own > 0 && own < theirs ? own : theirs; };
    if (stated.requests.limit)
        requests_.observe({.permits = least(options_.requests_per_minute, *stated.requests.limit), .per = std::chrono::minutes{1}});
    if (stated.tokens.limit)
        if (auto const now = least(options_.tokens_per_minute, *stated.tokens.limit); now != tokens_known_.load(std::memory_order_acquire)) limit_tokens(now);
}

static_assert(gate<quota>);

}  // namespace muster::llm
