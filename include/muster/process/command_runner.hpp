#pragma once

#include <cerrno>          // errno
#include <chrono>          // durations in texts
#include <csignal>         // signals
#include <cstdint>         // uint64_t
#include <memory>          // unique_ptr
#include <mutex>           // memory kills
#include <optional>        // memory kills
#include <string>          // texts
#include <string_view>     // tail of the standard error
#include <system_error>    // system_error
#include <utility>         // move

#include <fcntl.h>           // O_NONBLOCK
#include <sys/resource.h>    // rusage
#include <sys/syscall.h>     // pidfd_open, waitid
#include <sys/wait.h>        // CLD_EXITED, waitpid
#include <unistd.h>          // syscall

#include <muster/core/concepts.hpp>                   // task_for
#include <muster/core/context.hpp>                    // context
#include <muster/core/failure.hpp>                    // cause, failure
#include <muster/core/outcome.hpp>                    // outcome
#include <muster/core/waiter.hpp>                     // thread_waiter
#include <muster/os/cgroup.hpp>                       // cgroup
#include <muster/os/fd.hpp>                           // fd
#include <muster/os/pipe_ends.hpp>                    // pipe_ends
#include <muster/os/system_failure.hpp>               // system_failure
#include <muster/process/command.hpp>                 // command
#include <muster/process/command_result.hpp>          // command_result
#include <muster/process/detail/child_watcher.hpp>    // child_watcher
#include <muster/process/detail/signal_name.hpp>      // signal_text
#include <muster/process/detail/spawn.hpp>            // spawn
#include <muster/process/detail/watched_child.hpp>    // watched_child

namespace muster {

/// What a command_runner has done so far.
struct command_runner_stats {
    std::uint64_t started = 0;     ///< processes
    std::uint64_t finished = 0;    ///< processes that ended and were reaped
    std::uint64_t killed = 0;      ///< of these, those that the runner ended: deadline, stop, cap
    std::uint64_t running = 0;
    std::uint64_t peak = 0;        ///< most at once
    friend bool operator==(command_runner_stats const&, command_runner_stats const&) = default;
};

/// Runs programs, many at once, with one waiting thread for all of them; itself a task: `map(commands, on{io, 8} | std::ref(runner))`.
///
/// Each program leads a process group of its own. When its run is over, by itself or not, nothing of the group is left: what
/// it started and left behind is killed, the program itself is reaped. Who leaves the group (setsid) leaves the run.
///
/// Waits      through the context until the program has ended and its output is closed. At the deadline and at a stop the
///            group is asked to end (TERM), after `command::grace` it is killed; `run` returns when it is gone.
/// Fails      invalid_input   no program, a NUL byte, a malformed variable: nothing is started
///            unavailable     no such program (names it and PATH), not permitted, no such directory
///            exited          with a code other than 0, `exit_code()`, and the end of its standard error in the text
///            crashed         of a signal, `signal()`
///            out_of_memory   killed while the control group counted a kill for memory; or no memory to start it
///            timed_out, cancelled   ended by the runner; the text says after how long
///            exhausted       its output passed the cap; no process or descriptor could be had
/// Throws     the constructor: std::system_error, where the kernel lacks pidfd (Linux before 5.4).
/// Threads    any number at once. The process must not ignore SIGCHLD, nor wait for children that it did not start.
/// Lifetime   must outlive its stages; the destructor kills what still runs, and returns when its calls have.
///            In a worker of a process_pool a program is killed when the worker ends, however that ends: what the program itself
///            has started is not.
/// Cost       that of posix_spawn, whatever the size of this process; a thread from the first command on.
class command_runner {
public:
    /// `group` is asked whether a program was killed for memory.
    explicit command_runner(cgroup group = cgroup::of_process());

    /// Runs one program to its end.
    outcome<command_result> run(command const& what, context& cx) const;
    outcome<command_result> operator()(command const& what, context& cx) const { return run(what, cx); }
    outcome<command_result> operator()(command const& what) const {
        context cx;
        return run(what, cx);
    }

    [[nodiscard]] command_runner_stats stats() const;

private:
    struct state {
        explicit state(cgroup of) : group(std::move(of)) {}
        fd nothing = fd::open("/dev/null", O_RDONLY);
        detail::spawn_attributes attributes;
        cgroup group;
        std::mutex kills_mutex;
        std::uint64_t kills_seen = group.memory_kills().value_or(0);
        detail::child_watcher watcher;    // the last: its thread ends first
    };
    struct ended {
        int code = 0;
        bool by_signal = false;
        process_usage usage;
    };
    class started;

    outcome<ended> wait(command const& what, detail::watched_child& child, context& cx) const;
    bool was_memory_kill() const;
    failure describe(command const& what, detail::watched_child const& child, ended const& how, std::chrono::nanoseconds after) const;

    std::unique_ptr<state> state_;
};

// Implementation

namespace detail {

/// True where the kernel throws away how children end.
inline bool children_are_discarded() noexcept {
    struct sigaction now {};
    return ::sigaction(SIGCHLD, nullptr, &now) == 0 && (now.sa_handler == SIG_IGN || (now.sa_flags & SA_NOCLDWAIT) != 0);
}

inline fd open_pidfd(pid_t pid) noexcept { return fd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))}; }

/// The last lines of a text, not more than fits an error message.
inline std::string_view tail_of(std::string_view text) noexcept {
    constexpr std::size_t most = 1'000;
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
    if (text.size() <= most) return text;
    text.remove_prefix(text.size() - most);
    if (auto const line = text.find('\n'); line != text.npos) text.remove_prefix(line + 1);
    return text;
}

}  // namespace detail

inline command_runner::command_runner(cgroup group) {
    if (!detail::open_pidfd(::getpid()))
        throw std::system_error{errno, std::system_category(),
                                "muster: command_runner needs pidfd_open (Linux 5.4 or later, and a sandbox that allows it)"};
    state_ = std::make_unique<state>(std::move(group));
}

inline command_runner_stats command_runner::stats() const {
    auto const now = state_->watcher.count();
    return {now.started, now.finished, now.killed, now.running, now.peak};
}

/// Whatever ends a run, a throw of the context's waiter too: the child is done, reaped and forgotten before this is gone.
class command_runner::started {
public:
    started(detail::child_watcher& by, detail::watched_child& child) : by_(by), child_(child) {
        child.exit.end = detail::open_pidfd(child.pid);
        if (!child.exit.end) {
            error_ = errno;
            ::kill(-child.pid, SIGKILL);
        } else {
            added_ = true;
            error_ = by.add(child);
        }
    }
    started(started const&) = delete;
    started& operator=(started const&) = delete;
    ~started() {
        if (added_ && !child_.done) {
            by_.end(child_, detail::watched_child::ending::cancelled);
            while (!child_.done) (void)thread_waiter{}.wait_until(child_.point, never);
        }
        (void)reap();
        if (added_) by_.remove(child_);
    }

    /// 0, or why it cannot be waited for.
    [[nodiscard]] int error() const noexcept { return error_; }

    /// How it ended; empty when somebody else took that away. What it left behind is killed first: as long as it is not
    /// reaped, no other group can have its number.
    std::optional<ended> reap() noexcept {
        if (std::exchange(reaped_, true)) return std::nullopt;
        ::kill(-child_.pid, SIGKILL);
        siginfo_t about{};
        struct rusage used {};
        auto const kind = child_.exit.end ? P_PIDFD : P_PID;
        auto const which = child_.exit.end ? child_.exit.end.get() : child_.pid;
        long result = 0;
        do result = ::syscall(SYS_waitid, kind, which, &about, WEXITED, &used);
        while (result != 0 && errno == EINTR);
        if (result != 0) return std::nullopt;
        auto const time = [](timeval const& t) { return std::chrono::seconds{t.tv_sec} + std::chrono::microseconds{t.tv_usec}; };
        return ended{about.si_status, about.si_code != CLD_EXITED,
                     {time(used.ru_utime), time(used.ru_stime), static_cast<std::uint64_t>(used.ru_maxrss) * 1024}};
    }

private:
    detail::child_watcher& by_;
    detail::watched_child& child_;
    int error_ = 0;
    bool added_ = false;
    bool reaped_ = false;
};

inline outcome<command_runner::ended> command_runner::wait(command const& what, detail::watched_child& child, context& cx) const {
    started run{state_->watcher, child};
    if (run.error() != 0) return system_failure(run.error(), "cannot wait for " + what.program);
    auto end = cx.wait(child.point);
    context patient{cx.waiting()};    // once it is being ended, neither the deadline nor the stop cuts that short
    while (!child.done.load(std::memory_order_acquire)) {    // pairs with the release of the watcher
        using enum detail::watched_child::ending;
        if (end == context::wait_end::expired) state_->watcher.end(child, timed_out);
        if (end == context::wait_end::stopped) state_->watcher.end(child, cancelled);
        end = patient.wait(child.point);
    }
    if (auto const how = run.reap()) return *how;
    return failure{cause::unavailable, "how " + what.program + " ended is lost: this process waits for children that it did not start"};
}

inline outcome<command_result> command_runner::run(command const& what, context& cx) const {
    if (auto valid = detail::validate(what); !valid) return std::move(valid).error();
    if (cx.stop_requested()) return cx.interruption();
    if (detail::children_are_discarded())
        return failure{cause::unavailable, "cannot run " + what.program + ": this process ignores SIGCHLD, so how it ends would be lost"};
    auto const begin = thread_waiter{}.now();
    detail::watched_child child;
    child.cap = what.output_cap;
    child.grace = what.grace;
    try {
        state_->watcher.start();
        auto out = pipe_ends::open(), err = pipe_ends::open();
        ::fcntl(out.read.get(), F_SETFL, O_NONBLOCK);
        ::fcntl(err.read.get(), F_SETFL, O_NONBLOCK);
        pipe_ends in;
        if (what.input && !what.input->empty()) {
            in = pipe_ends::open();
            // What fits is written before there is a reader that could leave; the watcher writes the rest.
            ::fcntl(in.write.get(), F_SETFL, O_NONBLOCK);
            child.input = *what.input;
            auto const written = ::write(in.write.get(), child.input.data(), child.input.size());
            if (written > 0) child.input.remove_prefix(static_cast<std::size_t>(written));
            if (child.input.empty()) in.write.reset();
        }
        auto const standard_input = in.read ? in.read.get() : state_->nothing.get();
        auto const pid = detail::spawn(what, state_->attributes, standard_input, out.write.get(), err.write.get());
        if (!pid) return pid.error();
        child.pid = *pid;
        child.out.end = std::move(out.read);
        child.err.end = std::move(err.read);
        child.in.end = std::move(in.write);
    } catch (std::system_error const& none_left) {
        return system_failure(none_left.code().value(), "cannot start " + what.program);
    }    // our copies of the child's ends are closed here

    auto const how = wait(what, child, cx);
    auto const wall = thread_waiter{}.now() - begin;
    if (!how) return how.error();
    auto const by_itself = child.why == detail::watched_child::ending::by_itself;
    if (!by_itself || how->by_signal || (how->code != 0 && !what.any_exit)) return describe(what, child, *how, wall);
    return command_result{how->code, std::move(child.out.bytes), std::move(child.err.bytes), how->usage, wall};
}

inline bool command_runner::was_memory_kill() const {
    std::lock_guard lock(state_->kills_mutex);
    auto const now = state_->group.memory_kills();
    if (!now || *now <= state_->kills_seen) return false;
    ++state_->kills_seen;    // one for this program: others may have met the same end
    return true;
}

inline failure command_runner::describe(command const& what, detail::watched_child const& child, ended const& how,
                                        std::chrono::nanoseconds after) const {
    using enum detail::watched_child::ending;
    auto const time = std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(after).count()) + " ms";
    auto const last_words = [&child](std::string text) {
        if (auto const tail = detail::tail_of(child.err.bytes); !tail.empty()) text.append(": ").append(tail);
        return text;
    };
    auto const with_signal = [&how](failure made) {
        if (how.by_signal) made.signal(how.code);
        return made;
    };
    switch (child.why) {
        case timed_out:
            return with_signal({cause::timed_out, last_words(what.program + " was ended at the deadline, after " + time)});
        case cancelled:
            return with_signal({cause::cancelled, last_words(what.program + " was ended after " + time + ", as the run was asked to stop")});
        case closing:
            return with_signal({cause::cancelled, what.program + " was ended after " + time + ", as its runner was destroyed"});
        case over_cap:
            return with_signal({cause::exhausted, what.program + " wrote more than the " + std::to_string(what.output_cap) +
                                                      " bytes that output_cap allows, and was ended"});
        case no_memory:
            return with_signal({cause::out_of_memory, "there was no memory for what " + what.program + " wrote; it was ended"});
        case by_itself: break;
    }
    if (!how.by_signal)
        return failure{cause::exited, last_words(what.program + " exited with code " + std::to_string(how.code))}.exit_code(how.code);
    auto text = what.program + " was killed by signal " + std::to_string(how.code) + " (" + std::string{detail::name_of_signal(how.code)} + ')';
    if (how.code == SIGKILL && !child.killed) {
        if (was_memory_kill())
            return with_signal({cause::out_of_memory, text + ": its control group ran out of memory"});
        text += ", not by muster: perhaps by the system, for memory";
    }
    return with_signal({cause::crashed, last_words(std::move(text))});
}

static_assert(task_for<command_runner, command>);

}  // namespace muster
