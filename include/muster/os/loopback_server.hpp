#pragma once

#include <algorithm>       // max, min
#include <array>           // events
#include <atomic>          // counters
#include <cerrno>          // errno
#include <chrono>          // steady_clock
#include <cstddef>         // size_t
#include <cstdint>         // uint16_t
#include <map>             // timers
#include <memory>          // unique_ptr
#include <optional>        // what was read
#include <string>          // what comes and goes
#include <system_error>    // system_error
#include <thread>          // jthread
#include <utility>         // exchange, move
#include <vector>          // connections

#include <arpa/inet.h>      // htons
#include <netinet/in.h>     // sockaddr_in
#include <netinet/tcp.h>    // TCP_NODELAY
#include <sys/epoll.h>      // epoll
#include <sys/eventfd.h>    // eventfd
#include <sys/socket.h>     // socket
#include <sys/timerfd.h>    // timerfd
#include <unistd.h>         // read, write

#include <muster/os/fd.hpp>              // fd
#include <muster/os/quiet_thread.hpp>    // quiet_thread

namespace muster {

/// Serves TCP connections on this machine's loopback by one thread, for what stands in for a real server in examples, tests and
/// benchmarks. What is said there is the protocol's, an object that is called on that thread:
///
///     opened(connection&)                   a client has come
///     serve(connection&, bool readable)     there is something to read, or room to send
///     due(connection&)                      its timer has gone off, and is clear
///     drop(connection&)                     it is broken; calls `drop` of this
///     woken()                               somebody has called `wake`
///
/// Shape      `State` is what the protocol keeps for each connection, which has its members.
/// Throws     std::system_error where the port is taken or descriptors or threads are out; later `listen` alone.
/// Threads    one of its own, joined in the destructor; `port`, `wake` and `seen` from any thread, all else from that one.
/// Lifetime   the last member of its protocol: it ends first.
/// Cost       a connection too many is closed at once. One read an event, of 64 KiB at most: no client keeps the others waiting.
template <class State>
class loopback_server {
public:
    using clock = std::chrono::steady_clock;
    struct connection;
    struct counts {
        std::size_t open = 0;         ///< now
        std::size_t peak = 0;         ///< open at once, at most
        std::uint64_t all = 0;        ///< since the start, refused ones included
        std::uint64_t refused = 0;    ///< closed at once, for there were too many
    };

    /// `who` stands in front of errors; port 0: any that is free.
    loopback_server(char const* who, std::uint16_t port, std::size_t most_connections);
    loopback_server(loopback_server const&) = delete;
    loopback_server& operator=(loopback_server const&) = delete;
    ~loopback_server();

    /// Once, when the protocol is complete.
    template <class Protocol>
    void start(Protocol& protocol) {
        thread_ = quiet_thread([this, &protocol] { run(protocol); });
    }

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    [[nodiscard]] counts seen() const noexcept;
    void wake() const noexcept;

    /// Appends to `in` what has come, unless it is deaf, or sets `ended`. How much it was; none: broken.
    [[nodiscard]] std::optional<std::size_t> receive(connection& of);
    /// Sends of `out` what goes at once. False: broken.
    [[nodiscard]] bool send(connection& of);
    /// What `serve` is called for next: room, while something is unsent, and what comes, where that is wanted.
    void expect(connection& of, bool reads);
    /// In place of the time that was set before.
    void set_timer(connection& of, clock::time_point when);
    void clear_timer(connection& of);
    /// Closes it. It is there until `serve`, `due` or `woken` has returned.
    void drop(connection& of);
    /// May drop each that it is called with.
    template <class F>
    void for_each(F f) {
        for (auto at = connections_.size(); at-- > 0;) f(*connections_[at]);    // where one is dropped, the last one takes its place
    }

    /// Where it was closed: at the same port again.
    void listen();
    /// From now on clients are refused.
    void close_listener() noexcept { close(listener_); }
    /// False: clients stay in the queue of the kernel.
    void accept(bool yes);

private:
    using timers = std::multimap<clock::time_point, connection*>;

    [[nodiscard]] fd checked(int made, char const* what) const {
        if (made < 0) throw std::system_error(errno, std::generic_category(), who_ + (": " + std::string{what}));
        return fd{made};
    }
    void watch(int number, void const* what, std::uint32_t events, bool is_new) const noexcept;
    // A child of a fork that has not become another program yet holds a copy: closing alone would leave the events coming.
    void close(fd& what) const noexcept {
        if (what) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, what.get(), nullptr);
        what.reset();
    }
    void arm() noexcept;
    template <class Protocol>
    void run(Protocol& protocol);
    template <class Protocol>
    void accept_all(Protocol& protocol);
    template <class Protocol>
    void look_at_timers(Protocol& protocol);

    std::string const who_;
    std::size_t const most_connections_;
    std::uint16_t port_;
    fd const epoll_ = checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    fd const wake_ = checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");
    fd const timer_ = checked(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK), "timerfd_create");
    fd listener_;
    bool accepting_ = true;
    clock::time_point accept_again_ = clock::time_point::max();    // after the descriptors ran out
    clock::time_point armed_ = clock::time_point::max();
    timers timers_;
    std::vector<std::unique_ptr<connection>> connections_, dropped_;    // these until the batch of events is through
    std::atomic<std::size_t> open_{0}, peak_{0};
    std::atomic<std::uint64_t> all_{0}, refused_{0};
    std::atomic<bool> stop_{false};
    std::jthread thread_;
};

/// What there is of each, beside the protocol's own.
template <class State>
struct loopback_server<State>::connection : State {
    fd socket{};
    std::string in{};      ///< what has come and is not taken yet
    std::string out{};     ///< what is to be sent ...
    std::size_t sent = 0;  ///< ... but for so much
    bool deaf = false;     ///< what comes now is thrown away
    bool ended = false;    ///< the client sends no more

    [[nodiscard]] std::size_t unsent() const noexcept { return out.size() - sent; }
    /// When its timer goes off; max(): it has none.
    [[nodiscard]] clock::time_point timer() const noexcept { return has_timer_ ? timer_->first : clock::time_point::max(); }

private:
    friend loopback_server;
    std::size_t place_ = 0;
    std::uint32_t watched_ = EPOLLIN;
    bool has_timer_ = false;
    typename timers::iterator timer_{};
    typename timers::node_type spare_{};    // where it has none: it is set and cleared for every answer
};

// Implementation

template <class State>
loopback_server<State>::loopback_server(char const* who, std::uint16_t port, std::size_t most_connections)
    : who_(who), most_connections_(most_connections), port_(port) {
    listen();
    watch(wake_.get(), &wake_, EPOLLIN, true);
    watch(timer_.get(), &timer_, EPOLLIN, true);
}

template <class State>
loopback_server<State>::~loopback_server() {
    if (!thread_.joinable()) return;
    stop_ = true;
    wake();
    thread_.join();
}

template <class State>
typename loopback_server<State>::counts loopback_server<State>::seen() const noexcept {
    constexpr auto order = std::memory_order_relaxed;    // counters that nothing else hangs on, here and below
    return {open_.load(order), peak_.load(order), all_.load(order), refused_.load(order)};
}

template <class State>
void loopback_server<State>::wake() const noexcept {
    std::uint64_t const one = 1;
    [[maybe_unused]] auto const written = ::write(wake_.get(), &one, sizeof one);    // full means: awake already
}

template <class State>
void loopback_server<State>::listen() {
    if (listener_) return;
    fd made = checked(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
    int const on = 1;
    ::setsockopt(made.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    where.sin_port = htons(port_);
    auto const fail = [this](char const* what) { (void)checked(-1, what); };
    if (::bind(made.get(), reinterpret_cast<sockaddr*>(&where), sizeof where) != 0) fail("bind");
    if (::listen(made.get(), SOMAXCONN) != 0) fail("listen");
    socklen_t size = sizeof where;
    if (::getsockname(made.get(), reinterpret_cast<sockaddr*>(&where), &size) != 0) fail("getsockname");
    port_ = ntohs(where.sin_port);
    listener_ = std::move(made);
    accepting_ = true;
    watch(listener_.get(), &listener_, EPOLLIN, true);
}

template <class State>
void loopback_server<State>::accept(bool yes) {
    accepting_ = yes;
    watch(listener_.get(), &listener_, yes ? std::uint32_t{EPOLLIN} : 0u, false);
}

template <class State>
void loopback_server<State>::watch(int number, void const* what, std::uint32_t events, bool is_new) const noexcept {
    epoll_event event{};
    event.events = events;
    event.data.ptr = const_cast<void*>(what);
    ::epoll_ctl(epoll_.get(), is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, number, &event);
}

// Too early a wake-up costs less than arming for each request, so only what comes before is armed.
template <class State>
void loopback_server<State>::arm() noexcept {
    auto const next = std::min(timers_.empty() ? clock::time_point::max() : timers_.begin()->first, accept_again_);
    if (next >= armed_) return;
    auto const since = std::max(next.time_since_epoch(), clock::duration{1});
    auto const whole = std::chrono::duration_cast<std::chrono::seconds>(since);
    auto const rest = std::chrono::duration_cast<std::chrono::nanoseconds>(since - whole);
    itimerspec when{};
    when.it_value.tv_sec = static_cast<decltype(when.it_value.tv_sec)>(whole.count());
    when.it_value.tv_nsec = static_cast<decltype(when.it_value.tv_nsec)>(rest.count());
    ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
    armed_ = next;
}

template <class State>
template <class Protocol>
void loopback_server<State>::run(Protocol& protocol) {
    std::array<epoll_event, 256> events{};
    std::uint64_t times = 0;
    for (;;) {
        arm();
        int const count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
        if (count < 0 && errno != EINTR) return;
        bool woken = false, timed = false;
        for (int i = 0; i < count; ++i) {
            auto const& event = events[static_cast<std::size_t>(i)];
            if (event.data.ptr == &wake_) woken = true;
            else if (event.data.ptr == &timer_) timed = true;
            else if (event.data.ptr == &listener_) accept_all(protocol);
            else if (auto& of = *static_cast<connection*>(event.data.ptr); of.socket) {    // else dropped in this batch
                bool const broken = (event.events & (EPOLLERR | EPOLLHUP)) != 0;
                if (broken && of.ended) protocol.drop(of);
                else protocol.serve(of, broken || (event.events & EPOLLIN));
            }
        }
        if (timed) {
            [[maybe_unused]] auto const got = ::read(timer_.get(), &times, sizeof times);
            look_at_timers(protocol);
        }
        if (woken) {
            [[maybe_unused]] auto const got = ::read(wake_.get(), &times, sizeof times);
            if (stop_) return;
            protocol.woken();
        }
        dropped_.clear();
    }
}

template <class State>
template <class Protocol>
void loopback_server<State>::look_at_timers(Protocol& protocol) {
    armed_ = clock::time_point::max();
    auto const now = clock::now();
    while (!timers_.empty() && timers_.begin()->first <= now) {
        auto& of = *timers_.begin()->second;
        clear_timer(of);
        protocol.due(of);
    }
    if (accept_again_ > now) return;
    accept_again_ = clock::time_point::max();
    if (listener_ && accepting_) accept(true);
}

template <class State>
template <class Protocol>
void loopback_server<State>::accept_all(Protocol& protocol) {
    constexpr auto order = std::memory_order_relaxed;
    while (accepting_) {
        fd socket{::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
        if (!socket) {
            if (errno == EINTR || errno == ECONNABORTED) continue;
            if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {    // look again later, do not spin
                watch(listener_.get(), &listener_, 0, false);
                accept_again_ = clock::now() + std::chrono::milliseconds{100};
            }
            return;
        }
        all_.fetch_add(1, order);
        if (connections_.size() >= most_connections_) {
            refused_.fetch_add(1, order);
            continue;
        }
        int const on = 1;
        ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        auto& of = *connections_.emplace_back(std::make_unique<connection>());
        of.place_ = connections_.size() - 1;
        of.socket = std::move(socket);
        open_.store(connections_.size(), order);
        peak_.store(std::max(peak_.load(order), connections_.size()), order);
        watch(of.socket.get(), &of, of.watched_, true);
        protocol.opened(of);
    }
}

template <class State>
std::optional<std::size_t> loopback_server<State>::receive(connection& of) {
    std::array<char, 65'536> buffer;
    // One read is enough: what is left makes the descriptor ready again.
    auto const got = ::recv(of.socket.get(), buffer.data(), buffer.size(), 0);
    if (got < 0) return errno == EAGAIN || errno == EINTR ? std::optional<std::size_t>{0} : std::nullopt;
    if (got == 0) of.ended = true;
    else if (!of.deaf) of.in.append(buffer.data(), static_cast<std::size_t>(got));
    return static_cast<std::size_t>(got);
}

template <class State>
bool loopback_server<State>::send(connection& of) {
    while (of.unsent() != 0) {
        auto const put = ::send(of.socket.get(), of.out.data() + of.sent, of.unsent(), MSG_NOSIGNAL);
        if (put < 0) {
            if (errno == EINTR) continue;
            return errno == EAGAIN;
        }
        of.sent += static_cast<std::size_t>(put);
    }
    of.out.clear();
    of.sent = 0;
    return true;
}

template <class State>
void loopback_server<State>::expect(connection& of, bool reads) {
    auto wanted = of.unsent() != 0 ? std::uint32_t{EPOLLOUT} : 0u;
    if (reads && !of.ended) wanted |= EPOLLIN;
    if (wanted != std::exchange(of.watched_, wanted)) watch(of.socket.get(), &of, wanted, false);
}

template <class State>
void loopback_server<State>::set_timer(connection& of, clock::time_point when) {
    if (of.timer() == when) return;
    clear_timer(of);
    if (of.spare_.empty()) {
        of.timer_ = timers_.emplace(when, &of);
    } else {
        of.spare_.key() = when;
        of.timer_ = timers_.insert(std::move(of.spare_));
    }
    of.has_timer_ = true;
}

template <class State>
void loopback_server<State>::clear_timer(connection& of) {
    if (std::exchange(of.has_timer_, false)) of.spare_ = timers_.extract(of.timer_);
}

template <class State>
void loopback_server<State>::drop(connection& of) {
    clear_timer(of);
    close(of.socket);
    auto const place = of.place_;
    dropped_.push_back(std::move(connections_[place]));
    if (place + 1 != connections_.size()) {
        connections_[place] = std::move(connections_.back());
        connections_[place]->place_ = place;
    }
    connections_.pop_back();
    open_.store(connections_.size(), std::memory_order_relaxed);
}

}  // namespace muster
