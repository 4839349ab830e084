#pragma once

#include <algorithm>    // max
#include <cerrno>       // errno
#include <cstddef>      // size_t
#include <cstdint>      // uint64_t
#include <string>       // paths
#include <utility>      // move

#include <fcntl.h>          // O_PATH
#include <sys/stat.h>       // fstat
#include <sys/syscall.h>    // SYS_landlock_...
#include <unistd.h>         // syscall

#include <muster/core/outcome.hpp>         // outcome
#include <muster/os/fd.hpp>                // fd
#include <muster/os/system_failure.hpp>    // system_failure

namespace muster::detail {

/// Rules on which files a process may open; what no rule allows is refused with EACCES.
///
/// The kernel's header knows only the rights of its day, and Debian's is older than many kernels that it meets: so the rights and
/// structures are written down here, as far as version 7.
///
/// Source     the kernel's Documentation/userspace-api/landlock.rst.
class landlock_ruleset {
public:
    enum right : std::uint64_t {
        execute = 1u << 0,
        write_file = 1u << 1,
        read_file = 1u << 2,
        read_folder = 1u << 3,
        remove_folder = 1u << 4,
        remove_file = 1u << 5,
        make_char = 1u << 6,
        make_folder = 1u << 7,
        make_file = 1u << 8,
        make_socket = 1u << 9,
        make_fifo = 1u << 10,
        make_block = 1u << 11,
        make_link = 1u << 12,
        refer = 1u << 13,       // version 2: move to another folder; always refused before
        truncate = 1u << 14,    // version 3
        ioctl = 1u << 15,       // version 5: on devices
    };
    static constexpr std::uint64_t reading = read_file | read_folder;
    static constexpr std::uint64_t running = reading | execute;
    static constexpr std::uint64_t writing = reading | write_file | remove_folder | remove_file | make_folder | make_file |
                                             make_socket | make_fifo | make_link | refer | truncate;
    static constexpr std::uint64_t of_a_file = execute | write_file | read_file | truncate | ioctl;    // the rest is for folders

    /// What the kernel offers; 0: nothing, or switched off.
    [[nodiscard]] static int version() noexcept;
    /// The rights that a version knows.
    [[nodiscard]] static constexpr std::uint64_t rights(int version) noexcept;

    /// Nothing is applied yet. `files`: all that the version knows is refused. `network`: so are TCP, from version 4 on, and sockets
    /// of other processes' abstract names, from 6 on.
    [[nodiscard]] static outcome<landlock_ruleset> make(int version, bool files, bool network);
    [[nodiscard]] outcome<void> allow(std::string const& path, std::uint64_t what, std::string const& name);
    /// The calling thread, and what it starts; it must have given up new privileges. 0 or an errno.
    [[nodiscard]] int apply() const noexcept {
        return ::syscall(SYS_landlock_restrict_self, file_.get(), 0) == 0 ? 0 : errno;
    }

private:
    landlock_ruleset(fd file, std::uint64_t handled) : file_(std::move(file)), handled_(handled) {}

    struct attributes {
        std::uint64_t files;
        std::uint64_t network;
        std::uint64_t scoped;
    };
    struct [[gnu::packed]] path_rule {
        std::uint64_t allowed;
        std::int32_t folder;
    };

    fd file_;
    std::uint64_t handled_;
};

// Implementation

inline int landlock_ruleset::version() noexcept {
    long const found = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, 1);    // LANDLOCK_CREATE_RULESET_VERSION
    return static_cast<int>(std::max(found, 0l));
}

constexpr std::uint64_t landlock_ruleset::rights(int version) noexcept {
    if (version < 1) return 0;
    std::uint64_t all = refer - 1;
    if (version >= 2) all |= refer;
    if (version >= 3) all |= truncate;
    if (version >= 5) all |= ioctl;
    return all;
}

inline outcome<landlock_ruleset> landlock_ruleset::make(int version, bool files, bool network) {
    attributes const all{files ? rights(version) : 0, network && version >= 4 ? 3u : 0u, network && version >= 6 ? 1u : 0u};
    // A kernel takes what it does not know as long as it is zero; one that is older still takes only what it knows the length of.
    std::size_t const length = version >= 6 ? 24 : version >= 4 ? 16 : 8;
    fd file{static_cast<int>(::syscall(SYS_landlock_create_ruleset, &all, length, 0))};    // close-on-exec
    if (!file) return system_failure(errno, "landlock: cannot make a set of rules");
    return landlock_ruleset{std::move(file), all.files};
}

inline outcome<void> landlock_ruleset::allow(std::string const& path, std::uint64_t what, std::string const& name) {
    fd const at{::open(path.c_str(), O_PATH | O_CLOEXEC)};
    struct stat status {};
    if (!at || ::fstat(at.get(), &status) != 0) return system_failure(errno, name + ": cannot open " + path);
    if (!S_ISDIR(status.st_mode)) what &= of_a_file;
    path_rule const rule{what & handled_, at.get()};
    // 1: LANDLOCK_RULE_PATH_BENEATH
    if (::syscall(SYS_landlock_add_rule, file_.get(), 1, &rule, 0) != 0) return system_failure(errno, name + ": cannot allow " + path);
    return {};
}

}  // namespace muster::detail
