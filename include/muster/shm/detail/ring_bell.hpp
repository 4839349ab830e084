#pragma once

#include <atomic>     // word
#include <climits>    // INT_MAX
#include <cstdint>    // uint32_t

#include <muster/core/waiter.hpp>    // instant
#include <muster/os/futex.hpp>       // futex_wait, futex_wake

namespace muster::detail {

/// Where several processes wait until something changes: one word, which is zero at first.
///
/// Its lowest bit says that somebody may be asleep; the others count how often it was rung, so that whoever looked before a ring does
/// not fall asleep after it, even where the next one has set the bit again. All are woken: a wake-up that went to one who was
/// killed would be lost to the rest. Whoever is killed between his change and the ring leaves them asleep: sleep has an end.
class ring_bell {
public:
    /// Before the last look: what to give to `sleep` when there was nothing.
    [[nodiscard]] std::uint32_t listen() noexcept { return word_.fetch_or(1) | 1; }
    void sleep(std::uint32_t heard, instant until) const noexcept { (void)futex_wait(word_, heard, until, futex_reach::shared); }

    /// After the change, which is to be sequentially consistent: whoever did not see it has set the bit before this looks.
    void ring() noexcept {
        if (auto now = word_.load(); (now & 1) != 0) [[unlikely]]
            if (word_.compare_exchange_strong(now, now + 1)) (void)futex_wake(word_, INT_MAX, futex_reach::shared);
    }

private:
    std::atomic<std::uint32_t> word_{0};
};

}  // namespace muster::detail
