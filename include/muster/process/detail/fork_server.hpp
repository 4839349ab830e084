#pragma once

#include <algorithm>       // find
#include <array>           // sockets
#include <atomic>          // gone
#include <cerrno>          // errno
#include <csignal>         // kill
#include <cstdio>          // fflush
#include <cstdlib>         // getenv
#include <fstream>         // how many threads run
#include <memory>          // unique_ptr
#include <mutex>           // one request at a time
#include <span>            // files
#include <string>          // texts
#include <system_error>    // error_code
#include <utility>         // move
#include <vector>          // workers

#include <fcntl.h>           // open
#include <poll.h>            // ppoll
#include <spawn.h>           // posix_spawn
#include <sys/mman.h>        // mmap
#include <sys/prctl.h>       // PR_SET_NAME
#include <sys/socket.h>      // socketpair
#include <sys/syscall.h>     // close_range
#include <sys/wait.h>        // waitpid
#include <unistd.h>          // getppid

#include <muster/core/failure.hpp>                 // failure
#include <muster/core/outcome.hpp>                 // outcome
#include <muster/core/wire.hpp>                    // encoded, decoded
#include <muster/os/fd.hpp>                        // fd
#include <muster/os/system_failure.hpp>            // system_failure
#include <muster/process/detail/channel.hpp>       // channel_page
#include <muster/process/detail/clone.hpp>         // clone_process
#include <muster/process/detail/packets.hpp>       // packet
#include <muster/process/detail/worker_main.hpp>   // become_worker

extern char** environ;

namespace muster::detail {

/// A request to the fork server.
struct server_request {
    std::int32_t forget = 0;    // a worker that is reaped: its number may be somebody else's from now on; 0: none
    bool start = false;
    worker_order order{};
    std::vector<std::int32_t> others{};    // workers of a server that has died: this one sees to what they leave behind
};
struct server_reply {
    std::int32_t pid = 0;
    std::int32_t error = 0;
};

/// A small process with one thread that makes workers of itself: as quick from a program of 2 GiB as from an empty one, and no thread
/// of the program is in the way. The workers are the program's own children. When the program is gone the server ends, and
/// takes along what the workers left behind.
///
/// Threads    any number may ask.
class fork_server {
public:
    /// A copy of this process as it is now, which has one thread.
    [[nodiscard]] static outcome<std::unique_ptr<fork_server>> of_this_process();
    /// This program, started anew: its process_main makes it a server. Whoever calls lives as long as the workers.
    [[nodiscard]] static outcome<std::unique_ptr<fork_server>> of_this_program();

    fork_server(fork_server const&) = delete;
    fork_server& operator=(fork_server const&) = delete;
    ~fork_server() {
        if (owner_ != ::getpid()) {    // a copy of us in a child: neither ours to end nor to reap
            (void)socket_.release();
            return;
        }
        socket_.reset();
        ::kill(pid_, SIGKILL);    // it may be stopped
        int status = 0;
        while (::waitpid(pid_, &status, __WALL) < 0 && errno == EINTR) {}
    }

    /// Makes a worker; its number.
    [[nodiscard]] outcome<pid_t> start(worker_order const& order, std::span<int const> files, pid_t reaped = 0);
    /// A worker was reaped.
    void forget(pid_t worker) noexcept { tell({.forget = worker}); }
    /// Workers that another server has made, which is gone.
    void take_over(std::vector<std::int32_t> workers) noexcept { tell({.others = std::move(workers)}); }
    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    /// True once it did not answer: another one is needed.
    [[nodiscard]] bool gone() const noexcept { return gone_; }
    [[nodiscard]] bool ours() const noexcept { return owner_ == ::getpid(); }

    static constexpr char const* variable = "MUSTER_FORK_SERVER";
    /// For process_main: whether this process was started as a server; never returns then.
    static void serve_if_asked();

private:
    fork_server(pid_t pid, fd socket) : pid_(pid), socket_(std::move(socket)), owner_(::getpid()) {}
    [[noreturn]] static void serve(fd socket, pid_t program) noexcept;
    void tell(server_request const& what) noexcept;

    std::mutex mutex_;
    pid_t pid_;
    fd socket_;
    pid_t owner_;
    std::atomic<bool> gone_{false};
};

/// The server that process_main has started; null without one.
inline std::unique_ptr<fork_server>& early_server() noexcept {
    static std::unique_ptr<fork_server> it;
    return it;
}
/// True once process_main stands in main: the program can be started anew as a server.
inline bool& has_process_main() noexcept {
    static bool it = false;
    return it;
}

/// How many threads this process has; 1 where that cannot be seen.
inline std::size_t threads_of_process() {
    std::ifstream file{"/proc/self/status"};
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("Threads:")) return static_cast<std::size_t>(std::strtoul(line.c_str() + 8, nullptr, 10));
    return 1;
}

// Implementation

inline outcome<std::array<fd, 2>> socket_ends() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return system_failure(errno, "cannot make a socket for the fork server");
    std::array<fd, 2> both{fd{ends[0]}, fd{ends[1]}};
    for (auto& each : both) each.above_standard();
    return both;
}

inline outcome<std::unique_ptr<fork_server>> fork_server::of_this_process() {
    auto ends = socket_ends();
    if (!ends) return std::move(ends).error();
    std::fflush(nullptr);    // what is buffered is written once: not by every worker again
    auto const program = ::getpid();
    auto const pid = clone_process(born_to::caller);
    if (pid < 0) return system_failure(errno, "cannot start the fork server");
    if (pid == 0) serve(std::move((*ends)[1]), program);
    return std::unique_ptr<fork_server>{new fork_server{pid, std::move((*ends)[0])}};
}

inline outcome<std::unique_ptr<fork_server>> fork_server::of_this_program() {
    auto ends = socket_ends();
    if (!ends) return std::move(ends).error();
    std::vector<std::string> variables;
    for (char** each = environ; *each; ++each) variables.emplace_back(*each);
    variables.push_back(std::string{variable} + "=" + std::to_string((*ends)[1].get()));
    std::vector<char*> environment;
    environment.reserve(variables.size() + 1);
    for (auto& each : variables) environment.push_back(each.data());
    environment.push_back(nullptr);
    char name[] = "muster-server";
    char* arguments[]{name, nullptr};

    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    if (::posix_spawn_file_actions_init(&actions) != 0) return failure{cause::out_of_memory, "no memory to start the fork server"};
    if (::posix_spawnattr_init(&attributes) != 0) {
        ::posix_spawn_file_actions_destroy(&actions);
        return failure{cause::out_of_memory, "no memory to start the fork server"};
    }
    sigset_t all, none;
    ::sigfillset(&all);
    ::sigemptyset(&none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setpgroup(&attributes, 0);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    auto const end = (*ends)[1].get();
    ::posix_spawn_file_actions_adddup2(&actions, end, end);    // onto itself: only close-on-exec goes
    pid_t pid = -1;
    int const error = ::posix_spawn(&pid, "/proc/self/exe", &actions, &attributes, arguments, environment.data());
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
    if (error != 0) return system_failure(error, "cannot start this program anew as a fork server");
    return std::unique_ptr<fork_server>{new fork_server{pid, std::move((*ends)[0])}};
}

inline outcome<pid_t> fork_server::start(worker_order const& order, std::span<int const> files, pid_t reaped) {
    auto const request = encoded(server_request{.forget = reaped, .start = true, .order = order});
    std::lock_guard lock(mutex_);
    auto const gone = [this](int error) -> failure {
        gone_ = true;
        return {cause::unavailable, "the fork server, process " + std::to_string(pid_) + ", is gone" +
                                        (error != 0 ? ": " + std::error_code{error, std::system_category()}.message() : "")};
    };
    packet reply;    // before anything is asked: an answer that is not taken would be the next one's
    if (gone_) return failure{cause::unavailable, "the fork server is gone"};
    if (int const error = send_packet(socket_.get(), request, files); error != 0) return gone(error);
    pollfd answer{socket_.get(), POLLIN, 0};
    constexpr int patience = 2'000;    // milliseconds: it takes 0.2 of one; who is stopped, or hangs, is no server
    int there = -1;
    do there = ::poll(&answer, 1, patience);
    while (there < 0 && errno == EINTR);
    if (there == 0) {
        ::kill(pid_, SIGKILL);
        return gone(ETIMEDOUT);
    }
    if (int const error = receive_packet(socket_.get(), reply); error != 0 || reply.bytes.empty()) return gone(error);
    auto const said = decoded<server_reply>(reply.bytes);
    if (!said) return gone(EPROTO);
    if (said->error != 0) return system_failure(said->error, "cannot start a worker");
    return said->pid;
}

inline void fork_server::tell(server_request const& what) noexcept {
    auto const told = guarded<outcome<void>>([&]() -> outcome<void> {
        auto const request = encoded(what);
        std::lock_guard lock(mutex_);
        (void)send_packet(socket_.get(), request);
        return {};
    });
    (void)told;    // no memory for it: the server knows a number too many or too few
}

inline void fork_server::serve_if_asked() {
    char const* const said = std::getenv(variable);
    if (!said) return;
    auto const number = static_cast<int>(std::strtol(said, nullptr, 10));
    ::unsetenv(variable);
    int kind = 0;
    socklen_t size = sizeof kind;
    if (number < 3 || ::getsockopt(number, SOL_SOCKET, SO_TYPE, &kind, &size) != 0 || kind != SOCK_SEQPACKET) return;
    serve(fd{number}, ::getppid());
}

inline void fork_server::serve(fd socket, pid_t program) noexcept {
    ::setpgid(0, 0);    // an interrupt at the terminal is for the program
    ::prctl(PR_SET_NAME, "muster-server");
    for (int number = 1; number < NSIG; ++number)    // for the workers as well
        if (number != SIGKILL && number != SIGSTOP) ::signal(number, SIG_DFL);
    // The death of the program wakes us also where a child of it still holds the other end of the socket.
    sigset_t term, before;
    ::sigemptyset(&term);
    ::sigaddset(&term, SIGTERM);
    ::sigprocmask(SIG_BLOCK, &term, &before);
    ::sigdelset(&before, SIGTERM);
    struct sigaction wake {};
    wake.sa_handler = [](int) {};
    ::sigemptyset(&wake.sa_mask);
    ::sigaction(SIGTERM, &wake, nullptr);
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (int const nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC); nothing >= 0)
        for (int const standard : {0, 1, 2}) ::dup2(nothing, standard);
    auto const end = static_cast<unsigned>(socket.get());
    if (end > 3) ::syscall(SYS_close_range, 3u, end - 1, 0u);
    ::syscall(SYS_close_range, end + 1, ~0u, 0u);

    std::vector<pid_t> workers;    // whose groups are alive
    auto const leave = [&] {
        for (auto const each : workers) ::kill(-each, SIGKILL);
        ::_exit(0);
    };
    try {
        packet got;
        for (;;) {
            if (::getppid() != program) leave();
            pollfd ready{socket.get(), POLLIN, 0};
            if (::ppoll(&ready, 1, nullptr, &before) <= 0) continue;
            if (receive_packet(socket.get(), got) != 0 || got.bytes.empty()) leave();
            auto request = decoded<server_request>(got.bytes);
            if (!request) leave();
            if (request->forget != 0) std::erase(workers, request->forget);
            workers.insert(workers.end(), request->others.begin(), request->others.end());
            if (!request->start) continue;
            server_reply reply;
            // Its page is touched beforehand: whoever is killed in the middle of a page fault does not get it.
            auto* const page = static_cast<channel_page*>(
                got.files.empty() ? MAP_FAILED : ::mmap(nullptr, page_room, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, got.files[0].get(), 0));
            auto const pid = clone_process(born_to::parent_of_caller, page == MAP_FAILED ? nullptr : &page->pid);
            if (page != MAP_FAILED) ::munmap(page, page_room);
            if (pid == 0) {
                socket.reset();
                ::signal(SIGTERM, SIG_DFL);
                become_worker(request->order, std::move(got.files));
            }
            got.files.clear();
            if (pid < 0) reply.error = errno;
            else workers.push_back(reply.pid = pid);
            if (send_packet(socket.get(), encoded(reply)) != 0) leave();
        }
    } catch (...) {    // no memory for a request
        leave();
    }
    ::_exit(0);
}

}  // namespace muster::detail
