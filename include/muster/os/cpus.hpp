#pragma once

#include <algorithm>    // min, max
#include <cmath>        // ceil
#include <cstddef>      // size_t
#include <optional>     // quota
#include <string>       // root
#include <thread>       // hardware_concurrency

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

/// The processors that this process may use now, for widths and reports.
///
/// Cost       one system call: the quota, which takes files, is read at the first call and kept.
[[nodiscard]] std::size_t granted_cpus();

// Implementation

inline std::size_t cpus::granted() const noexcept {
    auto const most = std::max<std::size_t>(affinity, 1);
    if (!quota || *quota >= static_cast<double>(most)) return most;
    return std::max<std::size_t>(static_cast<std::size_t>(std::ceil(*quota)), 1);
}

namespace detail {
/// How many processors the mask of this process allows; `otherwise` where that cannot be asked. Not by way of os/affinity.hpp,
/// which would cost whoever includes a pool 30 ms to compile.
inline std::size_t allowed_cpus(std::size_t otherwise) {
    cpu_set_t mask[64];    // for 65,536 processors: the kernel refuses one that is too small for it
    if (::sched_getaffinity(0, sizeof mask, mask) != 0) return otherwise;
    return static_cast<std::size_t>(std::max(1, CPU_COUNT_S(sizeof mask, mask)));
}
}  // namespace detail

inline cpus cpus::of_process(std::string const& root) {
    cpus found;
    found.online = std::max(1u, std::thread::hardware_concurrency());
    found.affinity = detail::allowed_cpus(found.online);
    found.quota = cgroup::of_process(root).cpu_quota();
    return found;
}

inline std::size_t granted_cpus() {
    static auto const at_start = cpus::of_process();
    auto now = at_start;
    now.affinity = detail::allowed_cpus(at_start.online);
    return now.granted();
}

}  // namespace muster
