#pragma once

#include <algorithm>    // min
#include <array>        // counts
#include <atomic>       // counts
#include <bit>          // bit_width
#include <chrono>       // nanoseconds
#include <cstddef>      // size_t
#include <cstdint>      // uint64_t

#include <muster/core/latency_figures.hpp>    // latency_figures

namespace muster {

/// Counts how long calls take, in steps of an eighth: the quantiles of any number of them, from one nanosecond to hours.
///
/// Units      nanoseconds; what is longer than the last step, some two hours, counts there. Below 0 is 0.
/// Threads    any number may record; who reads meanwhile sees a moment's counts.
/// Cost       2.5 kB, and one atomic addition for each that is recorded.
/// Source     log-linear buckets as in G. Tene's HdrHistogram: a power of two, and the three bits behind it.
class latency_histogram {
public:
    latency_histogram() = default;
    latency_histogram(latency_histogram const&) = delete;
    latency_histogram& operator=(latency_histogram const&) = delete;

    void record(std::chrono::nanoseconds took) noexcept {
        auto const ns = took.count() > 0 ? static_cast<std::uint64_t>(took.count()) : 0;
        // Relaxed throughout: counts that say nothing of each other.
        counts_[bucket_of(ns)].fetch_add(1, std::memory_order_relaxed);
        auto most = most_.load(std::memory_order_relaxed);
        while (ns > most && !most_.compare_exchange_weak(most, ns, std::memory_order_relaxed)) {}
    }

    [[nodiscard]] latency_figures figures() const noexcept {
        std::array<std::uint64_t, buckets> now;
        latency_figures out;
        for (std::size_t i = 0; i < buckets; ++i) out.samples += now[i] = counts_[i].load(std::memory_order_relaxed);
        out.most = std::chrono::nanoseconds{static_cast<std::int64_t>(most_.load(std::memory_order_relaxed))};
        // Of the bucket in which that one lies, the longest that it holds.
        auto const quantile = [&](std::uint64_t percent) {
            auto left = (out.samples * percent + 99) / 100;
            std::size_t i = 0;
            while (i + 1 < buckets && left > now[i]) left -= now[i++];
            return std::min(out.most, std::chrono::nanoseconds{static_cast<std::int64_t>(longest_in(i))});
        };
        if (out.samples == 0) return out;
        out.p50 = quantile(50);
        out.p99 = quantile(99);
        return out;
    }

private:
    static constexpr std::size_t fine = 3, part = std::size_t{1} << fine, highest = 42;    // bits
    static constexpr std::size_t buckets = (highest - fine + 1) * part;

    // The first 8 are exact; then each power of two has 8.
    static constexpr std::size_t bucket_of(std::uint64_t ns) noexcept {
        if (ns < part) return static_cast<std::size_t>(ns);
        auto const power = static_cast<std::size_t>(std::bit_width(ns)) - 1;
        auto const at = (power - fine + 1) * part + ((ns >> (power - fine)) & (part - 1));
        return std::min<std::size_t>(static_cast<std::size_t>(at), buckets - 1);
    }
    static constexpr std::uint64_t longest_in(std::size_t bucket) noexcept {
        if (bucket < part) return bucket;
        auto const shift = bucket / part - 1;
        return ((part + bucket % part + 1) << shift) - 1;
    }

    std::array<std::atomic<std::uint64_t>, buckets> counts_{};
    std::atomic<std::uint64_t> most_{0};
};

}  // namespace muster
