#pragma once

#include <algorithm>         // max
#include <array>             // events
#include <atomic>            // counters
#include <cerrno>            // errno
#include <chrono>            // nanoseconds
#include <condition_variable>    // a change has been applied
#include <cstddef>           // size_t
#include <cstdint>           // uint16_t
#include <deque>             // answers that wait
#include <map>               // timers
#include <memory>            // unique_ptr
#include <mutex>             // settings
#include <string>            // string
#include <string_view>       // string_view
#include <system_error>      // system_error
#include <thread>            // jthread
#include <unordered_map>     // connections
#include <utility>           // exchange, move
#include <vector>            // finished connections

#include <arpa/inet.h>       // htons
#include <netinet/in.h>      // sockaddr_in
#include <netinet/tcp.h>     // TCP_NODELAY
#include <pthread.h>         // pthread_sigmask
#include <signal.h>          // sigset_t
#include <sys/epoll.h>       // epoll
#include <sys/eventfd.h>     // eventfd
#include <sys/socket.h>      // socket
#include <sys/timerfd.h>     // timerfd
#include <unistd.h>          // close

#include <muster/os/fd.hpp>                                // fd
#include <muster/workloads/bgp/detail/irr_protocol.hpp>    // answer_of
#include <muster/workloads/bgp/irr_data.hpp>               // irr_data
#include <muster/workloads/bgp/irr_fault.hpp>              // irr_fault
#include <muster/workloads/bgp/irr_server.hpp>             // irr_server

// Above 400 lines: the loop of one thread, which reads worse in pieces.

namespace muster::bgp {

/// What an embedded registry is told when it starts.
struct irr_responder_options {
    std::uint16_t port = 0;                              ///< 0: any that is free
    std::chrono::nanoseconds latency{0};                 ///< of each answer, counted from its query
    std::size_t most_connections = 1'024;                ///< further ones are closed at once
    std::size_t most_line = 1'024;                       ///< bytes of one query; a longer one closes the connection
    std::chrono::nanoseconds idle = std::chrono::seconds{30};    ///< without a query; IRRd's own default
};

/// What an embedded registry has seen so far.
struct irr_responder_stats {
    std::size_t connections = 0;          ///< open now
    std::size_t peak_connections = 0;     ///< open at once, at most
    std::uint64_t all_connections = 0;    ///< since the start, refused ones included
    std::uint64_t refused = 0;            ///< closed at once, for there were too many
    std::uint64_t queries = 0;            ///< lines
    std::uint64_t data_queries = 0;       ///< lines about an object
};

/// A registry of routes on this machine's loopback, for examples, tests and benchmarks: speaks enough of IRRd's
/// protocol for bgpq4 to take it for one.
///
/// Waits      the answers of one connection come in the order of its queries, each `latency` after its query, so
///            pipelined queries wait together, as over a long wire; connections wait independently of each other.
/// Throws     std::system_error where the port is taken or descriptors or threads are out; later nothing.
/// Threads    one of its own, whatever the number of connections, joined in the destructor; every member from any
///            thread.
/// Cost       bounded against hostile clients: connections, bytes of a line, time without a query, answers not yet
///            taken.
/// Source     IRRd 4, "IRRd-style queries".
class irr_responder {
public:
    enum class listening : std::uint8_t {
        serving,
        not_accepting,    ///< connections stay in the queue of the kernel: clients hang
        refusing,         ///< nobody listens
    };

    explicit irr_responder(irr_data data = irr_data::bundled(), irr_responder_options options = {});
    irr_responder(irr_responder const&) = delete;
    irr_responder& operator=(irr_responder const&) = delete;
    ~irr_responder();

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    /// What bgpq4 takes after -h.
    [[nodiscard]] irr_server address() const { return irr_server::loopback(port_); }

    /// From the next query about this object on: "AS13335" or a set's name, in any case.
    void misbehave(std::string_view object, irr_fault how);
    void behave();
    void latency(std::chrono::nanoseconds of_each_answer);
    /// Returns when it holds.
    void listen(listening how);

    [[nodiscard]] irr_responder_stats stats() const noexcept;

private:
    using clock = std::chrono::steady_clock;
    struct waiting_answer {
        clock::time_point due;
        detail::irr_answer answer;
    };
    struct connection;
    using timers = std::multimap<clock::time_point, connection*>;
    struct connection {
        fd socket;
        std::string in;
        std::string out;
        std::size_t sent = 0;
        std::deque<waiting_answer> waiting;
        timers::iterator timer{};
        bool has_timer = false;
        bool final = false;       // the last answer is known: what the client sends now is thrown away
        bool muted = false;       // has sent it, and stays open without another
        bool ended = false;       // the client sends no more
        bool closing = false;     // has it, and is closed once it is sent
        std::uint32_t watched = 0;
    };

    static constexpr std::size_t most_unsent = std::size_t{1} << 20;    // then no further query is read
    static constexpr std::size_t most_waiting = 4'096;

    void open_listener();
    void run();
    void apply_changes();
    void accept_all();
    void serve(connection& of, std::uint32_t events);
    bool read_all(connection& of);             // false: broken
    bool answer_lines(connection& of);         // false: to be closed
    void take_due(connection& of, clock::time_point now);
    bool send_all(connection& of);             // false: broken
    void settle(connection& of);               // after any of these: send, watch, set the timer, or close
    void set_timer(connection& of, clock::time_point when);
    void clear_timer(connection& of);
    void watch(int number, void* what, std::uint32_t events, bool is_new);
    void drop(connection& of);
    void wake() const noexcept;

    irr_data const data_;
    irr_responder_options const options_;
    std::uint16_t port_ = 0;
    fd listener_, epoll_, wake_, timer_;

    std::mutex mutable mutex_;                 // guards what follows, up to the counters
    std::condition_variable applied_;
    detail::irr_faults faults_;
    std::chrono::nanoseconds latency_;
    listening wanted_ = listening::serving;
    listening current_ = listening::serving;
    bool stop_ = false;

    std::atomic<std::size_t> open_{0}, peak_{0};
    std::atomic<std::uint64_t> all_{0}, refused_{0}, queries_{0}, data_queries_{0};

    // the thread's own
    std::unordered_map<connection*, std::unique_ptr<connection>> connections_;
    std::vector<std::unique_ptr<connection>> dropped_;    // kept until the batch of events is through
    timers timers_;
    clock::time_point armed_ = clock::time_point::max();
    clock::time_point accept_again_ = clock::time_point::max();    // after the descriptors ran out
    bool accepting_ = false;
    std::jthread thread_;
};

// Implementation

inline irr_responder::irr_responder(irr_data data, irr_responder_options options)
    : data_(std::move(data)), options_(options), port_(options.port), latency_(options.latency) {
    auto const checked = [](int made, char const* what) {
        if (made < 0) throw std::system_error(errno, std::generic_category(), what);
        return fd{made};
    };
    epoll_ = checked(::epoll_create1(EPOLL_CLOEXEC), "irr_responder: epoll_create1");
    wake_ = checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "irr_responder: eventfd");
    timer_ = checked(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK), "irr_responder: timerfd_create");
    open_listener();
    watch(wake_.get(), &wake_, EPOLLIN, true);
    watch(timer_.get(), &timer_, EPOLLIN, true);

    struct signals_blocked {    // signals are the application's: none is delivered to this thread
        sigset_t before;
        signals_blocked() {
            sigset_t all;
            ::sigfillset(&all);
            ::pthread_sigmask(SIG_SETMASK, &all, &before);
        }
        ~signals_blocked() { ::pthread_sigmask(SIG_SETMASK, &before, nullptr); }
    } const inherited;
    thread_ = std::jthread{[this] { run(); }};
}

inline irr_responder::~irr_responder() {
    {
        std::lock_guard lock(mutex_);
        stop_ = true;
    }
    wake();
    thread_.join();
}

inline void irr_responder::open_listener() {
    auto const fail = [](char const* what) { throw std::system_error(errno, std::generic_category(), what); };
    fd made{::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (made.get() < 0) fail("irr_responder: socket");
    int const on = 1;
    ::setsockopt(made.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    where.sin_port = htons(port_);
    if (::bind(made.get(), reinterpret_cast<sockaddr*>(&where), sizeof where) != 0) fail("irr_responder: bind");
    if (::listen(made.get(), SOMAXCONN) != 0) fail("irr_responder: listen");
    socklen_t size = sizeof where;
    if (::getsockname(made.get(), reinterpret_cast<sockaddr*>(&where), &size) != 0) fail("irr_responder: getsockname");
    port_ = ntohs(where.sin_port);
    listener_ = std::move(made);
    watch(listener_.get(), &listener_, EPOLLIN, true);
    accepting_ = true;
}

inline void irr_responder::watch(int number, void* what, std::uint32_t events, bool is_new) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = what;
    ::epoll_ctl(epoll_.get(), is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, number, &event);
}

inline void irr_responder::wake() const noexcept {
    std::uint64_t const one = 1;
    [[maybe_unused]] auto const written = ::write(wake_.get(), &one, sizeof one);    // full means: awake already
}

inline void irr_responder::misbehave(std::string_view object, irr_fault how) {
    std::lock_guard lock(mutex_);
    faults_[detail::lower(object)] = how;
}

inline void irr_responder::behave() {
    std::lock_guard lock(mutex_);
    faults_.clear();
}

inline void irr_responder::latency(std::chrono::nanoseconds of_each_answer) {
    std::lock_guard lock(mutex_);
    latency_ = of_each_answer;
}

inline void irr_responder::listen(listening how) {
    std::unique_lock lock(mutex_);
    wanted_ = how;
    wake();
    applied_.wait(lock, [this] { return current_ == wanted_; });
}

inline irr_responder_stats irr_responder::stats() const noexcept {
    // relaxed: counters that nothing else hangs on
    constexpr auto order = std::memory_order_relaxed;
    return {open_.load(order), peak_.load(order), all_.load(order), refused_.load(order), queries_.load(order),
            data_queries_.load(order)};
}

inline void irr_responder::run() {
    std::array<epoll_event, 64> events{};
    for (;;) {
        auto const first = timers_.empty() ? clock::time_point::max() : timers_.begin()->first;
        // too early a wake-up costs less than arming for each query
        if (auto const next = std::min(first, accept_again_); next < armed_) {
            itimerspec when{};
            auto const since = std::max(next.time_since_epoch(), clock::duration{1});
            auto const whole = std::chrono::duration_cast<std::chrono::seconds>(since);
            when.it_value.tv_sec = static_cast<decltype(when.it_value.tv_sec)>(whole.count());
            auto const rest = std::chrono::duration_cast<std::chrono::nanoseconds>(since - whole);
            when.it_value.tv_nsec = static_cast<decltype(when.it_value.tv_nsec)>(rest.count());
            ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
            armed_ = next;
        }
        int const count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
        if (count < 0 && errno != EINTR) return;
        bool changes = false, timed = false;
        for (int i = 0; i < count; ++i) {
            auto const& event = events[static_cast<std::size_t>(i)];
            if (event.data.ptr == &wake_) changes = true;
            else if (event.data.ptr == &timer_) timed = true;
            else if (event.data.ptr == &listener_) accept_all();
            else if (auto* const of = static_cast<connection*>(event.data.ptr); connections_.contains(of))
                serve(*of, event.events);
        }
        if (timed) {
            std::uint64_t times = 0;
            [[maybe_unused]] auto const got = ::read(timer_.get(), &times, sizeof times);
            armed_ = clock::time_point::max();
            auto const now = clock::now();
            while (!timers_.empty() && timers_.begin()->first <= now) {
                auto& of = *timers_.begin()->second;
                clear_timer(of);
                if (of.waiting.empty()) drop(of);       // idle for too long
                else settle(of);
            }
            if (accept_again_ <= now) {
                accept_again_ = clock::time_point::max();
                if (accepting_) watch(listener_.get(), &listener_, EPOLLIN, false);
            }
        }
        dropped_.clear();
        if (changes) {
            std::uint64_t times = 0;
            [[maybe_unused]] auto const got = ::read(wake_.get(), &times, sizeof times);
            apply_changes();
            std::lock_guard lock(mutex_);
            if (stop_) return;
        }
    }
}

inline void irr_responder::apply_changes() {
    std::lock_guard lock(mutex_);
    if (wanted_ == current_) return;
    if (listener_.get() < 0) {
        try {
            open_listener();
        } catch (std::system_error const&) {    // somebody else took the port: it stays as it was
            wanted_ = current_;
        }
    }
    if (wanted_ == listening::refusing) listener_.reset();
    else watch(listener_.get(), &listener_, wanted_ == listening::serving ? std::uint32_t{EPOLLIN} : 0u, false);
    accepting_ = wanted_ == listening::serving;
    current_ = wanted_;
    applied_.notify_all();
}

inline void irr_responder::accept_all() {
    constexpr auto order = std::memory_order_relaxed;    // counters that nothing else hangs on
    while (accepting_) {
        fd socket{::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
        if (socket.get() < 0) {
            if (errno == EINTR || errno == ECONNABORTED) continue;
            // look again later, do not spin
            if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
                watch(listener_.get(), &listener_, 0, false);
                accept_again_ = clock::now() + std::chrono::milliseconds{100};
            }
            return;
        }
        all_.fetch_add(1, order);
        if (connections_.size() >= options_.most_connections) {
            refused_.fetch_add(1, order);
            continue;
        }
        int const on = 1;
        ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        auto made = std::make_unique<connection>();
        auto& of = *made;
        of.socket = std::move(socket);
        connections_.emplace(&of, std::move(made));
        open_.store(connections_.size(), order);
        peak_.store(std::max(peak_.load(order), connections_.size()), order);
        of.watched = EPOLLIN;
        watch(of.socket.get(), &of, of.watched, true);
        set_timer(of, clock::now() + options_.idle);
    }
}

inline void irr_responder::serve(connection& of, std::uint32_t events) {
    if ((events & EPOLLERR) || ((events & EPOLLHUP) && of.ended)) return drop(of);
    if (events & (EPOLLIN | EPOLLHUP)) {
        if (!read_all(of)) return drop(of);
    }
    settle(of);
}

inline bool irr_responder::read_all(connection& of) {
    std::array<char, 16'384> buffer;
    // One read is enough: what is left makes the fd ready again, and no client keeps the others waiting.
    auto const got = ::recv(of.socket.get(), buffer.data(), buffer.size(), 0);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) {
        of.ended = true;
        return !of.muted;
    }
    if (!of.final) of.in.append(buffer.data(), static_cast<std::size_t>(got));
    return true;
}

inline bool irr_responder::answer_lines(connection& of) {
    constexpr auto order = std::memory_order_relaxed;    // counters that nothing else hangs on
    std::size_t done = 0;
    auto const now = clock::now();
    std::lock_guard lock(mutex_);
    while (!of.final && of.waiting.size() < most_waiting && of.out.size() - of.sent < most_unsent) {
        auto const end = of.in.find('\n', done);
        if (end == of.in.npos) {
            if (of.in.size() - done > options_.most_line) return false;
            break;
        }
        if (end - done > options_.most_line) return false;
        auto const line = std::string_view{of.in}.substr(done, end - done);
        done = end + 1;
        queries_.fetch_add(1, order);
        if (detail::irr_query{line}.what() != detail::irr_query::kind::none) data_queries_.fetch_add(1, order);
        auto answer = detail::answer_of(line, data_, faults_);
        auto const then = answer.then;
        if (!answer.text.empty() || then != detail::irr_answer::after::go_on) {
            if (latency_ <= latency_.zero() && of.waiting.empty()) {
                of.out += answer.text;
                of.muted = then == detail::irr_answer::after::mute;
                of.closing = then == detail::irr_answer::after::close;
            } else {
                auto due = now + std::chrono::duration_cast<clock::duration>(latency_);
                // what is no answer takes no time
                if (answer.text.empty()) due = of.waiting.empty() ? now : of.waiting.back().due;
                of.waiting.push_back({due, std::move(answer)});
            }
        }
        if (then != detail::irr_answer::after::go_on) {    // nothing after it counts
            of.final = true;
            done = of.in.size();
        }
    }
    of.in.erase(0, done);
    return true;
}

inline void irr_responder::take_due(connection& of, clock::time_point now) {
    while (!of.waiting.empty() && of.waiting.front().due <= now) {
        auto& next = of.waiting.front().answer;
        of.out += next.text;
        of.muted = of.muted || next.then == detail::irr_answer::after::mute;
        of.closing = of.closing || next.then == detail::irr_answer::after::close;
        of.waiting.pop_front();
    }
}

inline bool irr_responder::send_all(connection& of) {
    while (of.sent < of.out.size()) {
        auto const put = ::send(of.socket.get(), of.out.data() + of.sent, of.out.size() - of.sent, MSG_NOSIGNAL);
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

inline void irr_responder::settle(connection& of) {
    auto const now = clock::now();
    bool asked = false, unsent = false;
    for (bool more = true; more;) {    // what has been sent makes room for further lines
        auto const before = of.in.size();
        if (before != 0 && !answer_lines(of)) return drop(of);
        take_due(of, now);
        if (!send_all(of)) return drop(of);
        unsent = of.sent < of.out.size();
        more = of.in.size() != before && !unsent;
        asked = asked || of.in.size() != before;
    }
    bool const over = of.closing || (of.ended && of.in.find('\n') == of.in.npos);
    if (over && !unsent && of.waiting.empty()) return drop(of);

    bool const full = of.waiting.size() >= most_waiting || of.out.size() - of.sent >= most_unsent;
    std::uint32_t wanted = unsent ? std::uint32_t{EPOLLOUT} : 0u;
    if (!full && !of.ended) wanted |= EPOLLIN;
    if (wanted != of.watched) watch(of.socket.get(), &of, of.watched = wanted, false);

    if (!of.waiting.empty()) set_timer(of, of.waiting.front().due);
    else if (of.muted) clear_timer(of);                                  // silent for good, until the client goes
    else if (asked || !of.has_timer) set_timer(of, now + options_.idle);
}

inline void irr_responder::set_timer(connection& of, clock::time_point when) {
    clear_timer(of);
    of.timer = timers_.emplace(when, &of);
    of.has_timer = true;
}

inline void irr_responder::clear_timer(connection& of) {
    if (std::exchange(of.has_timer, false)) timers_.erase(of.timer);
}

inline void irr_responder::drop(connection& of) {
    clear_timer(of);
    auto found = connections_.find(&of);
    found->second->socket.reset();
    dropped_.push_back(std::move(found->second));
    connections_.erase(found);
    open_.store(connections_.size(), std::memory_order_relaxed);    // a counter that nothing else hangs on
}

}  // namespace muster::bgp
