#pragma once

#include <atomic>       // counters
#include <cstddef>      // size_t
#include <cstdint>      // uint32_t, uint64_t
#include <mutex>        // mutex
#include <utility>      // exchange

#include <muster/core/intrusive_list.hpp>    // intrusive_list
#include <muster/core/waiter.hpp>            // instant, never
#include <muster/os/futex.hpp>               // futex_wait, futex_wake

namespace muster::detail {

/// Lets threads sleep until something changed since they last looked. Each sleeps on a word of its own, so that a ring wakes as
/// many as it is meant for, the last to fall asleep first: its memory is the warmest.
///
/// Cost       a ring that finds nobody asleep: one atomic addition and a load.
class doorbell {
public:
    [[nodiscard]] std::uint64_t look() const noexcept { return rings_.load(); }    // seq_cst: before the look at the queues

    void sleep_unless_rung(std::uint64_t since, instant until = never) noexcept {
        sleeper me;
        {
            std::lock_guard lock(mutex_);
            asleep_.store(sleepers_.size() + 1);    // seq_cst: pairs with the ring; one of the two sees the other
            if (rings_.load() != since) {
                asleep_.store(sleepers_.size());
                return;
            }
            sleepers_.push_back(me);
        }
        while (!me.is_rung())
            if (futex_wait(me.rung, 0, until) == futex_end::timed_out && give_up(me)) return;
    }

    /// How many sleep; a hint.
    [[nodiscard]] std::size_t sleepers() const noexcept { return asleep_.load(); }

    /// Wakes up to so many.
    void ring(std::size_t how_many) noexcept {
        rings_.fetch_add(1);    // seq_cst: after the change that is announced
        if (asleep_.load() == 0) return;
        sleeper* first = nullptr;    // all at once: who wakes and sleeps again is not rung twice in place of another
        {
            std::lock_guard lock(mutex_);
            for (; how_many != 0; --how_many) {
                auto* const one = sleepers_.pop_back();
                if (!one) break;
                one->listed = false;
                one->after = std::exchange(first, one);
            }
            asleep_.store(sleepers_.size());
        }
        while (first) {
            auto* const one = std::exchange(first, first->after);
            one->rung.store(1, std::memory_order_release);    // pairs with the acquire of the sleeper, which may be gone from here on
            futex_wake(one->rung, 1);                         // by address only
        }
    }

private:
    struct sleeper {
        [[nodiscard]] bool is_rung() const noexcept { return rung.load(std::memory_order_acquire) != 0; }    // pairs with the release of the ring
        std::atomic<std::uint32_t> rung{0};
        bool listed = true;    // guarded by the mutex
        sleeper* before = nullptr;
        sleeper* after = nullptr;
    };
    // False when a ring has it already: it will come.
    bool give_up(sleeper& me) noexcept {
        std::lock_guard lock(mutex_);
        if (!me.listed) return false;
        sleepers_.erase(me);
        asleep_.store(sleepers_.size());
        return true;
    }

    std::mutex mutex_;
    intrusive_list<sleeper> sleepers_;
    std::atomic<std::uint64_t> rings_{0};
    std::atomic<std::size_t> asleep_{0};
};

}  // namespace muster::detail
