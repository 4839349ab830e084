// A child process that the kernel kills with SIGKILL at a chosen moment, whatever it does then.
#pragma once

#include <csignal>    // SIGKILL
#include <cstdlib>    // getenv
#include <ctime>      // timer_create

#include <sys/wait.h>    // waitpid
#include <unistd.h>      // fork

/// Runs `work()` again and again in a child until it is killed after `nanoseconds` of real time; true when that is how it ended.
template <class Work>
bool run_until_killed(long nanoseconds, Work work) {
    auto const child = ::fork();
    if (child == 0) {
        struct sigevent at_the_end {};
        at_the_end.sigev_notify = SIGEV_SIGNAL;
        at_the_end.sigev_signo = SIGKILL;
        timer_t timer;
        itimerspec when{};
        when.it_value.tv_sec = nanoseconds / 1'000'000'000;
        when.it_value.tv_nsec = nanoseconds % 1'000'000'000;
        if (::timer_create(CLOCK_MONOTONIC, &at_the_end, &timer) != 0 || ::timer_settime(timer, 0, &when, nullptr) != 0) ::_exit(3);
        for (;;)
            if (!work()) ::_exit(2);
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0) {}
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

inline bool soak() { return std::getenv("MUSTER_SOAK") != nullptr; }
