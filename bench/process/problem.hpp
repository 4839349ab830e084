#pragma once

#include <atomic>       // what both sides write
#include <chrono>       // nanoseconds
#include <cstddef>      // byte
#include <cstdint>      // uint64_t
#include <cstdlib>      // abort
#include <new>          // placement new
#include <string>       // items
#include <string_view>  // bytes

#include <sys/mman.h>    // mmap

#include <measure.hpp>    // report

// What it costs to have work done in another process: a call and its answer, many calls at once, a worker that dies, a task that
// never ends.

namespace bench::process {

/// Nanoseconds on a clock that all processes of the machine share.
inline std::int64_t now() noexcept { return std::chrono::steady_clock::now().time_since_epoch().count(); }

inline constexpr std::size_t chunk_size = std::size_t{1} << 20;
inline constexpr std::size_t chunk_count = 16;

/// Memory of this program and of all that descend from it: mapped before main, so that the fork server, which main starts in its first
/// line, has it, and its workers have it from there.
struct board {
    std::atomic<std::uint64_t> begun{0};    // the number of the task that waits to be let go
    std::atomic<std::uint64_t> go{0};       // tasks up to this number may go on
    std::atomic<std::int64_t> fault{0};     // when a task was about to die
    std::atomic<std::int64_t> start{0};     // when the one after it began
    alignas(4'096) std::byte chunks[chunk_count][chunk_size];    // takes memory when it is used
};

/// Memory that is shared with the children; zeros.
inline void* shared_pages(std::size_t size) {
    auto* const at = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) std::abort();
    return at;
}

inline board& common = *::new (shared_pages(sizeof(board))) board;

// The tasks, the same for all

inline int negated(int x) noexcept { return -x; }
/// Reads every cache line.
inline std::uint64_t sum_of_lines(std::string_view bytes) noexcept {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < bytes.size(); i += 64) sum += static_cast<unsigned char>(bytes[i]);
    return sum;
}

/// `isolate` against the least that two processes can do: sleep on a word of shared memory, and look at it without end.
void compare_round_trips(report const& to);
/// `map` with one worker against a raw pair of rings, and Python's pools: tasks without work, strings of 1 KiB, 1 MiB that stay in place.
void compare_throughput(report const& to);
/// A worker dies in a task: when its caller knows, and when another worker has begun the next call; from a small program and a large one.
void compare_replacements(report const& to);
/// A task that never ends: how long after its deadline the caller has an answer.
void compare_deadlines(report const& to);

}  // namespace bench::process
