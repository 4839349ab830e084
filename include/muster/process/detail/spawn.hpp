#pragma once

#include <algorithm>    // any_of
#include <cerrno>       // ENOENT
#include <csignal>      // sigset_t
#include <cstdlib>      // getenv
#include <new>          // bad_alloc
#include <string>       // text
#include <string_view>  // PATH
#include <vector>       // argv

#include <spawn.h>          // posix_spawnp
#include <sys/prctl.h>      // PR_SET_PDEATHSIG
#include <sys/stat.h>       // stat
#include <sys/syscall.h>    // close_range
#include <sys/types.h>      // pid_t
#include <sys/wait.h>       // waitpid
#include <unistd.h>         // vfork, execve

#include <muster/core/failure.hpp>         // cause, failure
#include <muster/core/outcome.hpp>         // outcome
#include <muster/os/pipe_ends.hpp>              // pipe_ends
#include <muster/os/system_failure.hpp>         // system_failure
#include <muster/process/command.hpp>           // command
#include <muster/process/detail/in_worker.hpp>  // in_worker

namespace muster::detail {

/// What every child starts with: its own process group, no signal blocked, ignored or handled.
class spawn_attributes {
public:
    spawn_attributes() {
        if (::posix_spawnattr_init(&value_) != 0) throw std::bad_alloc{};
        sigset_t all, none;
        ::sigfillset(&all);
        ::sigemptyset(&none);
        ::posix_spawnattr_setpgroup(&value_, 0);
        ::posix_spawnattr_setsigdefault(&value_, &all);
        ::posix_spawnattr_setsigmask(&value_, &none);
        ::posix_spawnattr_setflags(&value_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    }
    spawn_attributes(spawn_attributes const&) = delete;
    spawn_attributes& operator=(spawn_attributes const&) = delete;
    ~spawn_attributes() { ::posix_spawnattr_destroy(&value_); }
    [[nodiscard]] posix_spawnattr_t const* get() const noexcept { return &value_; }

private:
    posix_spawnattr_t value_;
};

/// What happens to descriptors and directory between the start of a child and its program.
class spawn_actions {
public:
    spawn_actions() {
        if (::posix_spawn_file_actions_init(&value_) != 0) throw std::bad_alloc{};
    }
    spawn_actions(spawn_actions const&) = delete;
    spawn_actions& operator=(spawn_actions const&) = delete;
    ~spawn_actions() { ::posix_spawn_file_actions_destroy(&value_); }

    void replace(int standard, int by) { check(::posix_spawn_file_actions_adddup2(&value_, by, standard)); }
    /// Ours are close-on-exec, those of other libraries perhaps not.
    void close_the_rest() {
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 34)
        check(::posix_spawn_file_actions_addclosefrom_np(&value_, 3));
#endif
    }
    void enter(std::string const& directory) { check(::posix_spawn_file_actions_addchdir_np(&value_, directory.c_str())); }
    [[nodiscard]] posix_spawn_file_actions_t const* get() const noexcept { return &value_; }

private:
    static void check(int error) {
        if (error != 0) throw std::bad_alloc{};    // the only way in which adding an action fails
    }
    posix_spawn_file_actions_t value_;
};

/// Refuses what no program can be given, before anything starts.
inline outcome<void> validate(command const& what) {
    auto const has_nul = [](std::string const& text) { return text.find('\0') != text.npos; };
    if (what.program.empty()) return failure{cause::invalid_input, "a command needs a program"};
    if (has_nul(what.program)) return failure{cause::invalid_input, "the name of a program holds a NUL byte"};
    for (std::size_t i = 0; i < what.args.size(); ++i)
        if (has_nul(what.args[i]))
            return failure{cause::invalid_input, "argument " + std::to_string(i + 1) + " of " + what.program + " holds a NUL byte"};
    for (auto const& variable : what.environment)
        if (has_nul(variable) || variable.find('=') == variable.npos || variable.front() == '=')
            return failure{cause::invalid_input, "the environment of " + what.program + " has an entry that is not NAME=value"};
    if (has_nul(what.directory)) return failure{cause::invalid_input, "the directory of " + what.program + " holds a NUL byte"};
    return {};
}

/// Why a program did not start.
inline failure not_started(command const& what, int error) {
    if (!what.directory.empty()) {    // the one errno may be about either: the program or the directory
        struct stat about {};
        if (::stat(what.directory.c_str(), &about) != 0 || !S_ISDIR(about.st_mode))
            return {cause::unavailable, "the directory of " + what.program + " is not there: " + what.directory};
    }
    auto tried = "cannot start " + what.program;
    if (error == EAGAIN) tried += ", too many processes";
    if ((error == ENOENT || error == EACCES || error == ENOTDIR) && what.program.find('/') == what.program.npos) {
        char const* const path = std::getenv("PATH");
        tried += path ? " from PATH (" + std::string{path} + ')' : std::string{" (there is no PATH)"};
    }
    if (error == ENAMETOOLONG) return {cause::unavailable, system_failure(error, tried).text()};
    return system_failure(error, tried);
}

/// All that a child needs between its start and its program; nothing is allocated there.
struct leashed_start {
    char const* directory;          // null: ours
    char const* const* programs;    // paths in the order in which they are tried, null at the end
    char* const* args;
    char* const* environment;
    int in, out, err;
};

/// In the child: until the program is there only calls that are allowed after vfork. Never returns.
[[noreturn]] inline void become_program(leashed_start const& how, pid_t parent, int tell) noexcept {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);    // it died before it was heard of
    ::setpgid(0, 0);
    for (int number = 1; number < NSIG; ++number)
        if (number != SIGKILL && number != SIGSTOP) ::signal(number, SIG_DFL);
    int const from[] = {how.in, how.out, how.err};
    int error = how.directory && ::chdir(how.directory) != 0 ? errno : 0;
    for (int standard = 0; standard < 3 && error == 0; ++standard)
        if (::dup2(from[standard], standard) < 0) error = errno;
    auto const kept = static_cast<unsigned>(tell);
    if (kept > 3) ::syscall(SYS_close_range, 3u, kept - 1, 0u);
    ::syscall(SYS_close_range, kept + 1, ~0u, 0u);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    bool denied = false;
    for (auto const* each = how.programs; *each && error == 0; ++each) {
        ::execve(*each, how.args, how.environment);
        denied = denied || errno == EACCES;
        if (errno != ENOENT && errno != ENOTDIR && errno != EACCES) error = errno;
    }
    if (error == 0) error = denied ? EACCES : ENOENT;
    (void)!::write(tell, &error, sizeof error);
    ::_exit(127);
}

/// Like posix_spawn; but the program is killed when the thread that started it ends, as it does when its process is killed. That
/// thread waits for the program, so nothing else ends it. Answers 0 or an errno.
inline int spawn_leashed(leashed_start const& how, pid_t& pid) {
    auto told = pipe_ends::open();
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);    // a handler of ours must not run in the child, which has our memory
    auto const parent = ::getpid();
    pid = ::vfork();    // NOLINT(clang-analyzer-security.insecureAPI.vfork): posix_spawn has no place for prctl
    if (pid == 0) become_program(how, parent, told.write.get());
    int error = pid < 0 ? errno : 0;
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (pid < 0) return error;
    told.write.reset();
    while (::read(told.read.get(), &error, sizeof error) < 0 && errno == EINTR) {}
    if (error != 0)
        while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {}
    return error;
}

/// Where a program may lie, in the order in which it is looked for.
inline std::vector<std::string> places_of(std::string const& program) {
    if (program.find('/') != program.npos) return {program};
    char const* const said = std::getenv("PATH");
    std::string_view left = said ? said : "/bin:/usr/bin";
    std::vector<std::string> all;
    for (;;) {
        auto const colon = left.find(':');
        auto const folder = left.substr(0, colon);
        all.push_back(folder.empty() ? program : std::string{folder} + '/' + program);
        if (colon == left.npos) return all;
        left.remove_prefix(colon + 1);
    }
}

/// Starts a program; its process leads a new group. The descriptors, none of them 0, 1 or 2, become its standard streams.
inline outcome<pid_t> spawn(command const& what, spawn_attributes const& attributes, int in, int out, int err) {
    // nobody writes to either, the types are older than const
    std::vector<char*> pointers;
    pointers.reserve(what.args.size() + what.environment.size() + 3);
    auto const add = [&pointers](std::string const& text) { pointers.push_back(const_cast<char*>(text.c_str())); };
    add(what.program);
    for (auto const& arg : what.args) add(arg);
    pointers.push_back(nullptr);
    auto const environment = pointers.size();
    for (auto const& variable : what.environment) add(variable);
    pointers.push_back(nullptr);

    pid_t pid = -1;
    if (in_worker()) {    // which may be killed at any moment: nobody would be left to end it, and posix_spawn cannot say that
        auto const places = places_of(what.program);
        std::vector<char const*> paths;
        paths.reserve(places.size() + 1);
        for (auto const& each : places) paths.push_back(each.c_str());
        paths.push_back(nullptr);
        leashed_start const how{what.directory.empty() ? nullptr : what.directory.c_str(), paths.data(), pointers.data(),
                                pointers.data() + environment, in, out, err};
        if (int const error = spawn_leashed(how, pid); error != 0) return not_started(what, error);
        return pid;
    }
    spawn_actions actions;
    if (!what.directory.empty()) actions.enter(what.directory);
    actions.replace(0, in);
    actions.replace(1, out);
    actions.replace(2, err);
    actions.close_the_rest();
    int const error = ::posix_spawnp(&pid, what.program.c_str(), actions.get(), attributes.get(), pointers.data(),
                                     pointers.data() + environment);
    if (error != 0) return not_started(what, error);
    return pid;
}

}  // namespace muster::detail
