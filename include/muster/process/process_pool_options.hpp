#pragma once

#include <chrono>        // nanoseconds
#include <cstddef>       // size_t
#include <cstdint>       // uint64_t
#include <optional>      // spin
#include <string>        // name
#include <vector>        // CPUs

#include <muster/core/line_sink.hpp>     // line_sink_ref
#include <muster/process/limits.hpp>     // limits
#include <muster/process/sandbox.hpp>    // sandbox

namespace muster {

/// Where the workers of a process_pool come from. Each way makes a small fork server first, which makes the workers.
enum class start_method : std::uint8_t {
    automatic,      ///< the server of `process_main`; without one the program anew, or a copy while the process has one thread
    anew,           ///< this program is started again and becomes a server: needs `process_main`; threads may run
    copy,           ///< a copy of this process as it is when the pool is made: workers see its memory. Refused once threads run
    copy_anyway,    ///< the same whatever threads run: what they hold locked stays locked in the workers. For tests
};

/// How many workers may be lost in how long, before the pool says that it is not the tasks: Erlang's restart intensity.
struct restart_limit {
    std::size_t most = 500;                       ///< 500: a worker costs less than 1 ms, so this many are a loop rather than bad luck
    std::chrono::nanoseconds per = std::chrono::seconds{10};
    friend bool operator==(restart_limit const&, restart_limit const&) = default;
};

/// What a process_pool is made with.
///
/// The environment has the last word, behind MUSTER_ and the pool's name in capitals: MUSTER_CELLS_WORKERS, _MEMORY (bytes, or with
/// K, M, G), _TIMEOUT (seconds, 0: none), _THRESHOLD.
struct process_pool_options {
    std::string name = "cells";                   ///< in texts, and in the environment
    std::size_t workers = 0;                      ///< 0: the cores that the machine grants
    std::size_t spares = 0;                       ///< workers more that wait, warmed up, to step in for one that dies; one that is not warmed up always does
    std::uint64_t memory = 0;                     ///< short for `bounds.memory`: bytes that a worker may take; 0: no limit
    std::chrono::nanoseconds timeout{0};          ///< 0: none; else no call may take longer, also where no `deadline` is written
    std::chrono::nanoseconds grace = std::chrono::milliseconds{100};    ///< from TERM to KILL
    std::chrono::nanoseconds drain = std::chrono::seconds{1};           ///< after a stop: how long what runs may go on
    std::chrono::nanoseconds start_timeout = std::chrono::seconds{60};    ///< to be ready, its warm-up done
    std::size_t recycle_after = 0;                ///< calls after which a worker is replaced; 0: never
    std::chrono::nanoseconds recycle_age{0};      ///< the same by age; 0: never
    std::uint64_t recycle_growth = 0;             ///< the same by what its memory has grown, in bytes; 0: never
    unsigned poison_after = 3;                    ///< an item that has crashed so many workers is refused from then on; 0: never
    std::size_t threshold = 2;                    ///< up to so many items `on{pool, automatic{}}` runs in this process
    restart_limit restarts{};
    start_method start = start_method::automatic;
    void (*warm_up)() = nullptr;                  ///< called once in each worker, before its first call and before the sandbox closes
    limits bounds{};
    sandbox walls{};
    /// A folder of control groups, of version 2 or of version 1's memory, in which this program may make one for each worker: `memory`
    /// then bounds all that it and what it starts have, caches and shared memory too. See os/memory_group.hpp. Empty: none are made.
    std::string groups{};
    /// Worker i is bound to cpus[i], past the end from the front again; none: free. By nodes, from the kernel's own tables:
    /// `topology::of_process().spread(workers)`, or `.compact`. It is bound before its warm-up, so what that fills is near it.
    std::vector<std::size_t> cpus{};
    std::optional<std::chrono::nanoseconds> spin{};    ///< how long both sides look out before they sleep; else 50 us, 0 where workers outnumber cores
    std::uint64_t arena = std::uint64_t{256} << 20;    ///< bytes that shared_buffers may take; taken when they are used
    bool zero_on_free = false;                    ///< shared_buffers are wiped when they are freed
    line_sink_ref lines{};                        ///< what workers write, line by line, with their number; else standard error
};

}  // namespace muster
