#pragma once

#include <chrono>     // nanoseconds
#include <cstddef>    // size_t
#include <cstdint>    // uint64_t

namespace muster {

/// What a process_pool is like at one moment, and what has become of its workers so far.
struct process_pool_health {
    std::size_t width = 0;        ///< workers that there should be
    std::size_t alive = 0;        ///< that there are, spares among them
    std::size_t standby = 0;      ///< processes besides, that wait to become workers
    std::size_t busy = 0;         ///< lent to somebody
    std::size_t waiting = 0;      ///< callers in the line
    std::uint64_t calls = 0;      ///< answered
    std::uint64_t started = 0;    ///< workers
    std::uint64_t restarts = 0;   ///< of them, those that stepped in for one that was lost or ended
    std::uint64_t recycled = 0;   ///< workers that were replaced for their age, calls or memory
    std::uint64_t crashed = 0;    ///< lost by a signal
    std::uint64_t exited = 0;     ///< lost by an exit
    std::uint64_t out_of_memory = 0;
    std::uint64_t forbidden = 0;  ///< ended by the sandbox
    std::uint64_t exhausted = 0;  ///< ended at a limit: processor time, file size
    std::uint64_t ended = 0;      ///< ended by the pool: deadline, stop
    std::uint64_t poisoned = 0;   ///< calls refused because their item had crashed too often
    std::chrono::nanoseconds waited{};    ///< in the line, by all callers
    std::chrono::nanoseconds lent{};      ///< workers to callers
    friend bool operator==(process_pool_health const&, process_pool_health const&) = default;
};

}  // namespace muster
