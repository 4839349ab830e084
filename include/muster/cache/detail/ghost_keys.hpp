#pragma once

#include <algorithm>    // max
#include <array>        // a bucket
#include <bit>          // bit_ceil
#include <cstddef>      // size_t
#include <cstdint>      // uint32_t
#include <utility>      // swap
#include <vector>       // buckets

namespace muster::detail {

/// Remembers which tags, 32 bits of a key's hash, were added last, as many as it is told.
///
/// Shape      each tag has a bucket of eight; where more come together, the oldest of them is forgotten before its time. A tag that
///            many more were added after, some 4 billion, may be taken for a new one.
/// Threads    one at a time.
/// Cost       nothing before the first `prepare`; then 13 to 26 bytes a tag. Each call reads one cache line.
/// Source     J. Yang and others, FIFO Queues are All You Need for Cache Eviction, 2023, section 4.2: a table with the time of each.
class ghost_keys {
public:
    explicit ghost_keys(std::uint32_t keys) noexcept : keys_(keys), now_(keys + 1) {}

    /// Takes its memory, once; before the first `add`.
    void prepare() {
        if (buckets_.empty()) buckets_.resize(std::bit_ceil<std::size_t>(std::max<std::size_t>(1, (std::size_t{keys_} + 4) / 5)));
    }
    void add(std::uint32_t tag) noexcept {
        auto& in = bucket_of(tag);
        std::size_t oldest = 0;
        for (std::size_t i = 1; i < width; ++i)
            if (now_ - in.added[i] > now_ - in.added[oldest]) oldest = i;
        in.tags[oldest] = tag;
        in.added[oldest] = now_++;
    }
    /// True when it was there, which it then no longer is.
    bool take(std::uint32_t tag) noexcept {
        if (buckets_.empty()) return false;
        auto& in = bucket_of(tag);
        for (std::size_t i = 0; i < width; ++i)
            if (in.tags[i] == tag && now_ - in.added[i] <= keys_) {
                in.added[i] = now_ - keys_ - 1;
                return true;
            }
        return false;
    }
    void swap(ghost_keys& other) noexcept {
        buckets_.swap(other.buckets_);
        std::swap(keys_, other.keys_);
        std::swap(now_, other.now_);
    }

private:
    static constexpr std::size_t width = 8;
    struct alignas(64) bucket {
        std::array<std::uint32_t, width> tags{};
        std::array<std::uint32_t, width> added{};    // when, counted in calls of `add`
    };
    bucket& bucket_of(std::uint32_t tag) noexcept { return buckets_[tag & (buckets_.size() - 1)]; }

    std::vector<bucket> buckets_;    // a power of two
    std::uint32_t keys_;
    std::uint32_t now_;
};

}  // namespace muster::detail
