#pragma once

#include <algorithm>      // min
#include <cerrno>         // errno
#include <chrono>         // nanoseconds
#include <cstdint>        // uint64_t
#include <fstream>        // ifstream
#include <iterator>       // istreambuf_iterator
#include <string>         // texts
#include <string_view>    // what was limited
#include <utility>        // pair

#include <sys/resource.h>    // setrlimit

#include <muster/core/bytes.hpp>            // MiB
#include <muster/core/duration_text.hpp>    // duration_text
#include <muster/core/outcome.hpp>          // outcome
#include <muster/os/process_limits.hpp>     // status_number
#include <muster/os/system_failure.hpp>     // system_failure

namespace muster {

// Which limit is for memory. RLIMIT_AS counts every mapping: the segments that a worker shares with others, files, the 64 MiB of
// addresses that malloc reserves for each thread, whole stacks. It would have to be set by what is mapped, which nobody knows.
// RLIMIT_DATA counts what is private and writable, promised or touched, once it is writable: what malloc hands out (brk, mmap and,
// since Linux 4.7, mprotect of what was reserved), and the globals. So the number says what the code says: new fails beyond it.
// It does not count stacks (RLIMIT_STACK bounds those) nor shared memory: that is bounded by whoever hands it out, and a sandbox
// that only computes lets nobody make more. Nor does it count pages that a fork shares once each: each process has all of them.

/// What one worker process may use. A limit of 0 is none.
///
/// Default    no limit, but for core files, and for what the pool itself has to keep: an answer.
/// Units      bytes, numbers, and durations; a limit that the process has already and that is lower stays.
struct limits {
    /// Private memory: beyond it `new` throws std::bad_alloc. Counts what the process has at the time, its program's globals too.
    /// No limit works with AddressSanitizer or ThreadSanitizer, whose shadow is terabytes of private memory.
    std::uint64_t memory = 0;
    /// Of the processor, for one task. Watched by whoever gives out the tasks; `apply` leaves it alone.
    std::chrono::nanoseconds cpu_time{};
    /// Of the processor, for the whole life of the process from its fork on, all threads together, rounded up to seconds.
    /// SIGXCPU ends the process; where that is caught, SIGKILL does so one second later.
    std::chrono::nanoseconds cpu_life{};
    /// The descriptors that may be open at once; numbers from here on are not handed out, those in use stay open.
    std::uint64_t open_files = 0;
    /// How long a file may become: SIGXFSZ where a write would pass it, or EFBIG where that is ignored.
    std::uint64_t file_size = 0;
    /// The most bytes that an answer may have, and that a worker may write to its output. Watched by whoever reads them; `apply`
    /// leaves it alone. 64 MiB: as for the output of a command.
    std::uint64_t output = 64 * MiB;
    /// How many processes and threads the user may have in all, not only this process; root may have any number.
    std::uint64_t processes = 0;
    /// True: what crashes may leave a core file, as far as the process's own limit allows. False: as many workers may crash.
    bool core_dump = false;

    friend bool operator==(limits const&, limits const&) = default;
};

/// Puts these limits on the calling process, for good: whoever is not root does not get rid of them. What it starts inherits them.
///
/// Order      before a sandbox is entered, which may refuse to change limits and to read what memory is in use.
/// Fails      cause::invalid_input: a negative duration; exhausted: more memory is in use than is allowed; unavailable: the
///            system refuses a limit. The text names the limit. In the first two cases none is set, in the last those before it.
/// Threads    the process has one, or the others bear it.
[[nodiscard]] outcome<void> apply(limits const& wanted);

/// Lets this process have at least so many descriptors open, where its hard limit allows: raises the soft one, never lowers it.
///
/// Returns    how many it may have now: fewer than wanted where the hard limit is lower.
/// Fails      as the system does, which it should not.
/// Threads    the limit is the process's, and is inherited by what it starts: a program that uses select(2) breaks on numbers
///            from 1,024 on.
[[nodiscard]] outcome<std::uint64_t> raise_open_files(std::uint64_t wanted);

// Implementation

namespace detail {

/// Sets the soft limit, and the hard one so much above it; where the hard limit is lower already, it stays.
inline outcome<void> set_limit(decltype(RLIMIT_DATA) which, std::uint64_t wanted, std::uint64_t above, std::string_view name) {
    auto const tried = [&] { return "limits." + std::string{name} + ": cannot set it to " + std::to_string(wanted); };
    struct rlimit now {};
    if (::getrlimit(which, &now) != 0) return system_failure(errno, tried());
    auto const most = now.rlim_max;    // RLIM_INFINITY is the highest number there is
    bool const room = wanted < most && above < most - wanted;
    struct rlimit const next {std::min<rlim_t>(wanted, most), room ? wanted + above : most};
    if (::setrlimit(which, &next) != 0) return system_failure(errno, tried());
    return {};
}

/// What RLIMIT_DATA counts of this process; 0 where /proc does not say.
inline std::uint64_t private_memory() {
    std::ifstream file{"/proc/self/status"};
    std::string const text{std::istreambuf_iterator<char>{file}, {}};
    return process_limits::status_number(text, "VmData:").value_or(0) * KiB;
}

}  // namespace detail

inline outcome<void> apply(limits const& wanted) {
    using namespace std::chrono_literals;
    for (auto const& [duration, name] : {std::pair{wanted.cpu_time, "cpu_time"}, std::pair{wanted.cpu_life, "cpu_life"}})
        if (duration < 0s) return failure{cause::invalid_input, "limits." + std::string{name} + ": " + duration_text(duration)};
    if (wanted.memory != 0)
        if (auto const used = detail::private_memory(); used > wanted.memory)
            return failure{cause::exhausted, "limits.memory: " + std::to_string(wanted.memory) + " bytes, and the process has " +
                                                 std::to_string(used) + " already"};

    struct entry {
        decltype(RLIMIT_DATA) which;
        std::uint64_t value;
        std::uint64_t above;
        char const* name;
        bool set;
    };
    auto const seconds = static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::seconds>(wanted.cpu_life).count());
    // Memory is last: a failure's text is memory as well. SIGXCPU comes only where the hard limit is higher.
    entry const all[] = {{RLIMIT_CPU, seconds, 1, "cpu_life", seconds != 0},
                         {RLIMIT_NOFILE, wanted.open_files, 0, "open_files", wanted.open_files != 0},
                         {RLIMIT_FSIZE, wanted.file_size, 0, "file_size", wanted.file_size != 0},
                         {RLIMIT_NPROC, wanted.processes, 0, "processes", wanted.processes != 0},
                         {RLIMIT_CORE, 0, 0, "core_dump", !wanted.core_dump},
                         {RLIMIT_DATA, wanted.memory, 0, "memory", wanted.memory != 0}};
    for (auto const& each : all)
        if (each.set)
            if (auto done = detail::set_limit(each.which, each.value, each.above, each.name); !done) return done;
    return {};
}

inline outcome<std::uint64_t> raise_open_files(std::uint64_t wanted) {
    auto const tried = [&] { return "cannot raise the limit of open files to " + std::to_string(wanted); };
    struct rlimit now {};
    if (::getrlimit(RLIMIT_NOFILE, &now) != 0) return system_failure(errno, tried());
    auto const next = std::min<rlim_t>(wanted, now.rlim_max);
    if (next <= now.rlim_cur) return std::uint64_t{now.rlim_cur};
    now.rlim_cur = next;
    if (::setrlimit(RLIMIT_NOFILE, &now) != 0) return system_failure(errno, tried());
    return std::uint64_t{next};
}

}  // namespace muster
