#pragma once

#include <algorithm>      // min
#include <charconv>       // from_chars
#include <cstdint>        // uint64_t
#include <fstream>        // ifstream
#include <optional>       // limits that may be absent
#include <string>         // paths
#include <string_view>    // text
#include <vector>         // folders

namespace muster {

/// What the control group of this process grants it: processor time, processes, and whether the memory killer was here.
///
/// Reads version 2 and version 1 hierarchies, at the group itself and at every group above it that is visible.
///
/// Default    no limit, wherever a file is missing or unreadable.
/// Throws     nothing but std::bad_alloc.
/// Cost       a few small files read per question; ask once and keep the answer.
class cgroup {
public:
    /// `root` stands in front of /proc and /sys, for tests.
    [[nodiscard]] static cgroup of_process(std::string const& root = {});

    /// Processors' worth of time that may be used: 1.5 is one and a half; the smallest of all groups above.
    [[nodiscard]] std::optional<double> cpu_quota() const;
    /// How many further processes and threads the groups allow.
    [[nodiscard]] std::optional<std::uint64_t> free_tasks() const;
    /// How many processes of the group were killed for memory so far.
    [[nodiscard]] std::optional<std::uint64_t> memory_kills() const;

    // What the files say

    /// The whole of such a file; none where it cannot be read.
    [[nodiscard]] static std::optional<std::string> read(std::string const& path);
    /// "200000 100000" is 2; "max 100000" is no limit.
    [[nodiscard]] static std::optional<double> parse_cpu_max(std::string_view text);
    /// The number after `key` in lines of "key number".
    [[nodiscard]] static std::optional<std::uint64_t> parse_keyed(std::string_view text, std::string_view key);
    /// A number; "max" and -1 are no limit.
    [[nodiscard]] static std::optional<std::uint64_t> parse_number(std::string_view text);
    /// The group's path for `controller` in the lines of /proc/self/cgroup ("" asks for version 2).
    [[nodiscard]] static std::optional<std::string> parse_path(std::string_view text, std::string_view controller);

private:
    static std::vector<std::string> folders(std::string const& mount, std::optional<std::string> const& path);

    std::vector<std::string> unified_;    // from the group upwards
    std::vector<std::string> cpu_, pids_, memory_;
};

// Implementation

inline std::optional<std::string> cgroup::read(std::string const& path) {
    std::ifstream file{path};
    if (!file) return std::nullopt;
    std::string all;
    std::getline(file, all, '\0');    // there is none in such files
    return all;
}

inline std::optional<std::uint64_t> cgroup::parse_number(std::string_view text) {
    std::uint64_t value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || (end != text.data() + text.size() && *end != '\n' && *end != ' ')) return std::nullopt;
    return value;
}

inline std::optional<double> cgroup::parse_cpu_max(std::string_view text) {
    auto const space = text.find(' ');
    auto const quota = parse_number(text.substr(0, space));
    auto const period = space == text.npos ? std::optional<std::uint64_t>{100'000} : parse_number(text.substr(space + 1));
    if (!quota || !period || *period == 0) return std::nullopt;
    return static_cast<double>(*quota) / static_cast<double>(*period);
}

inline std::optional<std::uint64_t> cgroup::parse_keyed(std::string_view text, std::string_view key) {
    while (!text.empty()) {
        auto const end = std::min(text.find('\n'), text.size());
        auto const line = text.substr(0, end);
        if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == ' ')
            return parse_number(line.substr(key.size() + 1));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return std::nullopt;
}

inline std::optional<std::string> cgroup::parse_path(std::string_view text, std::string_view controller) {
    while (!text.empty()) {
        auto const end = std::min(text.find('\n'), text.size());
        auto const line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        auto const first = line.find(':');    // 4:cpu,cpuacct:/path, or 0::/path
        if (first == line.npos) continue;
        auto const second = line.find(':', first + 1);
        if (second == line.npos) continue;
        auto names = line.substr(first + 1, second - first - 1);
        if (controller.empty() && names.empty()) return std::string{line.substr(second + 1)};
        while (!controller.empty() && !names.empty()) {
            auto const comma = std::min(names.find(','), names.size());
            if (names.substr(0, comma) == controller) return std::string{line.substr(second + 1)};
            names.remove_prefix(std::min(comma + 1, names.size()));
        }
    }
    return std::nullopt;
}

inline std::vector<std::string> cgroup::folders(std::string const& mount, std::optional<std::string> const& path) {
    std::vector<std::string> out;
    if (!path) return out;
    auto at = *path;    // inside a container the path may not exist below the mount: the mount itself is then the group
    while (!at.empty() && at != "/" && at.front() == '/') {
        out.push_back(mount + at);
        at.resize(at.rfind('/'));
    }
    out.push_back(mount);
    return out;
}

inline cgroup cgroup::of_process(std::string const& root) {
    cgroup mine;
    auto const text = read(root + "/proc/self/cgroup").value_or("");
    auto const mount = root + "/sys/fs/cgroup";
    mine.unified_ = folders(mount, parse_path(text, ""));
    mine.cpu_ = folders(mount + "/cpu", parse_path(text, "cpu"));    // also where it is mounted as cpu,cpuacct: a link
    mine.pids_ = folders(mount + "/pids", parse_path(text, "pids"));
    mine.memory_ = folders(mount + "/memory", parse_path(text, "memory"));
    return mine;
}

inline std::optional<double> cgroup::cpu_quota() const {
    std::optional<double> least;
    auto const take = [&least](std::optional<double> one) {
        if (one) least = std::min(least.value_or(*one), *one);
    };
    for (auto const& folder : unified_)
        if (auto const text = read(folder + "/cpu.max")) take(parse_cpu_max(*text));
    for (auto const& folder : cpu_) {
        auto const quota = read(folder + "/cpu.cfs_quota_us"), period = read(folder + "/cpu.cfs_period_us");
        if (quota && period) take(parse_cpu_max(quota->substr(0, quota->find('\n')) + ' ' + *period));    // -1: no limit
    }
    return least;
}

inline std::optional<std::uint64_t> cgroup::free_tasks() const {
    std::optional<std::uint64_t> least;
    for (auto const* group : {&unified_, &pids_})
        for (auto const& folder : *group) {
            auto const limit = parse_number(read(folder + "/pids.max").value_or(""));
            auto const now = parse_number(read(folder + "/pids.current").value_or(""));
            if (!limit || !now) continue;
            auto const left = *limit > *now ? *limit - *now : 0;
            least = std::min(least.value_or(left), left);
        }
    return least;
}

inline std::optional<std::uint64_t> cgroup::memory_kills() const {
    for (auto const& folder : unified_)    // counts those of the groups below as well
        if (auto const text = read(folder + "/memory.events")) return parse_keyed(*text, "oom_kill");
    for (auto const& folder : memory_)
        if (auto const text = read(folder + "/memory.oom_control")) return parse_keyed(*text, "oom_kill");
    return std::nullopt;
}

}  // namespace muster
