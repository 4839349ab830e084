#pragma once

#include <algorithm>           // min
#include <cerrno>              // errno
#include <chrono>              // what is left
#include <cstddef>             // size_t
#include <cstdint>             // uint64_t
#include <cstring>             // memcpy
#include <initializer_list>    // words
#include <limits>              // the longest poll
#include <memory>              // unique_ptr
#include <new>                 // bad_alloc
#include <span>                // answers
#include <stdexcept>           // invalid_argument
#include <string>              // bytes
#include <string_view>         // bytes
#include <system_error>        // texts of errno
#include <utility>             // move
#include <vector>              // addresses

#include <netdb.h>          // getaddrinfo
#include <netinet/in.h>     // IPPROTO_TCP
#include <netinet/tcp.h>    // TCP_NODELAY
#include <poll.h>           // poll
#include <sys/socket.h>     // socket
#include <sys/un.h>         // sockaddr_un
#include <unistd.h>         // getpid

#include <hiredis/read.h>    // redisReader

#include <muster/core/failure.hpp>         // cause, failure
#include <muster/core/outcome.hpp>         // outcome
#include <muster/core/waiter.hpp>          // instant
#include <muster/os/fd.hpp>                // fd
#include <muster/os/system_failure.hpp>    // system_failure

// One connection to a Redis server. hiredis reads the answers; the socket is ours: its own writes raise SIGPIPE where a server has gone,
// and its timeouts begin anew with each byte, so that a server which sends a byte now and then would hold a call for ever.

namespace muster::detail {

/// Where a server listens; a name is looked up here, once, so that no call waits for the look-up.
class redis_address {
public:
    redis_address(std::string const& host, std::uint16_t port, std::string const& socket);

    [[nodiscard]] std::string const& text() const noexcept { return text_; }
    /// Tries one address after the other, each for its part of the time that is left.
    [[nodiscard]] outcome<fd> connect(instant until) const;

private:
    struct place {
        sockaddr_storage bytes{};
        socklen_t size = 0;
    };
    [[nodiscard]] outcome<fd> connect(place const& to, instant until) const;

    std::string text_;
    std::vector<place> places_;
};

/// What a server answered to one command.
struct redis_answer {
    enum class kind : std::uint8_t { none, nothing, bytes, number, word, refusal };
    kind is = kind::none;
    std::string text{};       // of bytes, word and refusal
    long long number = 0;
};

class redis_connection {
public:
    redis_connection(fd socket, std::string const& whom, std::uint64_t era);

    /// Sends commands, and reads an answer to each. After a failure the connection is good for nothing more: what comes late would be
    /// taken for the next answer.
    outcome<void> ask(std::string_view commands, std::span<redis_answer> answers, std::size_t most_bytes, instant until);

    /// True where the other side ended it: the commands may be sent again over a fresh one.
    [[nodiscard]] bool ended() const noexcept { return ended_; }
    /// Whether this process opened it: a child that shares it with its parent would read the other's answers.
    [[nodiscard]] bool ours() const noexcept { return ::getpid() == process_; }
    /// Whether it has answered, or was opened, since the last failure of any connection.
    [[nodiscard]] bool answered_in(std::uint64_t era) const noexcept { return era == era_; }
    void answers_in(std::uint64_t era) noexcept { era_ = era; }
    /// False where bytes wait that nobody asked for, which would be taken for the next answer, or the other side has closed.
    [[nodiscard]] bool quiet() const noexcept {
        char byte;
        return ::recv(socket_.get(), &byte, 1, MSG_PEEK) < 0 && errno == EAGAIN;
    }

private:
    struct free_reader {
        void operator()(redisReader* it) const noexcept { ::redisReaderFree(it); }
    };
    [[nodiscard]] failure broken(std::string_view why) const;
    outcome<void> read_answers(std::span<redis_answer> answers, std::size_t& known) const;

    fd socket_;
    std::string const& whom_;
    std::uint64_t era_;
    ::pid_t const process_;
    bool ended_ = false;
    std::unique_ptr<redisReader, free_reader> reader_;
};

/// Waits until one of `events`; false when it is `until` first.
[[nodiscard]] inline bool poll_until(int number, short events, instant until) {
    for (;;) {
        auto const left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
        if (left <= 0) return false;
        pollfd one{.fd = number, .events = events, .revents = 0};
        auto const most = static_cast<int>(std::min<long long>(left, std::numeric_limits<int>::max()));
        if (::poll(&one, 1, most) > 0) return true;    // after an interruption it waits for what is left
    }
}

/// A command as RESP writes it.
/// Source     Redis serialization protocol specification, "Sending commands to a Redis server".
inline void put_command(std::string& to, std::initializer_list<std::string_view> words) {
    to.append("*").append(std::to_string(words.size())).append("\r\n");
    for (auto const word : words) to.append("$").append(std::to_string(word.size())).append("\r\n").append(word).append("\r\n");
}

// Implementation

// What hiredis calls for each piece of an answer. It writes into the answer that stands in `privdata`; null ends the reading.
struct redis_pieces {
    static redis_answer& into(redisReadTask const* task) noexcept { return *static_cast<redis_answer*>(task->privdata); }

    static void* text(redisReadTask const* task, char* at, std::size_t size) noexcept {
        auto& answer = into(task);
        answer.is = task->type == REDIS_REPLY_ERROR    ? redis_answer::kind::refusal
                    : task->type == REDIS_REPLY_STATUS ? redis_answer::kind::word
                                                       : redis_answer::kind::bytes;
        try {
            answer.text.assign(at, size);
        } catch (std::bad_alloc const&) {    // nothing may be thrown through C: null is hiredis' word for it
            return nullptr;
        }
        return &answer;
    }
    static void* number(redisReadTask const* task, long long value) noexcept {
        auto& answer = into(task);
        answer.is = redis_answer::kind::number;
        answer.number = value;
        return &answer;
    }
    static void* nothing(redisReadTask const* task) noexcept {
        into(task).is = redis_answer::kind::nothing;
        return &into(task);
    }
    // No command sent here is answered by a list. Its length would be believed before its elements are seen.
    template <class Count>    // int before hiredis 1.0, size_t since
    static void* list(redisReadTask const*, Count) noexcept {
        return nullptr;
    }
    static void keep(void*) noexcept {}

    static redisReplyObjectFunctions* functions() {
        static redisReplyObjectFunctions all = [] {
            redisReplyObjectFunctions made{};
            made.createString = text;
            made.createArray = list;
            made.createInteger = number;
            made.createNil = nothing;
            made.freeObject = keep;
            return made;
        }();
        return &all;
    }
};

inline redis_address::redis_address(std::string const& host, std::uint16_t port, std::string const& socket) {
    if (host.empty() == socket.empty() || (socket.empty() && port == 0))
        throw std::invalid_argument("muster: redis_node needs a host and a port of 1 to 65535, or the path of a socket");
    if (!socket.empty()) {
        sockaddr_un path{};
        path.sun_family = AF_UNIX;
        if (socket.size() >= sizeof path.sun_path)
            throw std::invalid_argument("muster: the path of a socket has " + std::to_string(sizeof path.sun_path - 1) +
                                        " characters at most: " + socket);
        std::memcpy(path.sun_path, socket.data(), socket.size());
        text_ = socket;
        std::memcpy(&places_.emplace_back().bytes, &path, sizeof path);
        places_.back().size = sizeof path;
        return;
    }
    if (host.find('@') != std::string::npos)    // not repeated: what is before it may be secret
        throw std::invalid_argument("muster: the host of a redis_node is a name or an address, without an @; a password is "
                                    "redis_options::password");
    text_ = (host.find(':') == std::string::npos ? host : '[' + host + ']') + ':' + std::to_string(port);
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (auto const error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &found); error != 0)
        throw std::invalid_argument("muster: no address for the cache node " + text_ + ": " + ::gai_strerror(error));
    std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> const all{found, ::freeaddrinfo};
    for (auto const* each = found; each; each = each->ai_next) {
        std::memcpy(&places_.emplace_back().bytes, each->ai_addr, each->ai_addrlen);
        places_.back().size = each->ai_addrlen;
    }
}

inline outcome<fd> redis_address::connect(place const& to, instant until) const {
    auto const tried = [&] { return "cannot connect to " + text_; };
    fd made{::socket(to.bytes.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (!made) return system_failure(errno, tried());
    int error = 0;
    auto const late = [&] { return failure{cause::timed_out, tried() + " in time"}; };
    while (::connect(made.get(), reinterpret_cast<sockaddr const*>(&to.bytes), to.size) != 0) {
        error = errno;
        if (error == EAGAIN) {    // the line of a socket with a path is full, and nothing says when it is not
            if (std::chrono::steady_clock::now() >= until) return late();
            ::poll(nullptr, 0, 1);
            error = 0;
            continue;
        }
        if (error == EINPROGRESS || error == EINTR) {
            if (!poll_until(made.get(), POLLOUT, until)) return late();
            socklen_t size = sizeof error;
            if (::getsockopt(made.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
        }
        break;
    }
    if (error != 0) return failure{cause::unavailable, tried() + ": " + std::system_category().message(error)};
    int const yes = 1;
    if (to.bytes.ss_family != AF_UNIX) ::setsockopt(made.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);    // slower without, no more
    return made;
}

inline outcome<fd> redis_address::connect(instant until) const {
    outcome<fd> last = failure{cause::unavailable, "no address"};
    auto left = static_cast<int>(places_.size());
    for (auto const& each : places_) {
        auto const now = std::chrono::steady_clock::now();
        last = connect(each, now + (until - now) / left--);
        if (last) break;
    }
    return last;
}

inline redis_connection::redis_connection(fd socket, std::string const& whom, std::uint64_t era)
    : socket_(std::move(socket)), whom_(whom), era_(era), process_(::getpid()),
      reader_(::redisReaderCreateWithFunctions(redis_pieces::functions())) {
    if (!reader_) throw std::bad_alloc{};
}

inline failure redis_connection::broken(std::string_view why) const {
    return {cause::unavailable, whom_ + " does not answer as a Redis server does: " + std::string{why}};
}

inline outcome<void> redis_connection::read_answers(std::span<redis_answer> answers, std::size_t& known) const {
    for (; known < answers.size(); ++known) {
        if (reader_->ridx == -1) reader_->privdata = &answers[known];    // taken over when an answer begins
        void* whole = nullptr;
        if (::redisReaderGetReply(reader_.get(), &whole) != REDIS_OK)
            return broken(reader_->err == REDIS_ERR_OOM ? "with a list, or there is no memory" : reader_->errstr);
        if (!whole) return {};
    }
    if (reader_->pos != reader_->len) return broken("with more than it was asked for");
    return {};
}

inline outcome<void> redis_connection::ask(std::string_view commands, std::span<redis_answer> answers, std::size_t most_bytes,
                                           instant until) {
    auto const lost = [&](int error) -> failure {
        ended_ = true;
        return {cause::unavailable,
                "lost the connection to " + whom_ + (error == 0 ? "" : ": " + std::system_category().message(error))};
    };
    std::size_t known = 0, received = 0;
    int unsent = 0;    // why the commands could not be sent
    char block[16'384];
    while (known < answers.size()) {
        if (!commands.empty()) {    // a server that is answering may take nothing more until it is read
            auto const sent = ::send(socket_.get(), commands.data(), commands.size(), MSG_NOSIGNAL);
            if (sent > 0) commands.remove_prefix(static_cast<std::size_t>(sent));
            else if (errno != EAGAIN && errno != EINTR) {    // it may have said why before it closed
                unsent = errno;
                commands = {};
            }
        }
        if (!poll_until(socket_.get(), static_cast<short>(commands.empty() ? POLLIN : POLLIN | POLLOUT), until))
            return failure{cause::timed_out, whom_ + " did not answer in time"};
        auto const got = ::recv(socket_.get(), block, sizeof block, 0);
        if (got == 0) return lost(unsent);
        if (got < 0) {
            if (errno == EAGAIN || errno == EINTR) continue;
            return lost(errno);
        }
        received += static_cast<std::size_t>(got);
        if (received > most_bytes) return broken("with more bytes than any answer has");
        if (::redisReaderFeed(reader_.get(), block, static_cast<std::size_t>(got)) != REDIS_OK) return broken(reader_->errstr);
        if (auto read = read_answers(answers, known); !read) return read;
    }
    if (unsent != 0 && answers.front().is != redis_answer::kind::refusal) return lost(unsent);
    if (!commands.empty()) return broken("before it was asked");
    return {};
}

}  // namespace muster::detail
