#pragma once

#include <algorithm>       // min
#include <atomic>          // who polls
#include <cerrno>          // EEXIST
#include <chrono>          // nanoseconds
#include <cstddef>         // size_t
#include <cstdint>         // uint64_t
#include <memory>          // unique_ptr
#include <mutex>           // mutex
#include <new>             // bad_alloc
#include <stdexcept>       // logic_error
#include <string>          // texts
#include <system_error>    // system_error
#include <thread>          // jthread
#include <utility>         // move, exchange
#include <vector>          // idle transfers

#include <sys/epoll.h>       // epoll
#include <sys/eventfd.h>     // eventfd
#include <sys/resource.h>    // getrlimit
#include <unistd.h>          // read, write, getpid

#include <curl/curl.h>    // CURLM

#include <muster/adapt/detail/http_transfer.hpp>    // http_transfer
#include <muster/adapt/http_fault.hpp>              // http_fault
#include <muster/adapt/http_options.hpp>            // http_options
#include <muster/core/failure.hpp>                  // cause, failure
#include <muster/core/intrusive_list.hpp>           // intrusive_list
#include <muster/core/invoke_task.hpp>              // guarded
#include <muster/core/outcome.hpp>                  // outcome
#include <muster/core/waiter.hpp>                   // instant, never, later
#include <muster/os/fd.hpp>                         // fd
#include <muster/os/quiet_thread.hpp>               // quiet_thread

// Above 400 lines: who adds a transfer, who drives it and who leaves it is one protocol between threads.

namespace muster::detail {

/// Drives the transfers of a client: libcurl's multi handle over epoll, so that a turn costs what is ready and not what is in flight.
///
/// A transfer belongs to its caller, from `start` on to the loop, and to the caller again once its `done` is woken; a caller that
/// leaves before gives it away. Whoever has it last puts it back among the idle ones.
///
/// Threads    `poll` and what it calls on one thread at a time: that of this loop's own, or one that called `begin_polling`. All else
///            from any.
class http_loop {
public:
    explicit http_loop(http_options const& options);
    http_loop(http_loop const&) = delete;
    http_loop& operator=(http_loop const&) = delete;
    ~http_loop() { close(); }

    /// An idle transfer, or a new one.
    [[nodiscard]] std::unique_ptr<http_transfer> take();
    void put_back(std::unique_ptr<http_transfer> done) noexcept;
    /// Sends what it was asked. The caller waits at its `done` from now on; fails where it never starts, and it is the caller's still.
    ///
    /// What the polling thread itself starts is made ready in its next turn: its calls may be on small stacks, and thousands.
    [[nodiscard]] outcome<void> start(http_transfer& one);
    /// The caller does not wait any more: what is under way is ended, its connection closed.
    void leave(http_transfer& one) noexcept;

    void begin_polling();
    void end_polling();
    void poll(std::chrono::nanoseconds most);
    void wake() noexcept;
    /// Ends all that is under way; nothing starts any more.
    void close() noexcept;

    /// True in the process that made this.
    [[nodiscard]] bool ours() const noexcept { return ::getpid() == process_; }

    // Counts
    std::atomic<std::uint64_t> sent{0}, answered{0}, failed{0}, left{0}, connections{0};
    std::atomic<std::size_t> under_way{0};

private:
    static constexpr std::size_t most_idle = 1'024;    // kept for further calls: 8 KiB each

    [[nodiscard]] bool polled_here() const noexcept { return poller_.load(std::memory_order_relaxed) == std::this_thread::get_id(); }
    void run();
    void start_thread();    // under the mutex
    void stop_thread();
    void read_mail();
    void start_near() noexcept;
    void add(http_transfer& one) noexcept;
    void remove(http_transfer& one) noexcept;
    void finish(http_transfer& one, outcome<http_response> with) noexcept;
    void run_timer();
    void collect();
    bool wake_callers() noexcept;
    [[nodiscard]] std::unique_ptr<http_transfer> owned(http_transfer& one) const noexcept { return std::unique_ptr<http_transfer>{&one}; }

    int watch(CURL* easy, int socket, int what, bool known) noexcept;
    static int on_socket(CURL* easy, curl_socket_t socket, int what, void* self, void* known) noexcept {
        return static_cast<http_loop*>(self)->watch(easy, socket, what, known != nullptr);
    }
    static int on_timer(CURLM*, long ms, void* self) noexcept {
        static_cast<http_loop*>(self)->timer_ = ms < 0 ? never : later(std::chrono::steady_clock::now(), std::chrono::milliseconds{ms});
        return 0;
    }

    http_options const options_;
    pid_t const process_ = ::getpid();
    fd const epoll_{::epoll_create1(EPOLL_CLOEXEC)};
    fd const bell_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    std::atomic<bool> rung_{false};

    // The polling thread's
    CURLM* multi_ = nullptr;
    instant timer_ = never;
    intrusive_list<http_transfer> to_start_;    // that this thread itself started
    intrusive_list<http_transfer> running_;
    http_transfer* finished_ = nullptr;         // a chain of those whose callers are to be woken
    bool unwatched_ = false;                    // some socket cannot be watched
    std::vector<std::unique_ptr<http_transfer>> near_;    // idle ones

    std::atomic<std::thread::id> poller_{};    // a thread that has taken the loop over
    std::atomic<bool> stop_{false};            // for the thread of our own

    std::mutex mutex_;
    http_transfer* started_ = nullptr;    // chains
    http_transfer* left_ = nullptr;
    std::vector<std::unique_ptr<http_transfer>> idle_;
    bool polled_ = false;    // or about to be
    bool closed_ = false;    // nothing starts any more
    bool ended_ = false;     // nobody looks at the mail any more
    std::jthread own_;
};

// Implementation

inline http_loop::http_loop(http_options const& options) : options_(options) {
    static CURLcode const ready = ::curl_global_init(CURL_GLOBAL_DEFAULT);
    if (ready != CURLE_OK) throw std::runtime_error(std::string{"muster: libcurl cannot start: "} + ::curl_easy_strerror(ready));
    if (!epoll_ || !bell_) throw std::system_error{errno, std::system_category(), "muster: http_client has no descriptors"};
    epoll_event bell{};
    bell.events = EPOLLIN;
    bell.data.fd = bell_.get();
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, bell_.get(), &bell) != 0)
        throw std::system_error{errno, std::system_category(), "muster: http_client cannot watch a descriptor"};

    auto most = options.connections;
    if (most == 0) {
        rlimit limit{};
        most = 768;
        if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) most = static_cast<std::size_t>(std::min<rlim_t>(limit.rlim_cur / 4 * 3, 100'000));
        most = std::max<std::size_t>(most, 1);
    }
    multi_ = ::curl_multi_init();
    if (!multi_) throw std::bad_alloc{};
    bool good = true;
    auto const set = [&](CURLMoption option, auto value) { good = good && ::curl_multi_setopt(multi_, option, value) == CURLM_OK; };
    set(CURLMOPT_SOCKETFUNCTION, &on_socket);
    set(CURLMOPT_SOCKETDATA, this);
    set(CURLMOPT_TIMERFUNCTION, &on_timer);
    set(CURLMOPT_TIMERDATA, this);
    set(CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_MULTIPLEX));
    set(CURLMOPT_MAX_TOTAL_CONNECTIONS, static_cast<long>(most));
    set(CURLMOPT_MAXCONNECTS, static_cast<long>(most));    // else four for each call that is under way just now
    set(CURLMOPT_MAX_HOST_CONNECTIONS, static_cast<long>(options.connections_per_host));
    if (!good) {
        ::curl_multi_cleanup(multi_);
        throw std::runtime_error("muster: libcurl does not take the options of http_client");
    }
}

inline std::unique_ptr<http_transfer> http_loop::take() {
    std::unique_ptr<http_transfer> out;
    auto const from = [&](std::vector<std::unique_ptr<http_transfer>>& idle) {
        if (idle.empty()) return;
        out = std::move(idle.back());
        idle.pop_back();
    };
    if (polled_here()) {
        from(near_);
    } else {
        std::lock_guard lock(mutex_);
        from(idle_);
    }
    return out ? std::move(out) : std::make_unique<http_transfer>(options_);
}

inline void http_loop::put_back(std::unique_ptr<http_transfer> done) noexcept {
    done->clear();
    auto const to = [&](std::vector<std::unique_ptr<http_transfer>>& idle) {
        if (idle.capacity() == 0) {
            try {
                idle.reserve(most_idle);
            } catch (std::bad_alloc const&) {
                return;    // it is not kept
            }
        }
        if (idle.size() < most_idle) idle.push_back(std::move(done));
    };
    if (polled_here()) return to(near_);
    std::lock_guard lock(mutex_);
    if (!ended_) to(idle_);
}

inline outcome<void> http_loop::start(http_transfer& one) {
    if (polled_here()) {
        one.to_start = true;
        to_start_.push_back(one);
        return {};
    }
    if (auto ready = one.prepare(); !ready) return ready;
    bool first = false;
    {
        std::lock_guard lock(mutex_);
        if (closed_) return one.fail(http_fault::closed, "the client is destroyed");
        if (!polled_ && !own_.joinable()) {
            try {
                start_thread();
            } catch (std::system_error const& none) {
                return failure{cause::exhausted, std::string{"muster: http_client has no thread: "} + none.what()};
            }
        }
        first = !started_;
        one.next_started = std::exchange(started_, &one);
    }
    if (first) wake();
    return {};
}

inline void http_loop::leave(http_transfer& one) noexcept {
    left.fetch_add(1, std::memory_order_relaxed);
    if (polled_here()) {
        remove(one);
        wake_callers();    // it may be one that could not start: none that is put back is in a chain
        put_back(owned(one));
        return;
    }
    {
        std::lock_guard lock(mutex_);
        if (!ended_) {
            one.next_left = std::exchange(left_, &one);
        } else {
            (void)owned(one);    // closed meanwhile
            return;
        }
    }
    wake();
}

inline void http_loop::start_thread() {
    stop_ = false;
    own_ = quiet_thread([this] { run(); });
}

inline void http_loop::stop_thread() {
    if (!own_.joinable()) return;
    stop_ = true;
    wake();
    own_.join();
}

inline void http_loop::run() {
    while (!stop_) poll(std::chrono::nanoseconds::max());
}

inline void http_loop::begin_polling() {
    {
        std::lock_guard lock(mutex_);
        if (std::exchange(polled_, true)) throw std::logic_error("muster: another thread polls this http_client");
    }
    stop_thread();    // nobody starts it while `polled_`
    own_ = {};
    poller_ = std::this_thread::get_id();
}

inline void http_loop::end_polling() {
    if (!polled_here()) throw std::logic_error("muster: end_polling is called by the thread that called begin_polling");
    start_near();
    poller_ = std::thread::id{};
    std::unique_lock lock(mutex_);
    polled_ = false;
    for (auto& each : near_)
        if (idle_.size() < most_idle) idle_.push_back(std::move(each));
    near_.clear();
    if (closed_ || (running_.empty() && !started_ && !left_ && !finished_)) return;
    try {
        start_thread();
    } catch (std::system_error const&) {
        lock.unlock();    // nobody would answer those who wait
        read_mail();
        while (auto* const one = running_.first()) {
            remove(*one);
            finish(*one, failure{cause::exhausted, "muster: http_client has no thread"});
        }
        wake_callers();
    }
}

inline void http_loop::wake() noexcept {
    if (rung_.exchange(true)) return;
    std::uint64_t const one = 1;
    while (::write(bell_.get(), &one, sizeof one) < 0 && errno == EINTR) {}
}

inline void http_loop::add(http_transfer& one) noexcept {
    sent.fetch_add(1, std::memory_order_relaxed);
    auto const code = ::curl_multi_add_handle(multi_, one.easy());
    if (code != CURLM_OK) {
        finish(one, failure{code == CURLM_OUT_OF_MEMORY ? cause::out_of_memory : cause::unavailable,
                            one.url().origin + ": libcurl does not start: " + ::curl_multi_strerror(code)});
        return;
    }
    one.under_way = true;
    running_.push_back(one);
    under_way.store(running_.size(), std::memory_order_relaxed);
}

inline void http_loop::start_near() noexcept {
    while (auto* const one = to_start_.pop_front()) {
        one->to_start = false;
        if (auto ready = guarded<outcome<void>>([&] { return one->prepare(); })) add(*one);
        else finish(*one, std::move(ready).error());
    }
}

inline void http_loop::remove(http_transfer& one) noexcept {
    if (std::exchange(one.to_start, false)) to_start_.erase(one);
    if (!std::exchange(one.under_way, false)) return;
    ::curl_multi_remove_handle(multi_, one.easy());
    running_.erase(one);
    under_way.store(running_.size(), std::memory_order_relaxed);
}

inline void http_loop::finish(http_transfer& one, outcome<http_response> with) noexcept {
    (with ? answered : failed).fetch_add(1, std::memory_order_relaxed);
    one.result = std::move(with);
    one.next_done = std::exchange(finished_, &one);
}

inline bool http_loop::wake_callers() noexcept {
    auto* each = std::exchange(finished_, nullptr);
    bool const any = each != nullptr;
    while (each) std::exchange(each, each->next_done)->done.wake();    // it is gone then
    return any;
}

inline void http_loop::read_mail() {
    start_near();
    http_transfer* begun;
    http_transfer* gone;
    {
        std::lock_guard lock(mutex_);
        begun = std::exchange(started_, nullptr);
        gone = std::exchange(left_, nullptr);
    }
    http_transfer* in_order = nullptr;    // the youngest came first
    while (begun) {
        auto* const one = std::exchange(begun, begun->next_started);
        one->next_started = std::exchange(in_order, one);
    }
    while (in_order) add(*std::exchange(in_order, in_order->next_started));
    if (gone) wake_callers();    // as in `leave`
    while (gone) {
        auto* const one = std::exchange(gone, gone->next_left);
        remove(*one);
        put_back(owned(*one));
    }
}

inline int http_loop::watch(CURL* easy, int socket, int what, bool known) noexcept {
    if (what == CURL_POLL_REMOVE) {
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, socket, nullptr);
        return 0;
    }
    epoll_event on{};
    on.data.fd = socket;
    if (what & CURL_POLL_IN) on.events |= EPOLLIN;
    if (what & CURL_POLL_OUT) on.events |= EPOLLOUT;
    auto done = ::epoll_ctl(epoll_.get(), known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, socket, &on);
    // A number may have gone from one socket to another.
    if (done != 0 && (errno == EEXIST || errno == ENOENT))
        done = ::epoll_ctl(epoll_.get(), errno == EEXIST ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, socket, &on);
    if (done == 0) {
        if (!known) ::curl_multi_assign(multi_, socket, this);
        return 0;
    }
    // To answer -1 would end all transfers of this handle, not this one alone.
    http_transfer* one = nullptr;
    ::curl_easy_getinfo(easy, CURLINFO_PRIVATE, &one);
    if (one) one->unwatched = unwatched_ = true;
    return 0;
}

inline void http_loop::run_timer() {
    if (timer_ == never || std::chrono::steady_clock::now() < timer_) return;
    timer_ = never;    // libcurl says the next one
    int running = 0;
    ::curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
}

inline void http_loop::collect() {
    int more = 0;
    while (auto const* const message = ::curl_multi_info_read(multi_, &more)) {
        if (message->msg != CURLMSG_DONE) continue;
        http_transfer* one = nullptr;
        ::curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &one);
        auto const code = message->data.result;
        remove(*one);    // the message is gone then
        auto result = guarded<outcome<http_response>>([&] { return one->ended(code); });
        connections.fetch_add(static_cast<std::uint64_t>(one->opened()), std::memory_order_relaxed);
        finish(*one, std::move(result));
    }
    if (!std::exchange(unwatched_, false)) return;
    for (auto* each = running_.first(); each;) {
        auto& one = *std::exchange(each, each->after);
        if (!one.unwatched) continue;
        remove(one);
        finish(one, failure{cause::exhausted, one.url().origin + ": the connection cannot be watched: no memory, or too many of them"});
    }
}

inline void http_loop::poll(std::chrono::nanoseconds most) {
    read_mail();
    run_timer();
    collect();
    if (wake_callers()) most = most.zero();    // they have something to do: this may be their thread
    int wait = 0;
    if (most > most.zero()) {
        auto const now = std::chrono::steady_clock::now();
        auto const until = std::min(timer_, later(now, most));
        // Rounded up: what wakes too early turns once more for nothing.
        if (until == never) wait = -1;
        else if (until > now)
            wait = static_cast<int>(std::min<std::int64_t>(std::chrono::ceil<std::chrono::milliseconds>(until - now).count(), 3'600'000));
    }
    epoll_event ready[128];
    auto const count = ::epoll_wait(epoll_.get(), ready, 128, wait);
    for (int i = 0; i < count; ++i) {
        if (ready[i].data.fd == bell_.get()) {
            std::uint64_t rings = 0;
            while (::read(bell_.get(), &rings, sizeof rings) < 0 && errno == EINTR) {}
            rung_ = false;    // before the mail is read: who puts something in after that rings again
            read_mail();
            continue;
        }
        int what = 0;
        if (ready[i].events & EPOLLIN) what |= CURL_CSELECT_IN;
        if (ready[i].events & EPOLLOUT) what |= CURL_CSELECT_OUT;
        if (ready[i].events & (EPOLLERR | EPOLLHUP)) what |= CURL_CSELECT_ERR;
        int running = 0;
        ::curl_multi_socket_action(multi_, ready[i].data.fd, what, &running);
    }
    run_timer();
    collect();
    wake_callers();
}

inline void http_loop::close() noexcept {
    {
        std::lock_guard lock(mutex_);
        if (std::exchange(closed_, true)) return;
    }
    stop_thread();
    read_mail();
    while (auto* const one = running_.first()) {
        remove(*one);
        finish(*one, one->fail(http_fault::closed, "the client was destroyed while the call was under way"));
    }
    wake_callers();
    http_transfer* gone;
    {
        std::lock_guard lock(mutex_);
        ended_ = true;
        gone = std::exchange(left_, nullptr);
        idle_.clear();
        near_.clear();
    }
    while (gone) (void)owned(*std::exchange(gone, gone->next_left));
    ::curl_multi_cleanup(std::exchange(multi_, nullptr));
}

}  // namespace muster::detail
