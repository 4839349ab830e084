#pragma once

#include <array>           // the signals
#include <atomic>          // what the handler sees
#include <cerrno>          // errno
#include <concepts>        // same_as
#include <csignal>         // sigaction
#include <exception>       // what a hang-up callback throws
#include <functional>      // hang-up
#include <stdexcept>       // logic_error
#include <stop_token>      // stop_source
#include <string>          // what is said
#include <system_error>    // system_error
#include <thread>          // jthread
#include <utility>         // move

#include <fcntl.h>         // O_CLOEXEC
#include <signal.h>        // pthread_sigmask
#include <unistd.h>        // pipe2, _exit

#include <muster/core/line_sink.hpp>    // line_sink_ref

// A handler may do next to nothing, so it writes one byte into a pipe, and a thread that waits for it does the rest:
// asking to stop runs callbacks, which lock. (signalfd would need the signals blocked in every thread, also in those
// that were there before.) A second interrupt does not trust that thread: the handler itself ends the process.

namespace muster {

/// Where the wish to stop comes from; services take one as a template argument, and tests give them a fake.
template <class I>
concept interrupt_source = requires(I const& from) {
    { from.token() } -> std::same_as<std::stop_token>;       // for the context of what runs
    { from.interrupted() } -> std::same_as<bool>;
    { from.exit_code() } -> std::same_as<int>;               // 128 and the signal, 0 when there was none
};

struct interrupts_options {
    line_sink_ref say{};                    ///< one line when work is asked to stop, and when a hang-up fails
    std::function<void()> on_hangup{};      ///< for SIGHUP, on the watching thread; empty: left alone
    void (*at_once)() noexcept = nullptr;   ///< before the sudden end; async-signal-safe calls only
};

/// Ctrl-C and SIGTERM ask running work to stop; a second one ends the process at once, with 130 or 143.
///
/// `interrupts signals{{.say = log}}; context cx{signals.token()}; map(items, work, cx); return signals.exit_code();`
///
/// Default    SIGINT and SIGTERM that were ignored (a job in the background, nohup) stay ignored.
/// Throws     std::logic_error while another one lives: signals belong to the process. std::system_error without
///            descriptors.
/// Threads    `token`, `interrupted` and `exit_code` from any number; it has one thread of its own, which blocks all
///            signals.
/// Lifetime   the handlers of before are back when it is gone. A child that was forked and not yet executed behaves
///            as if it had no handlers.
class interrupts {
public:
    explicit interrupts(interrupts_options options = {});
    interrupts(interrupts const&) = delete;
    interrupts& operator=(interrupts const&) = delete;
    ~interrupts();

    [[nodiscard]] std::stop_token token() const noexcept { return stop_.get_token(); }
    [[nodiscard]] bool interrupted() const noexcept { return signal() != 0; }
    /// SIGINT or SIGTERM, 0 when there was none.
    [[nodiscard]] int signal() const noexcept;
    [[nodiscard]] int exit_code() const noexcept { return interrupted() ? 128 + signal() : 0; }

private:
    // What a handler can see. It belongs to the process, as signal dispositions do.
    struct shared_state {
        std::atomic<int> pipe{-1};
        std::atomic<int> first{0};           // the signal that came first
        std::atomic<int> handlers{0};        // how many run just now
        std::atomic<pid_t> owner{0};         // 0: nobody's
        std::atomic<void (*)() noexcept> at_once{nullptr};
        static_assert(std::atomic<int>::is_always_lock_free);    // else a handler may not touch it
    };
    static shared_state& shared() noexcept {
        static constinit shared_state state;
        return state;
    }
    static void handle(int number) noexcept;
    void install(int number, struct sigaction& before, bool also_if_ignored);
    void watch();
    void close_pipe() noexcept;

    interrupts_options options_;
    std::stop_source stop_;
    int read_end_ = -1, write_end_ = -1;
    struct sigaction before_int_ {}, before_term_ {}, before_hup_ {};
    std::jthread watcher_;
};

// Implementation

inline interrupts::interrupts(interrupts_options options) : options_(std::move(options)) {
    auto& state = shared();
    pid_t nobody = 0;
    if (!state.owner.compare_exchange_strong(nobody, ::getpid()))
        throw std::logic_error{"muster: one interrupts lives at a time: pass it on instead of making another"};
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        auto const why = errno;
        state.owner = 0;
        throw std::system_error{why, std::generic_category(), "muster: interrupts needs a pipe"};
    }
    read_end_ = ends[0], write_end_ = ends[1];
    ::fcntl(write_end_, F_SETFL, O_NONBLOCK);    // a handler never waits

    sigset_t all, before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);    // the watcher inherits it: handlers run on other threads
    try {
        watcher_ = std::jthread{[this] { watch(); }};
    } catch (std::system_error const&) {
        ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
        close_pipe();
        state.owner = 0;
        throw;
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);

    state.first = 0;
    state.at_once = options_.at_once;
    state.pipe = write_end_;
    install(SIGINT, before_int_, false);
    install(SIGTERM, before_term_, false);
    // Whoever gives a callback wants it called, also where nohup ignores the signal.
    if (options_.on_hangup) install(SIGHUP, before_hup_, true);
}

inline interrupts::~interrupts() {
    ::sigaction(SIGINT, &before_int_, nullptr);
    ::sigaction(SIGTERM, &before_term_, nullptr);
    if (options_.on_hangup) ::sigaction(SIGHUP, &before_hup_, nullptr);
    auto& state = shared();
    state.pipe = -1;
    while (state.handlers != 0) std::this_thread::yield();    // one may still hold the descriptor, on another thread
    char const quit = 0;
    while (::write(write_end_, &quit, 1) < 0 && (errno == EINTR || errno == EAGAIN)) std::this_thread::yield();
    watcher_.join();
    close_pipe();
    state.at_once = nullptr;
    state.owner = 0;
}

inline void interrupts::close_pipe() noexcept {
    ::close(read_end_);
    ::close(write_end_);
}

inline int interrupts::signal() const noexcept { return shared().first; }

inline void interrupts::install(int number, struct sigaction& before, bool also_if_ignored) {
    struct sigaction mine {};
    mine.sa_handler = [](int which) { handle(which); };
    mine.sa_flags = SA_RESTART;
    sigemptyset(&mine.sa_mask);
    ::sigaction(number, nullptr, &before);
    if (before.sa_handler == SIG_IGN && !also_if_ignored) return;
    ::sigaction(number, &mine, nullptr);
}

inline void interrupts::handle(int number) noexcept {
    auto const saved = errno;
    auto& state = shared();
    if (state.owner != ::getpid()) {    // a forked child, which has no watcher
        ::signal(number, SIG_DFL);
        ::raise(number);
        errno = saved;
        return;
    }
    ++state.handlers;
    if (number != SIGHUP) {
        int none = 0;
        if (!state.first.compare_exchange_strong(none, number)) {
            if (auto const last_words = state.at_once.load()) last_words();
            ::_exit(128 + number);
        }
    }
    if (auto const pipe = state.pipe.load(); pipe >= 0) {
        auto const byte = static_cast<char>(number);
        [[maybe_unused]] auto const written = ::write(pipe, &byte, 1);    // fails only when full
    }
    --state.handlers;
    errno = saved;
}

inline void interrupts::watch() {
    for (char byte = 0;;) {
        auto const n = ::read(read_end_, &byte, 1);
        if (n < 0 && errno == EINTR) continue;
        if (n != 1 || byte == 0) return;
        // Asked for after any byte: the one of an interrupt may not have found room.
        if (signal() != 0 && stop_.request_stop())
            options_.say.put(std::string{signal() == SIGINT ? "interrupted" : "asked to terminate"} +
                             ": stopping what runs; once more to end at once");
        if (byte != SIGHUP) continue;
        try {
            options_.on_hangup();
        } catch (std::exception const& thrown) {
            options_.say.put(std::string{"the hang-up signal could not be served: "} + thrown.what());
        }
    }
}

static_assert(interrupt_source<interrupts>);

}  // namespace muster
