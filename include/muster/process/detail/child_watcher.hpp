#pragma once

#include <algorithm>             // max, min
#include <array>                 // events
#include <cerrno>                // errno
#include <chrono>                // milliseconds
#include <condition_variable>    // callers that leave
#include <csignal>               // kill
#include <cstdint>               // uint64_t
#include <limits>                // the longest timeout
#include <memory>                // buffer
#include <mutex>                 // mutex, once_flag
#include <new>                   // bad_alloc
#include <system_error>          // system_error
#include <thread>                // jthread
#include <utility>               // exchange

#include <sys/epoll.h>       // epoll
#include <sys/eventfd.h>     // eventfd
#include <unistd.h>          // read, write

#include <muster/os/fd.hpp>                           // fd
#include <muster/os/quiet_thread.hpp>                 // quiet_thread
#include <muster/process/detail/watched_child.hpp>    // watched_child

namespace muster::detail {

/// One thread that waits for all children: reads what they write, feeds them, ends them in time, says when they are done.
///
/// The thread that starts a child registers it itself, so that nothing is handed over: the watcher wakes when the child has
/// something to say. It does not reap: the caller does, beside the other callers.
///
/// Throws     the constructor and `start`: std::system_error.
/// Threads    `add`, `end` and `remove` from any thread.
/// Lifetime   the destructor kills what still runs and waits until its callers have removed it.
class child_watcher {
public:
    struct counts {
        std::uint64_t started = 0, finished = 0, killed = 0, running = 0, peak = 0;
    };

    child_watcher();
    child_watcher(child_watcher const&) = delete;
    child_watcher& operator=(child_watcher const&) = delete;
    ~child_watcher();

    /// Starts the thread, unless it runs.
    void start();
    /// Takes up a child that runs; 0, or an errno when it cannot be watched. `remove` is due in either case.
    int add(watched_child& one);
    /// Asks a child to end, unless it is done; its group is killed after its grace.
    void end(watched_child& one, watched_child::ending why);
    /// Forgets a child that has been reaped.
    void remove(watched_child& one) noexcept;
    [[nodiscard]] counts count() const;

private:
    using channel = watched_child::channel;
    static constexpr std::size_t buffer_size = 65'536;    // what a pipe holds

    void start_thread();
    void loop();
    void on_event(channel& ready, std::uint32_t events);
    void read_some(channel& from, std::uint32_t events);
    void write_some(channel& to);
    void kill_group(watched_child& one);
    void finish(watched_child& one);
    void shut(channel& which);
    void drain(watched_child& one);
    int run_timers();    // the milliseconds until the next one, or -1
    int watch(channel& which, std::uint32_t events);
    void wake() noexcept;

    fd epoll_, wake_;
    std::unique_ptr<char[]> const buffer_{new char[buffer_size]};
    mutable std::mutex mutex_;
    std::condition_variable left_;
    watched_child* first_ = nullptr;
    counts counts_;
    bool closing_ = false;
    std::once_flag started_;
    std::jthread thread_;
};

// Implementation

inline child_watcher::child_watcher() : epoll_(::epoll_create1(EPOLL_CLOEXEC)), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;    // each write is an edge: it is never read
    if (!epoll_ || !wake_ || ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) != 0)
        throw std::system_error{errno, std::system_category(), "muster: cannot wait for children"};
}

inline child_watcher::~child_watcher() {
    {
        std::unique_lock lock(mutex_);
        closing_ = true;
        for (auto* one = first_; one; one = one->after) {
            if (one->done) continue;
            one->why = watched_child::ending::closing;
            kill_group(*one);
        }
        left_.wait(lock, [this] { return first_ == nullptr; });
    }
    wake();
}    // the thread is joined first: it is the last member

inline void child_watcher::start() {
    std::call_once(started_, [this] { start_thread(); });
}

inline void child_watcher::start_thread() {
    thread_ = quiet_thread([this] { loop(); });
}

inline void child_watcher::wake() noexcept {
    std::uint64_t const one = 1;
    (void)!::write(wake_.get(), &one, sizeof one);
}

inline int child_watcher::watch(channel& which, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &which;
    return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, which.end.get(), &event) == 0 ? 0 : errno;
}

inline int child_watcher::add(watched_child& one) {
    // To the end: a child can write more than its cap and be shut before the last of its channels is watched.
    std::lock_guard lock(mutex_);
    one.after = first_;
    if (first_) first_->before = &one;
    first_ = &one;
    ++counts_.started;
    counts_.peak = std::max(counts_.peak, ++counts_.running);
    one.out.open = one.err.open = one.exit.open = true;
    one.in.open = static_cast<bool>(one.in.end);
    if (closing_) {
        one.why = watched_child::ending::closing;
        kill_group(one);
    }
    int error = 0;
    if (one.in.end) error = watch(one.in, EPOLLOUT);
    if (error == 0) error = watch(one.out, EPOLLIN);
    if (error == 0) error = watch(one.err, EPOLLIN);
    if (error == 0) error = watch(one.exit, EPOLLIN | EPOLLONESHOT);    // the last: without it the child is not done
    if (error == 0) return 0;
    kill_group(one);
    finish(one);
    return error;
}

inline void child_watcher::end(watched_child& one, watched_child::ending why) {
    {
        std::lock_guard lock(mutex_);
        if (one.done) return;
        one.point.reset();    // forgets the wake-up of a stop; that of `finish` has not come yet
        if (one.why == watched_child::ending::by_itself) one.why = why;
        if (one.killed) return;
        ::kill(-one.pid, SIGTERM);
        one.kill_at = std::min(one.kill_at, later(thread_waiter{}.now(), one.grace));
    }
    wake();
}

inline void child_watcher::remove(watched_child& one) noexcept {
    std::lock_guard lock(mutex_);
    (one.before ? one.before->after : first_) = one.after;
    if (one.after) one.after->before = one.before;
    --counts_.running;
    ++counts_.finished;
    if (one.why != watched_child::ending::by_itself) ++counts_.killed;
    if (closing_) left_.notify_all();
}

inline child_watcher::counts child_watcher::count() const {
    std::lock_guard lock(mutex_);
    return counts_;
}

inline void child_watcher::loop() {
    std::array<epoll_event, 64> events;
    int timeout = -1;
    for (;;) {
        int const ready = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout);
        std::lock_guard lock(mutex_);    // no caller can take its child away before this round is over
        for (int i = 0; i < ready; ++i)
            if (auto const& event = events[static_cast<std::size_t>(i)]; event.data.ptr)
                on_event(*static_cast<channel*>(event.data.ptr), event.events);
        timeout = run_timers();
        if (closing_ && !first_) return;
    }
}

inline void child_watcher::on_event(channel& ready, std::uint32_t events) {
    auto& one = *ready.of;
    if (one.done || !ready.open) return;
    switch (ready.what) {
        case channel::kind::out:
        case channel::kind::err: read_some(ready, events); break;
        case channel::kind::in: write_some(ready); break;
        case channel::kind::exit:
            ready.open = false;
            if (one.killed) drain(one);
            else if (one.kill_at == never && (one.out.open || one.err.open)) one.kill_at = later(thread_waiter{}.now(), one.grace);
            break;
    }
    if (!one.exit.open && !one.out.open && !one.err.open) finish(one);
}

inline void child_watcher::read_some(channel& from, std::uint32_t events) {
    auto& one = *from.of;
    if (!(events & EPOLLIN)) {    // all writers are gone, and nothing is left
        shut(from);
        return;
    }
    for (int turn = 0; turn < 16; ++turn) {    // then others have their turn
        auto const got = ::read(from.end.get(), buffer_.get(), buffer_size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) {
            shut(from);
            return;
        }
        auto const size = static_cast<std::size_t>(got);
        auto why = watched_child::ending::over_cap;
        try {
            auto const fits = std::min(size, one.cap - from.bytes.size());
            from.bytes.append(buffer_.get(), fits);
            if (fits == size) {
                if (size < buffer_size && !(events & EPOLLHUP)) return;    // it was all
                continue;
            }
        } catch (std::bad_alloc const&) {
            why = watched_child::ending::no_memory;
        }
        if (one.why == watched_child::ending::by_itself) one.why = why;
        kill_group(one);
        shut(one.out);
        shut(one.err);
        return;
    }
}

inline void child_watcher::write_some(channel& to) {
    auto& rest = to.of->input;
    while (!rest.empty()) {
        auto const written = ::write(to.end.get(), rest.data(), rest.size());    // SIGPIPE is blocked in this thread
        if (written < 0 && errno == EINTR) continue;
        if (written < 0 && errno == EAGAIN) return;
        if (written < 0) break;    // it reads no more: its own decision
        rest.remove_prefix(static_cast<std::size_t>(written));
    }
    shut(to);
}

inline void child_watcher::shut(channel& which) {
    if (!std::exchange(which.open, false)) return;
    // A child that has just been started elsewhere holds a copy until its descriptors are closed, which is after vfork has
    // returned: closing ours would not end the events.
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, which.end.get(), nullptr);
    which.end.reset();
}

// The program has ended, and who else could write is killed: takes what is there, then no more.
inline void child_watcher::drain(watched_child& one) {
    for (auto* from : {&one.out, &one.err}) {
        if (from->open) read_some(*from, EPOLLIN | EPOLLHUP);
        shut(*from);
    }
}

inline void child_watcher::kill_group(watched_child& one) {
    if (std::exchange(one.killed, true)) return;
    one.kill_at = never;
    ::kill(-one.pid, SIGKILL);
}

inline void child_watcher::finish(watched_child& one) {
    if (one.done) return;
    for (auto* each : {&one.out, &one.err, &one.in}) shut(*each);
    one.kill_at = never;
    one.done.store(true, std::memory_order_release);    // pairs with the acquire of the waiting caller: it sees what was read
    one.point.wake();
}

inline int child_watcher::run_timers() {
    auto next = never;
    for (auto* one = first_; one; one = one->after) next = std::min(next, one->kill_at);
    if (next == never) return -1;
    auto const now = thread_waiter{}.now();
    if (next <= now) {
        for (auto* one = first_; one; one = one->after) {
            if (one->kill_at > now) continue;
            kill_group(*one);
            if (one->exit.open) continue;
            drain(*one);
            finish(*one);
        }
        return run_timers();
    }
    auto const wait = std::chrono::ceil<std::chrono::milliseconds>(next - now).count();
    return static_cast<int>(std::min<std::int64_t>(wait, std::numeric_limits<int>::max()));
}

}  // namespace muster::detail
