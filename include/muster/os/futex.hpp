#pragma once

#include <algorithm>    // max, min
#include <atomic>       // atomic
#include <cerrno>       // errno
#include <chrono>       // seconds
#include <climits>      // INT_MAX
#include <cstddef>      // size_t
#include <cstdint>      // uint32_t
#include <ctime>        // timespec

#include <linux/futex.h>    // FUTEX_WAIT_BITSET
#include <sys/syscall.h>    // SYS_futex
#include <unistd.h>         // syscall

#include <muster/core/waiter.hpp>    // instant, never

namespace muster {

/// Why a `futex_wait` is over.
enum class futex_end {
    woken,       ///< a `futex_wake` picked this thread, perhaps one meant for an earlier word at the same address
    changed,     ///< the word was not the expected one; nothing was waited for
    timed_out    ///< the deadline came
};

/// Whose threads a word is for: those of this process, or of every process that has mapped its memory.
enum class futex_reach { process, shared };

/// Sleeps in the kernel while `word` is `expected`, until a `futex_wake` on that word or the deadline.
///
/// Looking at the word and falling asleep are one step against every `futex_wake`: whoever changes the word first and wakes
/// afterwards is never missed. Look at the word again whatever the answer; no answer says what it is by now.
///
/// Units      a deadline of the steady clock; `never` waits without one, one that has passed does not wait.
/// Waits      for the word alone: no stop is looked at, so whoever requests one must change the word. A signal ends no wait.
/// Threads    those of one process, or of all that share the memory; both sides say the same. Orders no memory: the load of the
///            word before or after the wait does, with whatever order it asks for.
/// Cost       one system call; two more context switches when it sleeps.
[[nodiscard]] futex_end futex_wait(std::atomic<std::uint32_t> const& word, std::uint32_t expected, instant until = never,
                                   futex_reach whose = futex_reach::process) noexcept;

/// Wakes up to `how_many` threads that wait for `word`; answers how many that were.
///
/// Lifetime   only the address is used: a waiter that saw the word change may have destroyed it by now. Whoever then waits on a
///            new word at that address wakes for nothing, and looks again.
/// Cost       one system call, also when nobody waits: keep a count beside the word where that matters.
std::size_t futex_wake(std::atomic<std::uint32_t> const& word, std::size_t how_many, futex_reach whose = futex_reach::process) noexcept;

// Implementation

static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t) && std::atomic<std::uint32_t>::is_always_lock_free,
              "muster: the kernel compares the word itself, so an atomic must be nothing but its value");
static_assert(sizeof(std::time_t) == sizeof(long), "muster: this system call takes a timespec of the machine's long");

namespace detail {
constexpr int futex_call(int what, futex_reach whose) noexcept { return whose == futex_reach::shared ? what : what | FUTEX_PRIVATE_FLAG; }
}  // namespace detail

inline futex_end futex_wait(std::atomic<std::uint32_t> const& word, std::uint32_t expected, instant until, futex_reach whose) noexcept {
    // The steady clock is CLOCK_MONOTONIC. The kernel refuses times before its zero: they have passed as well.
    auto const since_zero = std::max(until.time_since_epoch(), instant::duration::zero());
    auto const whole = std::chrono::duration_cast<std::chrono::seconds>(since_zero);
    std::timespec const deadline{.tv_sec = static_cast<std::time_t>(whole.count()),
                                 .tv_nsec = static_cast<long>(std::chrono::nanoseconds{since_zero - whole}.count())};
    // FUTEX_WAIT would take a duration, which a signal makes start again; with a bit set the time is a point, and stays one.
    for (;;) {
        if (::syscall(SYS_futex, &word, detail::futex_call(FUTEX_WAIT_BITSET, whose), expected, until == never ? nullptr : &deadline,
                      nullptr, FUTEX_BITSET_MATCH_ANY) == 0)
            return futex_end::woken;
        if (errno == EAGAIN) return futex_end::changed;
        if (errno == ETIMEDOUT) return futex_end::timed_out;
        if (errno != EINTR) return futex_end::woken;    // a kernel that refuses futexes: the caller looks again, and is not stuck
    }
}

inline std::size_t futex_wake(std::atomic<std::uint32_t> const& word, std::size_t how_many, futex_reach whose) noexcept {
    if (how_many == 0) return 0;    // the kernel would wake one
    auto const most = static_cast<int>(std::min<std::size_t>(how_many, INT_MAX));
    auto const woken = ::syscall(SYS_futex, &word, detail::futex_call(FUTEX_WAKE, whose), most, nullptr, nullptr, 0);
    return woken > 0 ? static_cast<std::size_t>(woken) : 0;
}

}  // namespace muster
