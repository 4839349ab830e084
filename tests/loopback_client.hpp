// A client on loopback that says what it likes and reads what it gets.
#pragma once

#include <algorithm>      // min
#include <array>          // what comes at once
#include <chrono>         // milliseconds
#include <cstddef>        // size_t
#include <cstdint>        // uint16_t
#include <string>         // what came
#include <string_view>    // what is said

#include <arpa/inet.h>     // htons
#include <netinet/in.h>    // sockaddr_in
#include <poll.h>          // poll
#include <sys/socket.h>    // socket
#include <unistd.h>        // close

class loopback_client {
public:
    explicit loopback_client(std::uint16_t port) {
        sockaddr_in where{};
        where.sin_family = AF_INET;
        where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        where.sin_port = htons(port);
        connected_ = ::connect(socket_, reinterpret_cast<sockaddr*>(&where), sizeof where) == 0;
    }
    loopback_client(loopback_client const&) = delete;
    ~loopback_client() { ::close(socket_); }

    bool connected() const { return connected_; }
    /// How the connection ended, as far as it was read.
    enum class end { open, closed, reset };
    end ended() const { return ended_; }

    bool say(std::string_view text) { return ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()); }
    void say_no_more() { ::shutdown(socket_, SHUT_WR); }
    bool something_within(std::chrono::milliseconds time) {
        pollfd ready{socket_, POLLIN, 0};
        return ::poll(&ready, 1, static_cast<int>(time.count())) == 1;
    }
    /// What comes next, up to so much; nothing: the server has closed, or 20 s are over.
    std::string hear_some(std::size_t most) {
        if (!something_within(std::chrono::seconds{20})) return {};
        std::array<char, 65'536> buffer;
        auto const got = ::recv(socket_, buffer.data(), std::min(buffer.size(), most), 0);
        if (got <= 0) ended_ = got == 0 ? end::closed : end::reset;
        return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
    }
    /// Reads until `size` bytes are there, or nothing comes.
    std::string hear(std::size_t size) {
        std::string out;
        while (out.size() < size) {
            auto const more = hear_some(size - out.size());
            if (more.empty()) break;
            out += more;
        }
        return out;
    }
    std::string hear_all() { return hear(~std::size_t{0}); }
    std::string ask(std::string_view text, std::string_view expected) {
        say(text);
        return hear(expected.size());
    }

private:
    int socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool connected_ = false;
    end ended_ = end::open;
};
