#include "problem.hpp"

#include <linux/futex.h>    // FUTEX_WAIT_PRIVATE
#include <sys/syscall.h>    // SYS_futex
#include <unistd.h>         // syscall

namespace bench::submit {
namespace {

// The least that a wake-up can be: one thread that sleeps, and the system call that wakes it.
class sleeper {
public:
    sleeper(sleeper const&) = delete;
    sleeper() = default;
    ~sleeper() {
        closing_.store(true);
        wake();
    }

    double time_to_start() {
        started_.store(0);
        auto const called = clock::now();
        wake();
        started_.wait(0, std::memory_order_acquire);
        return std::chrono::duration<double>(clock::duration{started_.load()} - called.time_since_epoch()).count();
    }

private:
    void wake() {
        word_.store(1, std::memory_order_release);    // pairs with the exchange of the sleeper
        syscall(SYS_futex, &word_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
    }
    void sleep() {
        for (;;) {
            while (word_.exchange(0, std::memory_order_acquire) == 0) syscall(SYS_futex, &word_, FUTEX_WAIT_PRIVATE, 0, nullptr, nullptr, 0);
            if (closing_.load()) return;
            started_.store(clock::now().time_since_epoch().count(), std::memory_order_release);    // pairs with the wait
            started_.notify_one();
        }
    }

    std::atomic<std::uint32_t> word_{0};
    std::atomic<bool> closing_{false};
    std::atomic<clock::rep> started_{0};
    std::jthread thread_{[this] { sleep(); }};    // last: joined before the rest is gone
};

queues start(std::size_t) {
    return {.flood = {}, .wake = [thread = std::make_shared<sleeper>()] { return thread->time_to_start(); }, .whole = {}, .memory = {},
            .latencies = {}, .warm_up = {}, .three_quarters = {}};
}

entered<rival> const futex{{"bare_futex", 0, 0, {0}, start}};

}  // namespace
}  // namespace bench::submit
