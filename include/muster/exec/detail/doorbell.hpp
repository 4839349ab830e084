#pragma once

#include <atomic>                // counters
#include <chrono>                // steady_clock
#include <condition_variable>    // sleeping
#include <cstddef>               // size_t
#include <cstdint>               // uint64_t
#include <mutex>                 // mutex

namespace muster::detail {

/// Lets threads sleep until something changed since they last looked.
class doorbell {
public:
    [[nodiscard]] std::uint64_t look() const noexcept { return rings_.load(); }    // seq_cst: before the look at the queues

    void sleep_unless_rung(std::uint64_t since) {
        std::unique_lock lock(mutex_);
        sleepers_.fetch_add(1);    // seq_cst: pairs with the ring; one of the two sees the other
        changed_.wait(lock, [&] { return rings_.load() != since; });
        sleepers_.fetch_sub(1);
    }

    void sleep_unless_rung(std::uint64_t since, std::chrono::steady_clock::time_point until) {
        std::unique_lock lock(mutex_);
        sleepers_.fetch_add(1);    // as above
        changed_.wait_until(lock, until, [&] { return rings_.load() != since; });
        sleepers_.fetch_sub(1);
    }

    [[nodiscard]] std::size_t sleepers() const noexcept { return sleepers_.load(); }

    void ring(std::size_t how_many) {
        rings_.fetch_add(1);    // seq_cst: after the change that is announced
        auto const asleep = sleepers_.load();
        if (asleep == 0) return;
        std::lock_guard lock(mutex_);
        if (how_many >= asleep) changed_.notify_all();
        else
            for (std::size_t i = 0; i < how_many; ++i) changed_.notify_one();
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::atomic<std::uint64_t> rings_{0};
    std::atomic<std::size_t> sleepers_{0};
};

}  // namespace muster::detail
