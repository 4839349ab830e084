#pragma once

#include <csignal>    // SIGKILL
#include <cstdlib>    // abort
#include <utility>    // exchange

#include <sys/prctl.h>    // PR_SET_PDEATHSIG
#include <sys/wait.h>     // waitpid
#include <unistd.h>       // fork

namespace bench::process {

/// A copy of this process that calls `body()` and ends. It has one thread, whatever runs here, so that the body keeps to memory
/// that is there already, and to system calls.
///
/// Lifetime   the destructor ends it.
class child {
public:
    template <class Body>
    explicit child(Body const& body) : pid_(fork()) {
        if (pid_ < 0) std::abort();
        if (pid_ != 0) return;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        body();
        _exit(0);
    }
    child(child const&) = delete;
    ~child() {
        if (pid_ <= 0) return;
        kill(pid_, SIGKILL);
        reap();
    }

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    /// Waits until it has ended; the status of its end.
    int reap() {
        int status = 0;
        if (waitpid(std::exchange(pid_, 0), &status, 0) < 0) std::abort();
        return status;
    }

private:
    pid_t pid_;
};

}  // namespace bench::process
