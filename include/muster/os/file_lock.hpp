#pragma once

#include <algorithm>    // min
#include <cerrno>       // errno
#include <chrono>       // milliseconds
#include <cstdint>      // uint64_t
#include <utility>      // exchange

#include <fcntl.h>    // F_OFD_SETLK

#include <muster/core/context.hpp>         // context
#include <muster/core/failure.hpp>         // failure
#include <muster/core/outcome.hpp>         // outcome
#include <muster/os/fd.hpp>                // fd
#include <muster/os/system_failure.hpp>    // system_failure

namespace muster {

/// Which bytes of a file are locked; they need not exist.
///
/// Default    the whole file.
struct file_range {
    std::uint64_t at = 0;      ///< below 2^62
    std::uint64_t size = 0;    ///< 0: to the end, wherever that will be
    friend bool operator==(file_range const&, file_range const&) = default;
};

/// Keeps other processes out of a range of a file; the kernel releases it when its holder dies.
///
/// Waits      by asking again, every 0.1 to 10 ms: for the deadline and the stop of the context.
/// Fails      cause::timed_out or cancelled; as `system_failure` for a file that cannot be locked.
/// Threads    a lock belongs to the opened file: two threads exclude each other only through two `fd::open`.
/// Lifetime   refers to the descriptor, which must outlive it; releases in its destructor.
class file_lock {
public:
    /// An exclusive lock; `file` is open for writing.
    [[nodiscard]] static outcome<file_lock> acquire(fd const& file, context& cx, file_range range = {});
    /// The lock if it is free now; else a failure with cause::rejected.
    [[nodiscard]] static outcome<file_lock> attempt(fd const& file, file_range range = {});

    file_lock(file_lock&& other) noexcept : file_(std::exchange(other.file_, -1)), range_(other.range_) {}
    file_lock& operator=(file_lock other) noexcept {
        std::swap(file_, other.file_);
        std::swap(range_, other.range_);
        return *this;
    }
    ~file_lock() {
        if (file_ >= 0) (void)set(file_, F_UNLCK, range_);
    }

private:
    file_lock(int file, file_range range) noexcept : file_(file), range_(range) {}
    static int set(int file, int kind, file_range range) noexcept;    // 0, or an errno

    int file_;
    file_range range_;
};

// Implementation

inline int file_lock::set(int file, int kind, file_range range) noexcept {
    struct flock wanted {};    // l_pid must be 0 for a lock of the opened file
    wanted.l_type = static_cast<decltype(wanted.l_type)>(kind);
    wanted.l_whence = SEEK_SET;
    wanted.l_start = static_cast<decltype(wanted.l_start)>(range.at);
    wanted.l_len = static_cast<decltype(wanted.l_len)>(range.size);
    return ::fcntl(file, F_OFD_SETLK, &wanted) == 0 ? 0 : errno;
}

inline outcome<file_lock> file_lock::attempt(fd const& file, file_range range) {
    int const error = set(file.get(), F_WRLCK, range);
    if (error == 0) return file_lock{file.get(), range};
    if (error == EAGAIN || error == EACCES) return failure{cause::rejected, "another holds the lock"};
    return system_failure(error, "cannot lock a file");
}

inline outcome<file_lock> file_lock::acquire(fd const& file, context& cx, file_range range) {
    using namespace std::chrono_literals;
    for (std::chrono::nanoseconds wait = 100us;; wait = std::min<std::chrono::nanoseconds>(2 * wait, 10ms)) {
        auto held = attempt(file, range);
        if (held || !held.error().is(cause::rejected)) return held;
        if (cx.stop_requested()) return cx.interruption();
        if (auto const paused = cx.pause(wait); !paused) return paused.error();
    }
}

}  // namespace muster
