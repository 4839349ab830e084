#pragma once

#include <csignal>    // sigset_t
#include <thread>     // jthread
#include <utility>    // forward

#include <signal.h>    // pthread_sigmask

namespace muster {

/// A thread that no signal interrupts: those are for the program's own. It is started with all of them blocked, so that none comes between.
///
/// Throws     std::system_error, as std::jthread; the caller's mask is then as before, too.
template <class Body>
[[nodiscard]] std::jthread quiet_thread(Body&& body) {
    struct blocked {
        blocked() {
            sigset_t all;
            ::sigfillset(&all);
            ::pthread_sigmask(SIG_SETMASK, &all, &before);
        }
        ~blocked() { ::pthread_sigmask(SIG_SETMASK, &before, nullptr); }
        sigset_t before;
    } const now;
    return std::jthread{std::forward<Body>(body)};
}

}  // namespace muster
