#pragma once

#include <algorithm>    // min, max
#include <cmath>        // ceil
#include <cstddef>      // size_t
#include <optional>     // quota
#include <string>       // root
#include <thread>       // hardware_concurrency
#include <vector>       // a mask for many processors

#include <sched.h>    // sched_getaffinity

#include <muster/os/cgroup.hpp>    // cgroup

namespace muster {

/// How many processors this process may use: what affinity and control groups leave of the machine.
///
/// Cost       a system call and a few small files; ask once and keep the answer.
struct cpus {
    std::size_t online = 1;         ///< of the machine, as the standard library counts them
    std::size_t affinity = 1;       ///< that the mask of this process allows
    std::optional<double> quota;    ///< processors' worth of time; none: no limit

    /// At least 1. A broken quota counts up: half a processor left idle costs more than a little throttling.
    [[nodiscard]] std::size_t granted() const noexcept;

    /// `root` stands in front of /proc and /sys, for tests.
    [[nodiscard]] static cpus of_process(std::string const& root = {});
};

// Implementation

inline std::size_t cpus::granted() const noexcept {
    auto const most = std::max<std::size_t>(affinity, 1);
    if (!quota || *quota >= static_cast<double>(most)) return most;
    return std::max<std::size_t>(static_cast<std::size_t>(std::ceil(*quota)), 1);
}

inline cpus cpus::of_process(std::string const& root) {
    cpus found;
    found.online = std::max(1u, std::thread::hardware_concurrency());
    found.affinity = found.online;
    // A mask that is too small for the kernel's is refused: grow until it fits.
    for (std::size_t sets = 1; sets <= 64; sets *= 2) {
        std::vector<cpu_set_t> mask(sets);
        auto const bytes = sets * sizeof(cpu_set_t);
        if (::sched_getaffinity(0, bytes, mask.data()) != 0) continue;
        found.affinity = static_cast<std::size_t>(std::max(1, CPU_COUNT_S(bytes, mask.data())));
        break;
    }
    found.quota = cgroup::of_process(root).cpu_quota();
    return found;
}

}  // namespace muster
