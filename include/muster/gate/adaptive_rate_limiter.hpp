#pragma once

#include <algorithm>    // max, min
#include <chrono>       // nanoseconds
#include <cstddef>      // size_t
#include <cstdint>      // uint64_t
#include <mutex>        // mutex
#include <optional>     // the failure that closed it
#include <random>       // jitter
#include <stdexcept>    // invalid_argument
#include <string>       // to_string
#include <utility>      // exchange, move

#include <muster/core/concepts.hpp>              // gate
#include <muster/core/context.hpp>               // context
#include <muster/core/failure.hpp>               // failure
#include <muster/core/outcome.hpp>               // outcome
#include <muster/gate/detail/line.hpp>           // waiting_line
#include <muster/gate/detail/rate_search.hpp>    // rate_search
#include <muster/gate/rate_limiter.hpp>          // rate

namespace muster {

/// Failures that ask for a pause: refused, or with a time to come again.
[[nodiscard]] inline bool asks_for_a_pause(failure const& what) noexcept {
    return what.retry_after().has_value() || what.is(cause::rejected);
}

/// How an adaptive_rate_limiter starts, and what it makes of refusals.
struct adaptive_rate_options {
    double permits = 100;                                             ///< 100 in each `per`: the pace before anything is known
    std::chrono::nanoseconds per = std::chrono::seconds{1};           ///< 1 s
    double least = 0.1;                                               ///< 0.1 in each `per`: never slower
    double share = 0.97;                                              ///< 0.97: of what is granted, so that nothing is refused; at most 1
    std::chrono::nanoseconds pause = std::chrono::milliseconds{500};  ///< 500 ms: after a refusal that does not say for how long
    std::chrono::nanoseconds longest_pause = std::chrono::minutes{2}; ///< 2 min: whatever a refusal says
    double jitter = 0.1;                                              ///< 0.1: a pause is up to this share longer, for each process another
    std::uint64_t seed = 0;                                           ///< 0: other pauses in each run; else the same
    std::chrono::nanoseconds catch_up = std::chrono::milliseconds{10};    ///< 10 ms: what late wake-ups missed is made good up to this
    std::size_t most_waiting = 0;                                     ///< 0: any number may wait; else one more is rejected
    bool (*counts)(failure const&) = asks_for_a_pause;                ///< which failures are refusals
};

/// A rate limiter for a limit that nobody has told: it learns the rate from refusals, and after one all callers pause together.
///
/// A client that reads the limit from answers tells it by `observe`, and it keeps to that from then on. One that is told that
/// nothing more will be granted calls `stop`: nothing passes any more but what is under way.
///
/// Order      right of `retry`, so that each attempt has its permit and its answer is learned from; first come, first served. An
///            item that weighs w delays whoever comes after it by w intervals.
/// Waits      until the permit is due, the deadline or a stop, whichever is first.
/// Fails      cause::rejected where the line is full, timed_out, cancelled; the failure that it was stopped with.
/// Throws     std::invalid_argument for options that grant nothing.
/// Threads    any number; `observe` and `stop` act at once, on those who wait as well.
/// Lifetime   outlives its permits.
/// Cost       two locks and two looks at the clock a call; a call that waits sleeps once.
class adaptive_rate_limiter {
public:
    class permit {
    public:
        permit(permit&& other) noexcept
            : of_(std::exchange(other.of_, nullptr)), time_(other.time_), sent_(other.sent_), era_(other.era_) {}
        permit& operator=(permit&& other) noexcept {
            std::swap(of_, other.of_);
            std::swap(time_, other.time_);
            std::swap(sent_, other.sent_);
            std::swap(era_, other.era_);
            return *this;
        }
        ~permit() = default;
        template <class Result>
        void settle(Result const& result) {
            if (auto* const of = std::exchange(of_, nullptr)) of->learn(*this, result.has_value() ? nullptr : &result.error());
        }

    private:
        friend adaptive_rate_limiter;
        permit(adaptive_rate_limiter& of, waiter_ref time, instant sent, unsigned long long era) noexcept
            : of_(&of), time_(time), sent_(sent), era_(era) {}
        adaptive_rate_limiter* of_;
        waiter_ref time_;
        instant sent_;
        unsigned long long era_;
    };

    adaptive_rate_limiter() : adaptive_rate_limiter(adaptive_rate_options{}) {}
    explicit adaptive_rate_limiter(adaptive_rate_options options)
        : options_(checked(options)), search_(options.permits / in_seconds(options.per), options.least / in_seconds(options.per), options.share),
          random_(options.seed != 0 ? options.seed : std::random_device{}()) {}
    adaptive_rate_limiter(adaptive_rate_limiter const&) = delete;
    adaptive_rate_limiter& operator=(adaptive_rate_limiter const&) = delete;

    outcome<permit> acquire(context& cx, double weight = 1);

    /// The other side has stated its limit, `permits` in each `per`: from now on its `share` of that, evenly. Where it is not
    /// positive nothing was stated. Saying the same again costs a lock.
    void observe(rate stated);
    /// Closes the gate for good: who waits and who comes later gets this failure. Only the first counts.
    void stop(failure why);

    /// The pace now: so many permits in a second.
    [[nodiscard]] rate pace() const;
    /// True once the pace is measured or stated rather than guessed.
    [[nodiscard]] bool settled() const;
    [[nodiscard]] bool stopped() const;
    /// When a call that came at `now` would pass at the earliest, were it first in line.
    [[nodiscard]] instant ready_at(instant now) const;
    [[nodiscard]] std::size_t waiting() const;
    /// How often all callers paused.
    [[nodiscard]] std::uint64_t pauses() const;

private:
    static double in_seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>{time}.count(); }
    static double in_seconds(instant when) { return std::chrono::duration<double>{when.time_since_epoch()}.count(); }
    static adaptive_rate_options checked(adaptive_rate_options options) {
        if (!(options.permits > 0) || options.per.count() <= 0 || !(options.least > 0) || !(options.permits >= options.least) ||
            !(options.share > 0) || !(options.share <= 1) || options.pause.count() < 0 || options.longest_pause.count() < 0 ||
            !(options.jitter >= 0) || options.catch_up.count() < 0 || !options.counts)
            throw std::invalid_argument("muster: adaptive_rate_limiter needs permits >= least > 0, per > 0, 0 < share <= 1, jitter >= 0 and counts");
        return options;
    }
    // These under the mutex.
    [[nodiscard]] instant due(instant now) const {
        auto const paid = later(granted_, std::chrono::duration<double>{owed_ / search_.rate()});
        auto const saved = now - std::min(options_.catch_up, std::chrono::nanoseconds{now.time_since_epoch()});
        return std::max({paid, saved, resume_});
    }
    void pause(std::chrono::nanoseconds asked, instant now, bool anew);
    void learn(permit const& of, failure const* error);

    mutable std::mutex mutex_;
    adaptive_rate_options const options_;
    detail::rate_search search_;
    std::minstd_rand random_;
    // The last permit by its weight, not by the time it costs: so that another pace holds for what is still to pay off.
    instant granted_{};    // when it was due
    double owed_ = 0;
    instant resume_{};     // the end of the last pause
    std::uint64_t pauses_ = 0;
    std::optional<failure> stopped_;
    detail::waiting_line line_;
};

// Implementation

inline outcome<adaptive_rate_limiter::permit> adaptive_rate_limiter::acquire(context& cx, double weight) {
    if (cx.stop_requested()) return cx.interruption();
    std::unique_lock lock(mutex_);
    if (stopped_) return *stopped_;
    instant now, next;
    auto const ready = [&](instant& again) {
        now = cx.now();
        again = next = due(now);
        return next <= now || stopped_;
    };
    auto const enter = [&]() -> outcome<permit> {
        if (stopped_) return *stopped_;    // meanwhile; the next is woken, and leaves as well
        granted_ = next;
        owed_ = weight;
        search_.sent(in_seconds(now), weight);
        return permit{*this, cx.waiting(), now, search_.era()};
    };
    return line_.pass(cx, lock, {options_.most_waiting, "adaptive rate limiter"}, ready, enter);
}

inline void adaptive_rate_limiter::learn(permit const& of, failure const* error) {
    bool const refused = error && options_.counts(*error);
    if (error && !refused) return;    // says nothing of how often it may be asked
    auto const now = of.time_.now();
    std::lock_guard lock(mutex_);
    if (refused) {
        auto const anew = search_.refused(of.era_, in_seconds(of.sent_));
        pause(error->retry_after().value_or(options_.pause), now, anew);
    } else {
        search_.answered(in_seconds(of.sent_), in_seconds(now));
    }
    line_.call_first();    // its time may be another one
}

// For all callers. Refusals of what was under way when it began make it longer where they ask for that, but for one jitter.
inline void adaptive_rate_limiter::pause(std::chrono::nanoseconds asked, instant now, bool anew) {
    auto const bounded = std::clamp(asked, std::chrono::nanoseconds{0}, options_.longest_pause);
    if (anew) {
        auto const drawn = std::uniform_real_distribution<double>{0, options_.jitter}(random_);
        resume_ = std::max(resume_, later(now, std::chrono::duration<double>{in_seconds(bounded) * (1 + drawn)}));
        ++pauses_;
    } else {
        resume_ = std::max(resume_, later(now, bounded));
    }
}

inline void adaptive_rate_limiter::observe(rate stated) {
    if (!(stated.permits > 0) || stated.per.count() <= 0) return;
    std::lock_guard lock(mutex_);
    search_.stated(stated.permits / in_seconds(stated.per));
    line_.call_first();
}

inline void adaptive_rate_limiter::stop(failure why) {
    std::lock_guard lock(mutex_);
    if (!stopped_) stopped_ = std::move(why);
    line_.call_first();
}

inline rate adaptive_rate_limiter::pace() const {
    std::lock_guard lock(mutex_);
    return {.permits = search_.rate()};
}

inline bool adaptive_rate_limiter::settled() const {
    std::lock_guard lock(mutex_);
    return search_.settled();
}

inline bool adaptive_rate_limiter::stopped() const {
    std::lock_guard lock(mutex_);
    return stopped_.has_value();
}

inline instant adaptive_rate_limiter::ready_at(instant now) const {
    std::lock_guard lock(mutex_);
    return due(now);
}

inline std::size_t adaptive_rate_limiter::waiting() const {
    std::lock_guard lock(mutex_);
    return line_.size();
}

inline std::uint64_t adaptive_rate_limiter::pauses() const {
    std::lock_guard lock(mutex_);
    return pauses_;
}

static_assert(gate<adaptive_rate_limiter>);

}  // namespace muster
