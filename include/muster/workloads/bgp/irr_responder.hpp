#pragma once

#include <atomic>            // counters
#include <chrono>            // nanoseconds
#include <condition_variable>    // a change has been applied
#include <cstddef>           // size_t
#include <cstdint>           // uint16_t
#include <deque>             // answers that wait
#include <mutex>             // settings
#include <string_view>       // string_view
#include <system_error>      // system_error
#include <utility>           // move

#include <muster/os/loopback_server.hpp>                   // loopback_server
#include <muster/workloads/bgp/detail/irr_protocol.hpp>    // answer_of
#include <muster/workloads/bgp/irr_data.hpp>               // irr_data
#include <muster/workloads/bgp/irr_fault.hpp>              // irr_fault
#include <muster/workloads/bgp/irr_server.hpp>             // irr_server

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

    [[nodiscard]] std::uint16_t port() const noexcept { return wire_.port(); }
    /// What bgpq4 takes after -h.
    [[nodiscard]] irr_server address() const { return irr_server::loopback(port()); }

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
    struct talk {
        std::deque<waiting_answer> waiting;
        bool muted = false;       // has sent its last answer, and stays open without another
        bool closing = false;     // has it, and is closed once it is sent
    };
    using server = loopback_server<talk>;
    using connection = server::connection;
    friend server;

    static constexpr std::size_t most_unsent = std::size_t{1} << 20;    // then no further query is read
    static constexpr std::size_t most_waiting = 4'096;

    // What the server calls
    void opened(connection& of) { wire_.set_timer(of, clock::now() + options_.idle); }
    void serve(connection& of, bool readable);
    void due(connection& of);
    void drop(connection& of) { wire_.drop(of); }
    void woken();

    bool answer_lines(connection& of);         // false: to be closed
    void take_due(connection& of, clock::time_point now);

    irr_data const data_;
    irr_responder_options const options_;
    std::mutex mutable mutex_;                 // guards what follows, up to the counters
    std::condition_variable applied_;
    detail::irr_faults faults_;
    std::chrono::nanoseconds latency_;
    listening wanted_ = listening::serving;
    listening current_ = listening::serving;

    std::atomic<std::uint64_t> queries_{0}, data_queries_{0};
    server wire_;
};

// Implementation

inline irr_responder::irr_responder(irr_data data, irr_responder_options options)
    : data_(std::move(data)), options_(options), latency_(options.latency), wire_("irr_responder", options.port, options.most_connections) {
    wire_.start(*this);
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
    wire_.wake();
    applied_.wait(lock, [this] { return current_ == wanted_; });
}

inline irr_responder_stats irr_responder::stats() const noexcept {
    constexpr auto order = std::memory_order_relaxed;    // counters that nothing else hangs on
    auto const seen = wire_.seen();
    return {seen.open, seen.peak, seen.all, seen.refused, queries_.load(order), data_queries_.load(order)};
}

inline void irr_responder::woken() {
    std::lock_guard lock(mutex_);
    if (wanted_ == current_) return;
    try {
        wire_.listen();
    } catch (std::system_error const&) {    // somebody else took the port: it stays as it was
        wanted_ = current_;
    }
    if (wanted_ == listening::refusing) wire_.close_listener();
    else wire_.accept(wanted_ == listening::serving);
    current_ = wanted_;
    applied_.notify_all();
}

inline void irr_responder::due(connection& of) {
    if (of.waiting.empty()) drop(of);    // idle for too long
    else serve(of, false);
}

inline bool irr_responder::answer_lines(connection& of) {
    constexpr auto order = std::memory_order_relaxed;    // counters that nothing else hangs on
    std::size_t done = 0;
    auto const now = clock::now();
    std::lock_guard lock(mutex_);
    while (!of.deaf && of.waiting.size() < most_waiting && of.unsent() < most_unsent) {
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
            of.deaf = true;
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

inline void irr_responder::serve(connection& of, bool readable) {
    if (readable && (!wire_.receive(of) || (of.ended && of.muted))) return drop(of);
    auto const now = clock::now();
    bool asked = false;
    for (bool more = true; more;) {    // what has been sent makes room for further lines
        auto const before = of.in.size();
        bool const held_back = of.unsent() >= most_unsent;    // no line is answered then, and there may be some
        if (before != 0 && !answer_lines(of)) return drop(of);
        take_due(of, now);
        if (!wire_.send(of)) return drop(of);
        more = of.unsent() == 0 && (held_back || of.in.size() != before);
        asked = asked || of.in.size() != before;
    }
    bool const over = of.closing || (of.ended && of.in.find('\n') == of.in.npos);
    if (over && of.unsent() == 0 && of.waiting.empty()) return drop(of);
    wire_.expect(of, of.waiting.size() < most_waiting && of.unsent() < most_unsent);

    if (!of.waiting.empty()) wire_.set_timer(of, of.waiting.front().due);
    else if (of.muted) wire_.clear_timer(of);    // silent for good, until the client goes
    else if (asked || of.timer() == clock::time_point::max()) wire_.set_timer(of, now + options_.idle);
}

}  // namespace muster::bgp
