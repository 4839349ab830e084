#pragma once

#include <atomic>     // who is next
#include <cstddef>    // size_t

namespace muster::detail {

/// How many cache lines counters are spread over that many threads write.
inline constexpr std::size_t stripes = 16;

/// The one that this thread writes; others may, too.
[[nodiscard]] inline std::size_t thread_stripe() noexcept {
    static std::atomic<std::size_t> next{0};
    thread_local std::size_t const mine = next.fetch_add(1, std::memory_order_relaxed) % stripes;    // no partner: only distinct
    return mine;
}

}  // namespace muster::detail
