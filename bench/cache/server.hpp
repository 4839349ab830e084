#pragma once

#include <csignal>      // SIGTERM
#include <cstdio>       // remove
#include <cstdlib>      // abort
#include <string>       // bytes
#include <string_view>  // lines
#include <thread>       // sleep_for
#include <vector>       // arguments

#include <sys/prctl.h>     // PR_SET_PDEATHSIG
#include <sys/socket.h>    // socket
#include <sys/un.h>        // sockaddr_un
#include <sys/wait.h>      // waitpid
#include <unistd.h>        // execvp

namespace bench::cache {

/// A connection by a unix socket, read line by line or by count.
class connection {
public:
    explicit connection(std::string const& path) : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un where{};
        where.sun_family = AF_UNIX;
        path.copy(where.sun_path, sizeof where.sun_path - 1);
        there_ = ::connect(socket_, reinterpret_cast<sockaddr const*>(&where), sizeof where) == 0;
    }
    connection(connection const&) = delete;
    ~connection() { ::close(socket_); }

    [[nodiscard]] bool there() const noexcept { return there_; }
    void send(std::string_view bytes) const {
        while (!bytes.empty()) {
            auto const sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) std::abort();
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
    }
    /// Without its end; good until the next call.
    std::string_view line() {
        for (;;) {
            auto const end = buffer_.find("\r\n", at_);
            if (end == buffer_.npos) {
                more();
                continue;
            }
            std::string_view const found{buffer_.data() + at_, end - at_};
            at_ = end + 2;
            return found;
        }
    }
    std::string_view bytes(std::size_t count) {
        while (buffer_.size() - at_ < count) more();
        std::string_view const found{buffer_.data() + at_, count};
        at_ += count;
        return found;
    }

private:
    void more() {
        buffer_.erase(0, at_);
        at_ = 0;
        auto const had = buffer_.size();
        buffer_.resize(had + (std::size_t{64} << 10));
        auto const got = ::recv(socket_, buffer_.data() + had, buffer_.size() - had, 0);
        if (got <= 0) std::abort();
        buffer_.resize(had + static_cast<std::size_t>(got));
    }

    int socket_;
    bool there_ = false;
    std::string buffer_;
    std::size_t at_ = 0;
};

/// A server program that listens at a unix socket; ends with this.
class server {
public:
    server(std::vector<std::string> arguments, std::string socket) : socket_(std::move(socket)), pid_(::fork()) {
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            std::vector<char*> all;
            for (auto& each : arguments) all.push_back(each.data());
            all.push_back(nullptr);
            if (!std::freopen("/dev/null", "w", stdout) || !std::freopen("/dev/null", "w", stderr)) ::_exit(127);
            ::execvp(all[0], all.data());
            ::_exit(127);
        }
        for (int i = 0; i < 500 && !runs_; ++i) {
            if (::waitpid(pid_, nullptr, WNOHANG) != 0) {
                pid_ = -1;
                return;
            }
            runs_ = connection{socket_}.there();
            if (!runs_) std::this_thread::sleep_for(std::chrono::milliseconds{10});
        }
    }
    server(server const&) = delete;
    ~server() {
        if (pid_ > 0) {
            ::kill(pid_, SIGTERM);
            ::waitpid(pid_, nullptr, 0);
        }
        std::remove(socket_.c_str());
    }
    [[nodiscard]] bool runs() const noexcept { return runs_; }
    [[nodiscard]] std::string const& socket() const noexcept { return socket_; }

private:
    std::string socket_;
    pid_t pid_;
    bool runs_ = false;
};

}  // namespace bench::cache
