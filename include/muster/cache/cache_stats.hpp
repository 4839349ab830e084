#pragma once

#include <cstdint>    // uint64_t

namespace muster {

/// Counters of a cache, since it was made; those of this process alone.
struct cache_stats {
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;
    std::uint64_t stored = 0;
    std::uint64_t evicted = 0;     ///< pushed out by newer ones
    std::uint64_t expired = 0;     ///< too old when they were looked at
    std::uint64_t waited = 0;      ///< calls that waited for another one's answer
    std::uint64_t damaged = 0;     ///< broken or of a foreign format when they were looked at, and misses therefore
    std::uint64_t unstored = 0;    ///< computed, but not kept: the disk was full, or the value larger than the cache
    std::uint64_t stolen = 0;      ///< shared caches: taken over from processes that died while they stored something
    friend bool operator==(cache_stats const&, cache_stats const&) = default;
};

}  // namespace muster
