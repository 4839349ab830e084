#pragma once

#include <cerrno>      // EPERM
#include <cstdint>     // uint8_t
#include <fstream>     // the number of threads
#include <iterator>    // istreambuf_iterator
#include <optional>    // a set of rules
#include <string>      // paths
#include <utility>     // move
#include <vector>      // paths

#include <sys/prctl.h>    // no new privileges
#include <unistd.h>       // getpid

#include <muster/core/outcome.hpp>                     // outcome
#include <muster/os/process_limits.hpp>                // status_number
#include <muster/os/system_failure.hpp>                // system_failure
#include <muster/process/detail/landlock.hpp>          // landlock_ruleset
#include <muster/process/detail/seccomp_filter.hpp>    // seccomp_filter
#include <muster/process/detail/syscall_lists.hpp>     // what computing needs

namespace muster {

/// What a refused system call comes to.
enum class refusal : std::uint8_t {
    /// SIGSYS: a handler sees the number (`si_syscall`), as `name_of_syscall` takes it. Without one the process dies; so it does
    /// where the signal is blocked, as while the C library starts a thread.
    kill,
    error,    ///< the call fails with EPERM, and the task goes on
};

/// What a worker process may do. A task in it still computes, and uses the memory and the descriptors that it has.
///
/// It is for tasks that read what strangers made, with code that may have holes: less is left to whoever gets in. It is not a
/// virtual machine: the kernel itself, time and other tasks of the same worker are within reach. Nor does it hold root, but for
/// `only_computing`: the others leave root many ways to get what they refuse.
///
/// Default    everything.
struct sandbox {
    /// No program that this process starts gains rights by being started (setuid). All of the others imply it.
    bool no_new_privileges = false;
    /// No new socket, of any family, nor connecting, binding, listening or accepting. Those that are open go on sending.
    bool no_network = false;
    /// No other program: execve is refused. A fork is not.
    bool no_programs = false;
    /// Nothing but computing: memory, threads, clocks, reading and writing what is open. No file is opened or changed by its name,
    /// no process made, no program started, no socket made, nobody else signalled. Attributes of files can be asked.
    ///
    /// What looks harmless may open files, and is then refused. The first use of the local time, of a shared library and of a
    /// `thread_pool` as wide as the machine: let the warm-up do it once. Every use of std::thread::hardware_concurrency and of
    /// std::locale{"name"}: keep what they gave.
    bool only_computing = false;
    /// False: only_computing starts no threads either.
    bool threads = true;
    /// No file but those below is opened, made or removed; others fail with EACCES, whatever `refused` says. Any path implies it.
    /// Attributes are not guarded (stat, chmod, chown), nor is what is open already.
    bool confine_files = false;
    std::vector<std::string> read_paths{};     ///< files, or folders with all below them: may be read and listed
    std::vector<std::string> write_paths{};    ///< the same, and may be written, made and removed
    std::vector<std::string> run_paths{};      ///< may be read and run: a program, and the loader that it names
    refusal refused = refusal::kill;           ///< kill: who tries what a task never needs is no longer that task
    /// True: what the kernel lacks is a failure. False: it is reported.
    bool required = false;

    friend bool operator==(sandbox const&, sandbox const&) = default;
};

/// What of a sandbox is not enforced.
struct sandbox_report {
    std::vector<std::string> missing{};    ///< "landlock: the kernel has none: files are not confined"; none: all is enforced
    friend bool operator==(sandbox_report const&, sandbox_report const&) = default;
};

/// What the kernel offers to build a sandbox from.
struct sandbox_abilities {
    bool seccomp = false;    ///< filters of system calls
    int landlock = 0;        ///< the version of the rules on files: 1 since Linux 5.13, 3 since 6.2, 5 since 6.10
    friend bool operator==(sandbox_abilities const&, sandbox_abilities const&) = default;

    [[nodiscard]] static sandbox_abilities of_kernel() noexcept {
        return {detail::seccomp_filter::available(), detail::landlock_ruleset::version()};
    }
};

/// Puts the calling process into a sandbox, for good; what it starts is in there too. Entering another one allows still less:
/// what either refuses is refused, by SIGSYS where either says so.
///
/// Order      behind `limits` and the warm-up. Behind a sandbox that only computes there is no entering one that names files.
/// Fails      cause::invalid_input: an empty path or one with a NUL; unavailable: `required`, and something is missing, or a path
///            is not there; exhausted: sixteen sandboxes with files or without network are the most. Nothing has changed then but
///            that new privileges are gone; where it is more, the text says so.
/// Threads    the process has one. If it has more, system calls are refused to all of them, and files only to the caller: reported.
/// Cost       up to half a millisecond; from then on some 40 ns for each system call where any are refused.
[[nodiscard]] outcome<sandbox_report> enter(sandbox const& wanted, sandbox_abilities offered = sandbox_abilities::of_kernel());

// Implementation

namespace detail {

[[nodiscard]] inline bool confines(sandbox const& wanted) noexcept {
    return wanted.confine_files || !wanted.read_paths.empty() || !wanted.write_paths.empty() || !wanted.run_paths.empty();
}

[[nodiscard]] inline bool filters(sandbox const& wanted) noexcept {
    return wanted.no_network || wanted.no_programs || wanted.only_computing;
}

[[nodiscard]] inline std::vector<std::string> missing(sandbox const& wanted, sandbox_abilities offered) {
    std::vector<std::string> all;
    if (filters(wanted) && !offered.seccomp)
        all.emplace_back("seccomp: the kernel has none for this machine: no system call is refused");
    if (!confines(wanted)) return all;
    if (offered.landlock < 1) {
        all.emplace_back("landlock: the kernel has none: files are not confined");
        return all;
    }
    auto const lacks = [&](int version, char const* what) {
        if (offered.landlock < version)
            all.push_back("landlock: version " + std::to_string(offered.landlock) + " does not guard " + what + ", " +
                          std::to_string(version) + " does");
    };
    lacks(3, "truncation");
    lacks(5, "ioctl on devices");
    std::ifstream file{"/proc/self/status"};
    std::string const text{std::istreambuf_iterator<char>{file}, {}};
    if (auto const others = process_limits::status_number(text, "Threads:").value_or(1); others > 1)
        all.push_back("landlock: files are confined for one of " + std::to_string(others) + " threads");
    return all;
}

/// The filter for a process of this number.
[[nodiscard]] inline seccomp_filter::program filter_for(sandbox const& wanted, std::uint32_t self) {
    auto const refused = wanted.refused == refusal::kill ? SECCOMP_RET_TRAP
                                                         : SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(EPERM);
    seccomp_filter filter{wanted.only_computing ? refused : SECCOMP_RET_ALLOW, refused};
    if (wanted.only_computing) {
        allow_computing(filter, refused, self, wanted.threads);
        return filter.code();
    }
    for (auto const number : detours) filter.put(number, {refused, {}, {}});
    if (wanted.no_network)
        for (auto const number : network_syscalls) filter.put(number, {refused, {}, {}});
    if (wanted.no_programs)
        for (auto const number : program_syscalls) filter.put(number, {refused, {}, {}});
    return filter.code();
}

/// The rules on files and TCP; none where nothing of them is wanted or offered.
[[nodiscard]] inline outcome<std::optional<landlock_ruleset>> rules_for(sandbox const& wanted, int version) {
    struct list {
        std::vector<std::string> const& paths;
        std::uint64_t rights;
        char const* name;
    };
    list const lists[] = {{wanted.read_paths, landlock_ruleset::reading, "sandbox.read_paths"},
                          {wanted.write_paths, landlock_ruleset::writing, "sandbox.write_paths"},
                          {wanted.run_paths, landlock_ruleset::running, "sandbox.run_paths"}};
    for (auto const& each : lists)
        for (auto const& path : each.paths) {
            if (path.empty()) return failure{cause::invalid_input, std::string{each.name} + ": a path is empty"};
            if (auto const nul = path.find('\0'); nul != path.npos)
                return failure{cause::invalid_input, std::string{each.name} + ": a NUL behind " + path.substr(0, nul)};
        }

    bool const files = confines(wanted) && version >= 1;
    bool const network = wanted.no_network && version >= 4;
    if (!files && !network) return std::optional<landlock_ruleset>{};
    auto rules = landlock_ruleset::make(version, files, network);
    if (!rules) return std::move(rules).error();
    for (auto const& each : lists)
        for (auto const& path : each.paths)
            if (files)
                if (auto done = rules->allow(path, each.rights, each.name); !done) return std::move(done).error();
    return std::optional{std::move(*rules)};
}

}  // namespace detail

inline outcome<sandbox_report> enter(sandbox const& wanted, sandbox_abilities offered) {
    // All that may fail for a reason of its own comes before the first thing that cannot be taken back.
    auto rules = detail::rules_for(wanted, offered.landlock);
    if (!rules) return std::move(rules).error();
    sandbox_report report{detail::missing(wanted, offered)};
    if (wanted.required && !report.missing.empty()) {
        std::string text = "the sandbox is required, and not entered";
        for (auto const& each : report.missing) text += "; " + each;
        return failure{cause::unavailable, std::move(text)};
    }
    bool const filtered = detail::filters(wanted) && offered.seccomp;
    auto code = filtered ? detail::filter_for(wanted, static_cast<std::uint32_t>(::getpid())) : detail::seccomp_filter::program{};

    if (!wanted.no_new_privileges && !detail::filters(wanted) && !detail::confines(wanted)) return report;
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return system_failure(errno, "sandbox: cannot give up new privileges");
    if (*rules)
        if (int const error = (*rules)->apply(); error != 0)
            return error == E2BIG ? failure{cause::exhausted, "landlock: cannot enter one more sandbox: sixteen are the most"}
                                  : system_failure(error, "landlock: cannot confine files");
    if (filtered)
        if (int const error = detail::seccomp_filter::install(std::move(code)); error != 0) {
            std::string const tried = "seccomp: cannot refuse system calls, and files are confined already where that was asked";
            return error > 0 ? system_failure(error, tried) : failure{cause::unavailable, tried + ": a thread has filters of its own"};
        }
    return report;
}

}  // namespace muster
