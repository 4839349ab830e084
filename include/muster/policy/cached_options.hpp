#pragma once

#include <chrono>    // nanoseconds
#include <string>    // describe

#include <muster/core/duration_text.hpp>    // duration_text
#include <muster/core/failure.hpp>          // failure

namespace muster {

/// How long what `cached` remembers is good, who gets it after that, and which failures are remembered.
///
/// Units      durations are 0 or more, `fresh_for` and `renew_within` more; shares lie between 0 and 1.
struct cached_options {
    /// No end, as in the caches: how long an answer is as good as new.
    std::chrono::nanoseconds fresh_for = std::chrono::nanoseconds::max();
    /// 0, so that nobody is given an old answer who did not ask for it: how long after that it is still given, while somebody gets a
    /// newer one or nobody can.
    std::chrono::nanoseconds stale_for{0};
    /// 0, none: the last share of the fresh time, in which the first caller makes a newer answer early. That begins earlier where
    /// making one took longer than this share, but not in the first half.
    double ahead = 0;
    /// 0, none: lives are shorter by up to this share, each key's by another, so that what was stored together does not end together.
    double jitter = 0;
    /// Null, none: which failures are remembered. Never those that say nothing of the key: after the caller's own deadline or stop,
    /// cause::cancelled (nobody ran it), would_deadlock.
    bool (*failures)(failure const&) = nullptr;
    /// 1 s, so that a cure is seen soon: how long a remembered failure is given, and how long after a renewal that failed nobody
    /// tries again; longer where the failure's `retry_after` says so.
    std::chrono::nanoseconds failures_for = std::chrono::seconds{1};
    /// 30 s, the patience of shm_cache: how long a renewal may take. Whoever has not come back by then is taken for dead, and the next
    /// caller makes the answer.
    std::chrono::nanoseconds renew_within = std::chrono::seconds{30};

    [[nodiscard]] std::string describe() const {
        std::string out;
        auto const add = [&](char const* what, std::string const& value) { out += (out.empty() ? "" : ", ") + (what + value); };
        if (fresh_for != fresh_for.max()) add("fresh for ", duration_text(fresh_for));
        if (stale_for.count() != 0) add("stale for ", duration_text(stale_for));
        if (failures) add("failures for ", duration_text(failures_for));
        return out;
    }
    friend bool operator==(cached_options const&, cached_options const&) = default;
};

}  // namespace muster
