#pragma once

#include <algorithm>    // any_of
#include <cerrno>       // ENOENT
#include <csignal>      // sigset_t
#include <cstdlib>      // getenv
#include <new>          // bad_alloc
#include <string>       // text
#include <vector>       // argv

#include <spawn.h>       // posix_spawnp
#include <sys/stat.h>    // stat
#include <sys/types.h>   // pid_t

#include <muster/core/failure.hpp>         // cause, failure
#include <muster/core/outcome.hpp>         // outcome
#include <muster/os/system_failure.hpp>    // system_failure
#include <muster/process/command.hpp>      // command

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

/// Starts a program; its process leads a new group. The descriptors become its standard streams.
inline outcome<pid_t> spawn(command const& what, spawn_attributes const& attributes, int in, int out, int err) {
    spawn_actions actions;
    if (!what.directory.empty()) actions.enter(what.directory);
    actions.replace(0, in);
    actions.replace(1, out);
    actions.replace(2, err);
    actions.close_the_rest();

    // posix_spawn writes to neither, its types are older than const
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
    int const error = ::posix_spawnp(&pid, what.program.c_str(), actions.get(), attributes.get(), pointers.data(),
                                     pointers.data() + environment);
    if (error != 0) return not_started(what, error);
    return pid;
}

}  // namespace muster::detail
