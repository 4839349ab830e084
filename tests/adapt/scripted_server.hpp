// A server on loopback that does what a test says with each connection: sends bytes, stalls, resets, goes half away.
#pragma once

#include <atomic>          // connections
#include <cerrno>          // errno
#include <charconv>        // Content-Length
#include <cstddef>         // size_t
#include <cstdint>         // uint16_t
#include <functional>      // how a connection is served
#include <list>            // connections
#include <mutex>           // what was heard
#include <optional>        // no request any more
#include <string>          // bytes
#include <string_view>     // bytes
#include <system_error>    // system_error
#include <thread>          // jthread
#include <utility>         // move
#include <vector>          // requests

#include <arpa/inet.h>       // htonl
#include <netinet/in.h>      // sockaddr_in
#include <poll.h>            // poll
#include <sys/socket.h>      // socket

#include <muster/os/fd.hpp>    // fd

/// One connection, as its script sees it.
class scripted_connection {
public:
    scripted_connection(muster::fd socket, int number) : socket_(std::move(socket)), number_(number) {}

    int number() const { return number_; }    ///< 0 is the first one
    int socket() const { return socket_.get(); }

    bool say(std::string_view what) const {
        while (!what.empty()) {
            auto const sent = ::send(socket_.get(), what.data(), what.size(), MSG_NOSIGNAL);
            if (sent <= 0) return false;
            what.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }
    /// A whole request with its body; none where the other side has gone.
    std::optional<std::string> hear() {
        for (;;) {
            if (auto const end = heard_.find("\r\n\r\n"); end != std::string::npos) {
                std::size_t length = 0;
                for (auto at = heard_.find("Content-Length: "); at < end; at = std::string::npos)
                    std::from_chars(heard_.data() + at + 16, heard_.data() + end, length);
                if (auto const whole = end + 4 + length; heard_.size() >= whole) {
                    auto out = heard_.substr(0, whole);
                    heard_.erase(0, whole);
                    return out;
                }
            }
            if (!more()) return std::nullopt;
        }
    }
    /// What comes next, whatever it is; false where the other side has gone.
    bool more() {
        char block[65'536];
        auto const n = ::recv(socket_.get(), block, sizeof block, 0);
        if (n <= 0) return false;
        heard_.append(block, static_cast<std::size_t>(n));
        return true;
    }
    /// Returns when the other side closes.
    void until_closed() {
        while (more()) heard_.clear();
    }
    bool closed(int milliseconds) const {
        pollfd one{.fd = socket_.get(), .events = POLLIN, .revents = 0};
        return ::poll(&one, 1, milliseconds) != 0;
    }
    /// Gone at once, what was not read yet thrown away.
    void reset() {
        linger const at_once{.l_onoff = 1, .l_linger = 0};
        ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close();
    }
    /// Says nothing more, and still hears.
    void half_close() const { ::shutdown(socket_.get(), SHUT_WR); }
    void close() {
        std::lock_guard lock(closing_);
        socket_.reset();
    }
    /// From another thread: ends whatever the script waits for.
    void wake() {
        std::lock_guard lock(closing_);
        if (socket_) ::shutdown(socket_.get(), SHUT_RDWR);
    }

private:
    std::mutex closing_;
    muster::fd socket_;
    int number_;
    std::string heard_;
};

/// An answer of HTTP/1.1 with the length of its body; `more` are header lines, each with its end.
inline std::string http_answer(std::string_view body, std::string_view status = "200 OK", std::string_view more = "") {
    return "HTTP/1.1 " + std::string{status} + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + std::string{more} +
           "\r\n" + std::string{body};
}

/// Serves each connection on a thread of its own by `serve(connection)`.
class scripted_server {
public:
    using served_by = std::function<void(scripted_connection&)>;

    explicit scripted_server(served_by serve, int backlog = 1'024) : serve_(std::move(serve)), listening_(listen_at(backlog)) {
        thread_ = std::jthread{[this] { accept(); }};
    }
    /// Hears a request and says this, again and again.
    explicit scripted_server(std::string answer)
        : scripted_server([this, answer = std::move(answer)](scripted_connection& with) {
              while (auto const asked = with.hear()) {
                  keep(*asked);
                  with.say(answer);
              }
          }) {}
    scripted_server(scripted_server const&) = delete;
    scripted_server& operator=(scripted_server const&) = delete;
    ~scripted_server() {
        ::shutdown(listening_.get(), SHUT_RDWR);
        thread_.join();
        for (auto& each : served_) each.with.wake();
        for (auto& each : served_) each.thread.join();
    }

    std::uint16_t port() const { return port_; }
    std::string url(std::string_view path = "/", std::string_view scheme = "http") const {
        return std::string{scheme} + "://127.0.0.1:" + std::to_string(port_) + std::string{path};
    }
    /// How many connections there were.
    int connections() const { return connections_; }
    void keep(std::string request) {
        std::lock_guard lock(mutex_);
        requests_.push_back(std::move(request));
    }
    std::vector<std::string> requests() const {
        std::lock_guard lock(mutex_);
        return requests_;
    }

private:
    struct served {
        served(muster::fd socket, int number) : with(std::move(socket), number) {}
        scripted_connection with;
        std::jthread thread{};
    };

    muster::fd listen_at(int backlog) {
        muster::fd out{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        sockaddr_in place{};
        place.sin_family = AF_INET;
        place.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof place;
        if (::bind(out.get(), reinterpret_cast<sockaddr const*>(&place), size) != 0 || ::listen(out.get(), backlog) != 0 ||
            ::getsockname(out.get(), reinterpret_cast<sockaddr*>(&place), &size) != 0)
            throw std::system_error{errno, std::system_category(), "scripted_server"};
        port_ = ::ntohs(place.sin_port);
        return out;
    }
    void accept() {
        for (;;) {
            muster::fd one{::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
            if (!one) return;
            auto& here = served_.emplace_back(std::move(one), connections_++);
            here.thread = std::jthread{[this, &here] {
                serve_(here.with);
                here.with.close();
            }};
        }
    }

    served_by serve_;
    std::uint16_t port_ = 0;
    mutable std::mutex mutex_;
    std::vector<std::string> requests_;
    std::atomic<int> connections_{0};
    std::list<served> served_;
    muster::fd listening_;
    std::jthread thread_;
};
