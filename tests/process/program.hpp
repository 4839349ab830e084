// Programs of their own: this executable again, which then runs one function instead of the tests. For what can only be seen from
// outside, such as the death of a program, and for what may hang.
#pragma once

#include <cerrno>         // EINTR
#include <chrono>         // limits
#include <csignal>        // kill
#include <cstdlib>        // getenv
#include <map>            // programs by name
#include <string>         // environment
#include <string_view>    // names
#include <vector>         // environment

#include <fcntl.h>        // open
#include <poll.h>         // with a limit
#include <sys/ioctl.h>    // TIOCSCTTY
#include <sys/prctl.h>    // PR_SET_PDEATHSIG
#include <sys/wait.h>     // waitpid
#include <unistd.h>       // execve

#include <muster/os/fd.hpp>            // fd
#include <muster/os/pipe_ends.hpp>     // pipe_ends

#include "forked.hpp"    // child_end
#include "kin.hpp"          // those_with

extern char** environ;

/// What this executable can be besides tests.
inline std::map<std::string_view, int (*)()>& programs() {
    static std::map<std::string_view, int (*)()> all;
    return all;
}
struct add_program {
    add_program(std::string_view name, int (*run)()) { programs()[name] = run; }
};

/// For a program: one byte to whoever started it.
inline void report(char what) {
    while (::write(3, &what, 1) < 0 && errno == EINTR) {}
}

/// One that runs. Killed at the end of its scope, and all of its processes with it.
class program {
public:
    /// `terminal`: the slave end of a pseudo-terminal, which then is its controlling terminal.
    explicit program(std::string const& name, std::string const& argument = {}, char const* terminal = nullptr) {
        static int number = 0;
        mark_ = "MUSTER_TEST_FAMILY=" + std::to_string(::getpid()) + '.' + std::to_string(++number);
        std::vector<std::string> variables{mark_, "MUSTER_TEST_PROGRAM=" + name, "MUSTER_TEST_ARGUMENT=" + argument};
        for (char** each = environ; *each; ++each)
            if (!std::string_view{*each}.starts_with("MUSTER_TEST_")) variables.emplace_back(*each);
        std::vector<char*> environment;
        for (auto& each : variables) environment.push_back(each.data());
        environment.push_back(nullptr);
        char own[] = "muster_test_program";
        char* arguments[]{own, nullptr};
        auto ends = muster::pipe_ends::open();
        pid_ = ::fork();
        if (pid_ == 0) {    // other threads may run: async-signal-safe calls only
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (!terminal) ::setpgid(0, 0);
            else {
                ::setsid();
                int const end = ::open(terminal, O_RDWR);
                ::ioctl(end, TIOCSCTTY, 0);
                for (int const standard : {0, 1, 2}) ::dup2(end, standard);
                if (end > 2) ::close(end);
            }
            for (int const each : {SIGINT, SIGTERM, SIGHUP}) ::signal(each, SIG_DFL);
            if (ends.write.get() == 3) ::fcntl(3, F_SETFD, 0);
            else ::dup2(ends.write.get(), 3);
            ::execve("/proc/self/exe", arguments, environment.data());
            ::_exit(127);
        }
        from_ = std::move(ends.read);
    }
    program(program const&) = delete;
    program& operator=(program const&) = delete;
    ~program() {
        if (pid_ > 0) ::kill(pid_, SIGKILL), (void)::waitpid(pid_, nullptr, 0);
        for (auto const& each : left()) ::kill(each.pid, SIGKILL);
    }

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    void signal(int number) const { ::kill(pid_, number); }
    /// The next byte that it reports; 0 when it has ended, or says nothing for so long.
    char hear(std::chrono::milliseconds within = std::chrono::seconds{60}) const {
        pollfd waits{from_.get(), POLLIN, 0};
        char byte = 0;
        if (::poll(&waits, 1, static_cast<int>(within.count())) != 1 || ::read(from_.get(), &byte, 1) != 1) return 0;
        return byte;
    }
    /// How it ended; code -1 when it has not by then: it is killed at the end of the scope.
    child_end end(std::chrono::steady_clock::duration within = std::chrono::seconds{60}) {
        int status = 0;
        if (pid_ <= 0 || !eventually([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; }, within)) return {};
        pid_ = -1;
        return WIFSIGNALED(status) ? dies_of(WTERMSIG(status)) : exits(WEXITSTATUS(status));
    }
    /// Its processes that are alive: itself, its workers, and theirs.
    [[nodiscard]] std::vector<kin> left() const { return those_with(mark_); }

private:
    pid_t pid_ = -1;
    std::string mark_;
    muster::fd from_;
};

/// What a program was given.
inline std::string program_argument() {
    auto const* const said = std::getenv("MUSTER_TEST_ARGUMENT");
    return said ? said : "";
}
