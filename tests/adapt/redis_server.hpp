// Servers for tests of redis_node: Redis itself, and one that answers what it is told to. Both are gone when the test is over.
#pragma once

#include <cerrno>          // errno
#include <csignal>         // kill
#include <cstdlib>         // getenv
#include <functional>      // how a connection is served
#include <mutex>           // what was heard
#include <stdexcept>       // runtime_error
#include <string>          // paths
#include <string_view>     // PATH
#include <system_error>    // system_error
#include <thread>          // jthread
#include <utility>         // move
#include <vector>          // arguments

#include <fcntl.h>         // O_CLOEXEC
#include <poll.h>          // poll
#include <spawn.h>         // posix_spawnp
#include <sys/socket.h>    // socket
#include <sys/un.h>        // sockaddr_un
#include <sys/wait.h>      // waitpid
#include <unistd.h>        // pipe2

#include <muster/os/fd.hpp>    // fd

#include "temporary_folder.hpp"

inline bool in_path(std::string_view program) {
    char const* const path = std::getenv("PATH");
    for (std::string_view rest = path ? path : ""; !rest.empty();) {
        auto const end = rest.find(':');
        auto const file = std::string{rest.substr(0, end)} + '/' + std::string{program};
        if (::access(file.c_str(), X_OK) == 0) return true;
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    }
    return false;
}

/// A Redis server at a socket in a folder of its own. It dies with the thread that started it, however that one ends.
class redis_server {
public:
    static bool available() { return in_path("redis-server") && in_path("setpriv"); }
    static constexpr char const* missing = "no redis-server (Debian: apt-get install redis-server)";

    explicit redis_server(std::vector<std::string> more = {}) : more_(std::move(more)) { start(); }
    redis_server(redis_server const&) = delete;
    redis_server& operator=(redis_server const&) = delete;
    ~redis_server() { kill(); }

    std::string socket() const { return folder_ / "redis.sock"; }

    /// Returns when it answers.
    void start() {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) throw std::system_error{errno, std::system_category(), "pipe2"};
        said_ = muster::fd{ends[0]};
        muster::fd to{ends[1]};
        std::vector<std::string> words{"setpriv", "--pdeathsig", "KILL", "redis-server", "--port",  "0",  "--unixsocket",
                                       socket(),  "--dir",       folder_.path(), "--save", "", "--appendonly", "no"};
        words.insert(words.end(), more_.begin(), more_.end());
        std::vector<char*> pointers;
        for (auto& word : words) pointers.push_back(word.data());
        pointers.push_back(nullptr);
        posix_spawn_file_actions_t what;
        ::posix_spawn_file_actions_init(&what);
        ::posix_spawn_file_actions_adddup2(&what, to.get(), 1);
        auto const error = ::posix_spawnp(&process_, "setpriv", &what, nullptr, pointers.data(), environ);
        ::posix_spawn_file_actions_destroy(&what);
        if (error != 0) throw std::system_error{error, std::system_category(), "setpriv"};
        to.reset();
        std::string text;
        while (text.find("eady to accept connections") == std::string::npos) {    // "Ready", or "is now ready", at a socket
            char block[1024];
            auto const n = ::read(said_.get(), block, sizeof block);
            if (n <= 0) {
                kill();
                throw std::runtime_error{"redis-server ended: " + text};
            }
            text.append(block, static_cast<std::size_t>(n));
        }
    }
    void signal(int which) const { ::kill(process_, which); }
    void kill() {
        if (process_ <= 0) return;
        signal(SIGKILL);
        while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {}
        process_ = -1;
    }

private:
    temporary_folder folder_;
    std::vector<std::string> more_;
    muster::fd said_;
    ::pid_t process_ = -1;
};

/// Serves one connection after the other at a socket, each by `serve(number of the connection, its descriptor)`.
class fake_server {
public:
    using served_by = std::function<void(int, int)>;

    explicit fake_server(served_by serve) : serve_(std::move(serve)) {
        sockaddr_un at{};
        at.sun_family = AF_UNIX;
        socket().copy(at.sun_path, sizeof at.sun_path - 1);
        listening_ = muster::fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        if (::bind(listening_.get(), reinterpret_cast<sockaddr const*>(&at), sizeof at) != 0 || ::listen(listening_.get(), 64) != 0)
            throw std::system_error{errno, std::system_category(), "fake_server"};
        thread_ = std::jthread{[this] {
            for (int i = 0;; ++i) {
                muster::fd const one{::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
                if (!one) return;
                serve_(i, one.get());
            }
        }};
    }
    /// Answers every request so, and hears the connection to its end.
    explicit fake_server(std::string answer) : fake_server([this, answer](int, int at) {
        while (hear(at)) say(at, answer);
    }) {}
    ~fake_server() { ::shutdown(listening_.get(), SHUT_RDWR); }    // after the node of the test: its connections are closed

    std::string socket() const { return folder_ / "fake.sock"; }
    std::string heard() const {
        std::lock_guard lock(mutex_);
        return heard_;
    }

    bool hear(int at) {
        char block[65'536];
        auto const n = ::recv(at, block, sizeof block, 0);
        if (n <= 0) return false;
        std::lock_guard lock(mutex_);
        heard_.append(block, static_cast<std::size_t>(n));
        return true;
    }
    static bool say(int at, std::string_view what) {
        return ::send(at, what.data(), what.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(what.size());
    }
    /// False when the other side has gone, or says something.
    static bool quiet(int at, int milliseconds) {
        pollfd one{.fd = at, .events = POLLIN, .revents = 0};
        return ::poll(&one, 1, milliseconds) == 0;
    }

private:
    temporary_folder folder_;
    served_by serve_;
    mutable std::mutex mutex_;
    std::string heard_;
    muster::fd listening_;
    std::jthread thread_;    // last: it uses the others
};
