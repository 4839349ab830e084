#pragma once

#include <atomic>     // positions
#include <cstddef>    // size_t
#include <cstdint>    // uint64_t

#include <muster/shm/detail/ring_bell.hpp>    // ring_bell

namespace muster::detail {

/// How the memory of a `shm_ring` begins. What one side changes is not in the cache line of the other.
struct ring_head {
    static constexpr std::uint64_t current = 0x3147'4e49'5253'554d;    // "MUSRING1": another layout has another number

    std::uint64_t mark = 0;
    std::uint64_t kind = 0;
    std::uint64_t capacity = 0;    // a power of two
    std::uint64_t element = 0;     // bytes
    std::atomic<std::uint32_t> closed{0};

    alignas(64) std::atomic<std::uint64_t> tail{0};
    alignas(64) std::atomic<std::uint64_t> head{0};
    alignas(64) ring_bell values;    // rung when there is one more
    alignas(64) ring_bell room;      // rung when there is one less
};
static_assert(sizeof(ring_head) == std::size_t{5} * 64 && std::atomic<std::uint64_t>::is_always_lock_free);

}  // namespace muster::detail
