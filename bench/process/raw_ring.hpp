#pragma once

#include <algorithm>    // min
#include <array>        // slots
#include <atomic>       // positions
#include <chrono>       // patience
#include <cstddef>      // size_t
#include <cstdint>      // uint64_t
#include <new>          // placement new

#include <linux/futex.h>     // FUTEX_WAIT
#include <sys/mman.h>        // munmap
#include <sys/syscall.h>     // SYS_futex
#include <unistd.h>          // syscall

#include <muster/os/affinity.hpp>    // pin_to

#include "child.hpp"
#include "problem.hpp"

// The least that many calls of another process can cost: a ring of fixed slots in each direction, one writer, one reader, no
// deaths, no deadlines, one function that both know.

namespace bench::process {

inline void sleep_on(std::atomic<std::uint32_t>& word, std::uint32_t expected) noexcept {
    syscall(SYS_futex, &word, FUTEX_WAIT, expected, nullptr, nullptr, 0);
}
inline void relax() noexcept {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}
inline void wake(std::atomic<std::uint32_t>& word) noexcept { syscall(SYS_futex, &word, FUTEX_WAKE, 1, nullptr, nullptr, 0); }

/// One direction. Nobody asks whether there is room: who sends keeps no more out than there are slots. Each begins a cache line, as
/// where a call can be any call: numbers side by side would tell how quickly an array is copied.
template <class Slot>
class lane {
public:
    static constexpr std::size_t slots = 256;

    [[nodiscard]] Slot& at(std::uint64_t position) noexcept { return slots_[position % slots].slot; }

    /// All before `tail` is there to be read.
    void publish(std::uint64_t tail) noexcept {
        tail_.store(tail, std::memory_order_seq_cst);    // before the look at `parked_`, which the reader sets before his last look here
        if (parked_.load(std::memory_order_seq_cst) != 0 && parked_.exchange(0) != 0) wake(parked_);
    }
    /// Waits until something is behind `seen`; looks for 50 us, then sleeps. The new end.
    [[nodiscard]] std::uint64_t wait_behind(std::uint64_t seen) noexcept {
        for (;;) {
            auto const begin = std::chrono::steady_clock::now();
            do {
                for (int i = 0; i < 64; ++i) {
                    if (auto const tail = tail_.load(std::memory_order_acquire); tail != seen) return tail;    // pairs with publish
                    relax();
                }
            } while (std::chrono::steady_clock::now() - begin < std::chrono::microseconds{50});
            parked_.store(1, std::memory_order_seq_cst);
            if (tail_.load(std::memory_order_seq_cst) == seen) sleep_on(parked_, 1);
            parked_.store(0, std::memory_order_relaxed);    // ours again: a look at the tail follows
        }
    }

private:
    alignas(64) std::atomic<std::uint64_t> tail_{0};
    alignas(64) std::atomic<std::uint32_t> parked_{0};
    struct alignas(64) line {
        Slot slot;
    };
    std::array<line, slots> slots_;
};

/// One worker process on a CPU of its own, which answers each request by `Work{}(request)`. Both sides publish `together` records at
/// a time, where there are so many.
template <class Request, class Answer, class Work>
class raw_ring {
public:
    explicit raw_ring(std::size_t cpu, std::size_t together = 1)
        : lanes_(*::new (shared_pages(sizeof(lanes))) lanes), together_(together), worker_([&] {
              (void)muster::pin_to(cpu);
              serve(lanes_, together_);
          }) {}
    raw_ring(raw_ring const&) = delete;
    ~raw_ring() { munmap(&lanes_, sizeof(lanes)); }    // the worker, which has its own view of it, ends after this

    /// `ask(i, request)` for each of n, `take(i, answer)` for each in the same order, at most `window` of them out at a time.
    template <class Ask, class Take>
    void run(std::size_t n, std::size_t window, Ask const& ask, Take const& take) {
        auto const first = position_;
        std::size_t sent = 0, taken = 0;
        while (taken < n) {
            auto const until = std::min(n, taken + window);
            while (sent < until) {
                auto const some = std::min(until, sent + together_);
                for (; sent < some; ++sent) ask(sent, lanes_.requests.at(first + sent));
                lanes_.requests.publish(first + sent);
            }
            for (auto const there = lanes_.answers.wait_behind(first + taken) - first; taken < there; ++taken)
                take(taken, lanes_.answers.at(first + taken));
        }
        position_ += n;
    }

private:
    struct lanes {
        lane<Request> requests;
        lane<Answer> answers;
    };
    [[noreturn]] static void serve(lanes& mine, std::size_t together) {
        for (std::uint64_t seen = 0;;)
            for (auto const there = mine.requests.wait_behind(seen); seen != there;) {
                auto const some = std::min(there, seen + together);
                for (; seen != some; ++seen) mine.answers.at(seen) = Work{}(mine.requests.at(seen));
                mine.answers.publish(seen);
            }
    }

    lanes& lanes_;
    std::size_t together_;
    std::uint64_t position_ = 0;
    child worker_;
};

}  // namespace bench::process
