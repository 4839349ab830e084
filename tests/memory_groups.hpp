// Where control groups that bound memory may be made by tests, on machines that have such a place.
#pragma once

#include <filesystem>     // directory_iterator
#include <fstream>        // ifstream
#include <iterator>       // istreambuf_iterator
#include <string>         // paths
#include <system_error>   // error_code

#include <unistd.h>    // access

#include <muster/os/cgroup.hpp>    // parse_path

/// Empty where there is none: below it groups of version 2 with the memory controller, or of version 1's memory hierarchy.
inline std::string folder_for_memory_groups() {
    auto const text = [](std::string const& path) {
        std::ifstream file{path};
        return std::string{std::istreambuf_iterator<char>{file}, {}};
    };
    auto const all = text("/proc/self/cgroup");
    auto const writable = [](std::string const& folder) { return ::access(folder.c_str(), W_OK) == 0; };
    if (auto const second = muster::cgroup::parse_path(all, "")) {
        auto const folder = "/sys/fs/cgroup" + *second;
        if (text(folder + "/cgroup.subtree_control").find("memory") != std::string::npos && writable(folder)) return folder;
    }
    if (auto const first = muster::cgroup::parse_path(all, "memory")) {
        auto const folder = "/sys/fs/cgroup/memory" + *first;
        if (::access((folder + "/memory.limit_in_bytes").c_str(), F_OK) == 0 && writable(folder)) return folder;
    }
    return {};
}

/// How many groups of this process are there; they are removed.
inline int our_memory_groups(std::string const& parent) {
    auto const mine = "muster-" + std::to_string(::getpid()) + '-';
    int count = 0;
    for (auto const& each : std::filesystem::directory_iterator{parent}) {
        if (!each.path().filename().string().starts_with(mine)) continue;
        ++count;
        std::error_code ignored;
        std::filesystem::remove(each.path(), ignored);
    }
    return count;
}
