#pragma once

#include <atomic>       // numbers
#include <cerrno>       // errno
#include <charconv>     // from_chars
#include <csignal>      // kill
#include <cstdint>      // uint64_t
#include <ctime>        // time
#include <optional>     // a count that the kernel may not have
#include <sstream>      // numbers of processes
#include <string>       // paths
#include <string_view>  // names of files
#include <utility>      // exchange

#include <dirent.h>      // opendir
#include <fcntl.h>       // open
#include <sys/stat.h>    // mkdir
#include <unistd.h>      // rmdir

#include <muster/core/outcome.hpp>         // outcome
#include <muster/os/cgroup.hpp>            // cgroup
#include <muster/os/fd.hpp>                // fd
#include <muster/os/process_identity.hpp>  // process_identity
#include <muster/os/system_failure.hpp>    // system_failure

namespace muster {

/// A control group that bounds the memory of the processes in it: all of it, also what is shared, what the kernel keeps for them and
/// what files they have in the cache, where RLIMIT_DATA counts what is private in each. Beyond it the kernel kills one of them.
///
/// It is made in a folder that somebody has given to this program: of version 2 one that is delegated, without processes of its own,
/// with `memory` in its cgroup.subtree_control (systemd: Delegate=memory, and the program in a group beside it); or any of version
/// 1's memory hierarchy.
///
/// Fails      as the system does; the text names the folder, and what it lacks.
/// Lifetime   the end kills who is left in it and removes it; as long as somebody is dying in it the folder stays: see `remove`.
/// Threads    one at a time.
/// Cost       some 50 us to make one.
/// Source     the kernel's Documentation: admin-guide/cgroup-v2, admin-guide/cgroup-v1/memory.
class memory_group {
public:
    /// A new one in `parent`, for at most so many bytes: muster-, our process, when that began, and a number.
    [[nodiscard]] static outcome<memory_group> make(std::string const& parent, std::uint64_t bytes);
    /// Removes what programs that are gone have left in `parent`: nobody could, when they were killed. What was made in the last ten
    /// seconds stays, for a program in another container is unknown here, and its groups are empty for a moment.
    static void remove_abandoned(std::string const& parent) noexcept;

    memory_group(memory_group&& from) noexcept : folder_(std::exchange(from.folder_, {})), second_(from.second_) {}
    memory_group& operator=(memory_group&& from) noexcept {
        std::swap(folder_, from.folder_);
        std::swap(second_, from.second_);
        return *this;
    }
    ~memory_group() {
        if (folder_.empty()) return;
        kill_all();
        (void)remove();
    }

    /// Puts a process into it; what that starts from now on is in it as well.
    [[nodiscard]] outcome<void> add(pid_t pid) const;
    /// How many were killed for its memory so far; none where the kernel does not count that.
    [[nodiscard]] std::optional<std::uint64_t> kills() const;
    /// Ends who is in it, also who has left its process group and session.
    void kill_all() const noexcept;
    /// False as long as somebody is in it, be he dead and not yet reaped.
    bool remove() noexcept {
        if (!folder_.empty() && ::rmdir(folder_.c_str()) != 0 && errno != ENOENT) return false;
        folder_.clear();
        return true;
    }

private:
    memory_group(std::string folder, bool second) : folder_(std::move(folder)), second_(second) {}
    static constexpr std::string_view prefix = "muster-";
    static int write(std::string const& path, std::string_view text) noexcept;

    std::string folder_;
    bool second_;    // version
};

// Implementation

/// 0 or an errno. Nothing is made: such a file is there or it is not.
inline int memory_group::write(std::string const& path, std::string_view text) noexcept {
    fd const file{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
    if (!file) return errno;
    return ::write(file.get(), text.data(), text.size()) < 0 ? errno : 0;
}

inline outcome<memory_group> memory_group::make(std::string const& parent, std::uint64_t bytes) {
    static constinit std::atomic<std::uint64_t> next{0};
    auto const begun = process_identity::of_this().start_time;
    std::string folder;
    int made_it = -1;
    do {    // a program in another container may have our number
        folder = parent + '/' + std::string{prefix} + std::to_string(::getpid()) + '-' + std::to_string(begun) + '-' + std::to_string(++next);
        made_it = ::mkdir(folder.c_str(), 0755);
    } while (made_it != 0 && errno == EEXIST);
    auto const tried = "cannot make the control group " + folder;
    if (made_it != 0) return system_failure(errno, tried);
    auto const has = [&](char const* file) { return ::access((folder + '/' + file).c_str(), F_OK) == 0; };
    memory_group made{folder, has("memory.max")};
    if (!made.second_ && !has("memory.limit_in_bytes"))
        return failure{cause::unavailable, tried + ": " + parent + " does not bound the memory of the groups in it" +
                                               (has("cgroup.procs") ? "; write +memory to its cgroup.subtree_control" : ", it is no folder of control groups")};
    auto const limit = made.second_ ? "/memory.max" : "/memory.limit_in_bytes";
    if (int const error = write(folder + limit, std::to_string(bytes)); error != 0) return system_failure(error, tried + limit);
    // Not there without swap; with it the bound would be none.
    if (made.second_) (void)write(folder + "/memory.swap.max", "0");
    else (void)write(folder + "/memory.memsw.limit_in_bytes", std::to_string(bytes));
    return made;
}

inline void memory_group::remove_abandoned(std::string const& parent) noexcept {
    auto* const all = ::opendir(parent.c_str());
    if (!all) return;
    while (auto const* each = ::readdir(all)) {
        std::string_view name{each->d_name};
        if (!name.starts_with(prefix)) continue;
        name.remove_prefix(prefix.size());
        pid_t owner = 0;
        std::uint64_t begun = 0;
        auto const* const last = name.data() + name.size();
        auto const number = std::from_chars(name.data(), last, owner);
        if (number.ec != std::errc{} || number.ptr == last || *number.ptr != '-' || owner <= 0) continue;
        auto const time = std::from_chars(number.ptr + 1, last, begun);
        if (time.ec != std::errc{} || time.ptr == last || *time.ptr != '-') continue;
        struct stat about {};
        if (::fstatat(::dirfd(all), each->d_name, &about, AT_SYMLINK_NOFOLLOW) != 0 || ::time(nullptr) - about.st_mtime < 10) continue;
        if (!process_identity{owner, begun}.alive()) (void)::unlinkat(::dirfd(all), each->d_name, AT_REMOVEDIR);    // not while somebody is in it
    }
    ::closedir(all);
}

inline outcome<void> memory_group::add(pid_t pid) const {
    auto const path = folder_ + "/cgroup.procs";
    if (int const error = write(path, std::to_string(pid)); error != 0) return system_failure(error, "cannot put process " + std::to_string(pid) + " into " + path);
    return {};
}

inline std::optional<std::uint64_t> memory_group::kills() const {
    auto const text = cgroup::read(folder_ + (second_ ? "/memory.events" : "/memory.oom_control"));
    return text ? cgroup::parse_keyed(*text, "oom_kill") : std::nullopt;
}

inline void memory_group::kill_all() const noexcept {
    if (folder_.empty() || write(folder_ + "/cgroup.kill", "1") == 0) return;    // all at once, from Linux 5.14 on, in version 2
    try {
        std::istringstream all{cgroup::read(folder_ + "/cgroup.procs").value_or("")};
        for (pid_t each = 0; all >> each;)
            if (each > 0) (void)::kill(each, SIGKILL);    // 0: of a namespace that we cannot see, and for kill our own group
    } catch (...) {    // no memory for the list: they stay, and the folder with them
    }
}

}  // namespace muster
