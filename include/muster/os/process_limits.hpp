#pragma once

#include <algorithm>      // min, all_of
#include <charconv>       // from_chars
#include <cstdint>        // uint64_t
#include <fstream>        // ifstream
#include <iterator>       // istreambuf_iterator
#include <optional>       // limits that may be absent
#include <string>         // root
#include <string_view>    // lines

#include <dirent.h>          // opendir
#include <sys/resource.h>    // getrlimit
#include <unistd.h>          // getuid

#include <muster/os/cgroup.hpp>    // cgroup

namespace muster {

/// How many further threads and processes may be started: RLIMIT_NPROC, less what the user runs already, and control groups.
///
/// Default    no limit.
/// Cost       where RLIMIT_NPROC binds: one small file for each process of the machine. Ask once and keep the answer.
struct process_limits {
    std::optional<std::uint64_t> user_limit;    ///< RLIMIT_NPROC; none for root and whoever may exceed it
    std::uint64_t user_tasks = 0;               ///< threads of this user; counted only where there is a limit
    std::optional<std::uint64_t> group_room;    ///< what the control groups leave

    /// None: no limit that is known.
    [[nodiscard]] std::optional<std::uint64_t> headroom() const noexcept;

    [[nodiscard]] static process_limits of_process();
    /// The same with the limit and the user given, and `root` in front of /proc and /sys, for tests.
    [[nodiscard]] static process_limits read(std::string const& root, std::optional<std::uint64_t> limit, std::uint64_t user);

    /// The first number behind `key` in /proc/<pid>/status: `status_number(text, "Threads:")`.
    [[nodiscard]] static std::optional<std::uint64_t> status_number(std::string_view text, std::string_view key, int base = 10);
};

// Implementation

inline std::optional<std::uint64_t> process_limits::headroom() const noexcept {
    auto least = group_room;
    if (user_limit) {
        auto const left = *user_limit > user_tasks ? *user_limit - user_tasks : 0;
        least = std::min(least.value_or(left), left);
    }
    return least;
}

inline std::optional<std::uint64_t> process_limits::status_number(std::string_view text, std::string_view key, int base) {
    while (!text.empty()) {
        auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        if (!line.starts_with(key)) continue;
        line.remove_prefix(key.size());
        line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
        std::uint64_t value = 0;
        if (std::from_chars(line.data(), line.data() + line.size(), value, base).ec != std::errc{}) return std::nullopt;
        return value;
    }
    return std::nullopt;
}

inline process_limits process_limits::read(std::string const& root, std::optional<std::uint64_t> limit, std::uint64_t user) {
    process_limits found;
    found.group_room = cgroup::of_process(root).free_tasks();
    auto const status_of = [&root](std::string const& process) {
        std::ifstream file{root + "/proc/" + process + "/status"};
        return std::string{std::istreambuf_iterator<char>{file}, {}};
    };
    // The kernel lets user 0 pass, and whoever holds CAP_SYS_ADMIN (21) or CAP_SYS_RESOURCE (24).
    auto const rights = status_number(status_of("self"), "CapEff:", 16).value_or(0);
    if (!limit || user == 0 || (rights >> 21 & 1) || (rights >> 24 & 1)) return found;
    found.user_limit = limit;

    auto* const processes = ::opendir((root + "/proc").c_str());
    if (!processes) return found;
    while (auto const* entry = ::readdir(processes)) {
        std::string const name = entry->d_name;
        if (!std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; })) continue;
        auto const status = status_of(name);
        if (status_number(status, "Uid:") == user) found.user_tasks += status_number(status, "Threads:").value_or(1);
    }
    ::closedir(processes);
    return found;
}

inline process_limits process_limits::of_process() {
    struct rlimit now {};
    std::optional<std::uint64_t> limit;
    if (::getrlimit(RLIMIT_NPROC, &now) == 0 && now.rlim_cur != RLIM_INFINITY) limit = now.rlim_cur;
    return read({}, limit, ::getuid());
}

}  // namespace muster
