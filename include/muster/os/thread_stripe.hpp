#pragma once

#include <atomic>     // who is next
#include <cstddef>    // size_t

namespace muster {

/// How many cache lines counters are spread over that many threads write.
inline constexpr std::size_t thread_stripes = 16;

/// Which of them this thread writes, below `thread_stripes`; others may, too, as soon as there are more threads than lines.
///
/// Cost       a few instructions: a thread is given its own when it first asks, the next one the next.
[[nodiscard]] inline std::size_t thread_stripe() noexcept {
    static std::atomic<std::size_t> next{0};
    thread_local std::size_t const mine = next.fetch_add(1, std::memory_order_relaxed) % thread_stripes;    // no partner: only distinct
    return mine;
}

}  // namespace muster
