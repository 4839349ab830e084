#pragma once

#include <atomic>         // whether the loop is there
#include <chrono>         // nanoseconds
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <exception>      // terminate
#include <memory>         // shared_ptr
#include <mutex>          // the first call
#include <new>            // nothrow
#include <stdexcept>      // invalid_argument
#include <string>         // texts
#include <string_view>    // schemes
#include <utility>        // move, exchange

#include <unistd.h>    // access

#include <muster/adapt/detail/http_loop.hpp>        // http_loop
#include <muster/adapt/detail/http_transfer.hpp>    // http_transfer
#include <muster/adapt/detail/http_url.hpp>         // http_url
#include <muster/adapt/http_fault.hpp>              // http_fault
#include <muster/adapt/http_options.hpp>            // http_options
#include <muster/adapt/http_request.hpp>            // http_request
#include <muster/adapt/http_response.hpp>           // http_response
#include <muster/core/context.hpp>                  // context
#include <muster/core/duration_text.hpp>            // duration_text
#include <muster/core/failure.hpp>                  // failure
#include <muster/core/invoke_task.hpp>              // guarded
#include <muster/core/outcome.hpp>                  // outcome
#include <muster/core/poller.hpp>                   // poller

namespace muster {

/// What a client has done since its first call.
struct http_client_stats {
    std::uint64_t sent = 0;           ///< requests that were handed to the network
    std::uint64_t answered = 0;       ///< of these, with a response, whatever its status
    std::uint64_t failed = 0;         ///< without one
    std::uint64_t left = 0;           ///< whose callers did not wait for the end
    std::uint64_t connections = 0;    ///< that were opened for those that ended; the others went over kept ones
    std::size_t under_way = 0;        ///< now
    friend bool operator==(http_client_stats const&, http_client_stats const&) = default;
};

/// Calls servers over HTTP: as many calls at once as there are callers, all of them driven by one thread.
///
///     http_client client;
///     auto const post = [&](std::string const& question, context& cx) {
///         return client.send({.method = "POST", .url = url, .headers = with_key, .body = question}, cx);
///     };
///     auto answers = map(questions, on{io} | retry{} | deadline{30s} | post);
///
/// Shape      any status is an answer: `require_ok` makes failures of those that are not 2xx. The body comes whole, no longer than
///            `largest_body`; one that says no length ends where the connection does, however that came. Connections are kept and
///            used again, over HTTP/2 by many calls at once; names are looked up once a minute.
///            Redirections to the same scheme, host and port are followed where `redirects` allows it; 303, and 301 and 302 of a POST,
///            become a GET.
/// Waits      through the context, for the answer; with http_options::timeout where the context has no deadline. On a deadline or stop
///            the caller is answered at once, and the transfer ends: a connection of HTTP/1 is closed.
/// Fails      as http_fault says; cancelled on a stop; exhausted without descriptors, out_of_memory. Failures name scheme, host and
///            port, never path, query, headers or bodies. A request is sent once, but for one that a kept connection loses before a byte
///            of the answer is here: that is sent again on a fresh one where it may be (not POST and PATCH, unless they have an
///            Idempotency-Key).
/// Throws     the constructor std::invalid_argument for options that make no sense.
/// Threads    any number. The first call starts the one that drives all, unless a thread polls: see `poller`. Signals are left alone.
///            A fork: a client that was not used yet is both processes'; one that was is the parent's alone.
/// Lifetime   calls under way when it is destroyed fail with http_fault::closed; a thread that polls has ended that before.
/// Cost       beside libcurl's, of which the calls are most of the price: two copies of the request where it is not moved. A call under way
///            holds 14 KiB, 13 of them libcurl's; 64 KiB more where the answer before it was large.
class http_client {
public:
    explicit http_client(http_options options = {}) : options_(checked(std::move(options))) {}
    http_client(http_client const&) = delete;
    http_client& operator=(http_client const&) = delete;
    ~http_client();

    outcome<http_response> send(http_request request, context& cx);
    outcome<http_response> send(http_request request) {
        context cx;
        return send(std::move(request), cx);
    }

    [[nodiscard]] http_options const& options() const noexcept { return options_; }
    [[nodiscard]] http_client_stats stats() const noexcept;

    // As a poller. Calls made on the polling thread start without a lock and without waking anyone.

    void begin_polling() { loop()->begin_polling(); }
    void end_polling() { loop()->end_polling(); }
    void poll(std::chrono::nanoseconds most) { loop_->poll(most); }
    void wake() {
        if (made_.load()) loop_->wake();
    }

private:
    using loop_handle = std::shared_ptr<detail::http_loop>;    // each call has one: none looks at a loop that is gone

    static http_options checked(http_options options);
    [[nodiscard]] loop_handle loop();
    outcome<http_response> follow(http_request request, context& cx);
    outcome<http_response> call_once(http_request request, context& cx);
    static bool redirected(http_request& request, http_response const& by);

    http_options const options_;
    std::mutex making_;
    std::atomic<bool> made_{false};
    loop_handle loop_;    // written once, before `made_`
};

// Implementation

inline http_options http_client::checked(http_options options) {
    auto const refused = [](std::string rule) { return std::invalid_argument("muster: http_options: " + rule); };
    if (options.timeout.count() <= 0 || options.connect_timeout.count() <= 0) throw refused("the timeouts are more than 0");
    if (options.largest_body < 1 || options.largest_headers < 1 || options.largest_headers > MiB)
        throw refused("largest_body is 1 byte or more, largest_headers 1 byte to 1 MiB");
    if (options.connections > 100'000 || options.connections_per_host > 100'000) throw refused("there are at most 100,000 connections");
    if (options.redirects > 20) throw refused("at most 20 redirects are followed");
    for (char const c : options.user_agent)
        if (c < ' ' || c == 0x7f) throw refused("a user agent has no control characters and is ASCII");
    if (!options.ca_file.empty() && ::access(options.ca_file.c_str(), R_OK) != 0)
        throw refused("the ca_file cannot be read: " + options.ca_file);
    if (!options.proxy.empty() && !detail::http_url::is_proxy(options.proxy))
        throw refused("a proxy is http, https, socks5 or socks5h with a host, as in http://proxy.example:3128");
    return options;
}

inline http_client::~http_client() {
    if (!made_) return;
    if (loop_->ours()) {
        loop_->close();
        return;
    }
    // Its sockets are the parent's, and its thread is there: to close one here would say farewell there. It stays where it is.
    if (!new (std::nothrow) loop_handle{std::move(loop_)}) std::terminate();
}

inline auto http_client::loop() -> loop_handle {
    if (!made_.load()) {
        std::lock_guard lock(making_);
        if (!loop_) loop_ = std::make_shared<detail::http_loop>(options_);
        made_ = true;
    }
    return loop_;
}

inline outcome<http_response> http_client::send(http_request request, context& cx) {
    return guarded<outcome<http_response>>([&]() -> outcome<http_response> {
        return options_.redirects == 0 ? call_once(std::move(request), cx) : follow(std::move(request), cx);
    });
}

// Not inlined: the copies have a frame of their own, which most calls do without. They wait by the thousand, each on a stack.
[[gnu::noinline]] inline outcome<http_response> http_client::follow(http_request request, context& cx) {
    for (auto left = options_.redirects; left > 0; --left) {
        auto answer = call_once(request, cx);
        if (!answer || !redirected(request, *answer)) return answer;
    }
    return call_once(std::move(request), cx);
}

inline outcome<http_response> http_client::call_once(http_request request, context& cx) {
    if (cx.stop_requested()) return cx.interruption();
    auto const by = loop();
    if (!by->ours())
        return failure{make_error_code(http_fault::forked), "muster: make an http_client after the fork: this one was used before"};
    auto mine = by->take();
    mine->ask(std::move(request));
    if (auto started = by->start(*mine); !started) {
        by->put_back(std::move(mine));
        return std::move(started).error();
    }
    struct on_its_way {    // the loop's, too; whatever ends the wait
        detail::http_loop& by;
        detail::http_transfer* one;
        ~on_its_way() {
            if (one) by.leave(*one);
        }
    } call{*by, mine.release()};
    auto const end = cx.wait(call.one->done, cx.deadline() == never ? later(cx.now(), options_.timeout) : never);
    if (end != context::wait_end::woken && !call.one->done.woken()) {
        if (end == context::wait_end::stopped) return cx.interruption();
        return call.one->fail(http_fault::timeout, end == context::wait_end::elapsed
                                                       ? "no answer within " + duration_text(options_.timeout)
                                                       : "no answer before the deadline");
    }
    mine.reset(std::exchange(call.one, nullptr));
    auto answer = std::move(mine->result);
    by->put_back(std::move(mine));
    return answer;
}

inline bool http_client::redirected(http_request& request, http_response const& by) {
    auto const to = by.headers.find("Location");
    if (!to || (by.status != 301 && by.status != 302 && by.status != 303 && by.status != 307 && by.status != 308)) return false;
    auto const from = detail::http_url::read(request.url);
    auto const there = detail::http_url::read(request.url, *to);
    if (!from || !there || from->origin != there->origin) return false;
    bool const post = request.method == "POST";
    if ((by.status == 303 && request.method != "HEAD") || (post && (by.status == 301 || by.status == 302))) {
        request.method = "GET";
        request.body.clear();
        request.headers.erase("Content-Type");
    }
    request.url = there->text;
    return true;
}

inline http_client_stats http_client::stats() const noexcept {
    if (!made_) return {};
    auto const& of = *loop_;
    return {of.sent, of.answered, of.failed, of.left, of.connections, of.under_way};
}

static_assert(poller<http_client>);

}  // namespace muster
