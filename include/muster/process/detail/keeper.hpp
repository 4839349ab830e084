#pragma once

#include <algorithm>             // any_of, count_if, max_element, min
#include <array>                 // events
#include <atomic>                // counts
#include <chrono>                // milliseconds
#include <condition_variable>    // the first server
#include <csignal>               // kill
#include <cstdint>               // uint64_t
#include <deque>                 // restarts
#include <fstream>               // /proc
#include <iterator>              // next
#include <limits>                // timeouts
#include <map>                   // crashes by item
#include <memory>                // unique_ptr
#include <mutex>                 // mutex
#include <string>                // texts
#include <stdexcept>             // runtime_error
#include <system_error>          // system_error
#include <thread>                // jthread
#include <vector>                // cells

#include <sys/epoll.h>        // epoll
#include <sys/eventfd.h>      // eventfd
#include <sys/resource.h>     // rusage
#include <sys/syscall.h>      // pidfd_open, waitid
#include <sys/wait.h>         // WEXITED

#include <muster/core/context.hpp>                      // context
#include <muster/core/duration_text.hpp>                // duration_text
#include <muster/core/failure.hpp>                      // failure
#include <muster/core/waiter.hpp>                       // wait_point
#include <muster/os/cgroup.hpp>                         // cgroup
#include <muster/os/cpus.hpp>                           // granted_cpus
#include <muster/os/name_of_syscall.hpp>               // name_of_syscall
#include <muster/os/pipe_ends.hpp>                      // pipe_ends
#include <muster/os/process_identity.hpp>               // process_identity
#include <muster/os/quiet_thread.hpp>                   // quiet_thread
#include <muster/process/detail/cell.hpp>               // cell
#include <muster/process/detail/fork_server.hpp>        // fork_server
#include <muster/process/detail/signal_name.hpp>        // signal_text
#include <muster/process/process_pool_health.hpp>       // process_pool_health
#include <muster/process/process_pool_options.hpp>      // process_pool_options
#include <muster/shm/arena.hpp>                         // arena

// Above 400 lines because one lock guards it all: which workers there are, who has them and who waits, what is being ended and why
// no more are made. What a worker is told and what it answers is in cell.hpp and ship.hpp.

namespace muster::detail {

/// Has the workers of a pool, and one thread that watches over them: makes them, hears of their deaths, puts others in their places,
/// ends those that have had their time, and passes on what they write. Who calls talks to a worker directly; the thread is in
/// no call's way.
///
/// Throws     the constructor: std::system_error.
class keeper {
public:
    /// Somebody who waits for a worker; in the line.
    struct waiting {
        wait_point point;
        instant since = std::chrono::steady_clock::now();
        cell* given = nullptr;    // this or the refusal is there before it is woken
        std::optional<failure> refused;
        waiting* before = nullptr;
        waiting* after = nullptr;
    };

    /// Without a server it makes one, on its own thread: workers end with the thread that has made their server.
    keeper(process_pool_options options, std::size_t width, std::shared_ptr<fork_server> server);
    keeper(keeper const&) = delete;
    keeper& operator=(keeper const&) = delete;
    ~keeper();

    [[nodiscard]] process_pool_options const& options() const noexcept { return options_; }
    [[nodiscard]] muster::arena& arena() noexcept { return arena_; }

    /// A worker; waits in the line through the context.
    [[nodiscard]] outcome<cell*> borrow(context& cx);
    /// A worker if one is free and nobody waits.
    [[nodiscard]] cell* borrow_now();
    void give_back(cell& lent);
    /// How many more calls a worker may have before it is replaced.
    [[nodiscard]] std::size_t calls_left(cell const& one) const noexcept {
        if (options_.recycle_after == 0) return ~std::size_t{0};
        return options_.recycle_after > one.served ? static_cast<std::size_t>(options_.recycle_after - one.served) : 1;
    }
    /// True for a worker that is to be replaced: by calls, age or memory.
    [[nodiscard]] bool is_due(cell const& one) const {
        return one.retire.load(std::memory_order_relaxed) || (options_.recycle_after != 0 && one.served >= options_.recycle_after) ||
               (options_.recycle_age.count() > 0 && std::chrono::steady_clock::now() - one.born >= options_.recycle_age);
    }
    /// True when others wait for what one has.
    [[nodiscard]] bool is_awaited() const noexcept { return waiting_.load(std::memory_order_relaxed) != 0; }    // a hint
    [[nodiscard]] bool has_idle() const noexcept { return idle_count_.load(std::memory_order_relaxed) != 0; }    // a hint

    /// A worker whose caller has given up: TERM now, KILL after the grace. It is not the caller's any more.
    void end(cell& lent, bool at_once = false);
    /// A worker that has said that it dies: its caller has left it. Why it dies.
    void let_die(cell& lent, failure const& why);
    [[nodiscard]] failure why_dying(cell const& one) {
        siginfo_t as_said{};
        as_said.si_code = CLD_KILLED;
        as_said.si_status = one.memory.page().words.signal;
        return describe_end(one, as_said, nullptr);
    }
    /// Whose point is to be woken when that worker answers or dies; null: nobody's.
    void relay(cell& of, wait_point* to) {
        std::lock_guard lock(mutex_);
        of.relay = to;
    }
    [[nodiscard]] bool is_stopped(cell const& one) const;    // by SIGSTOP or its like

    // Items that crash their worker again and again
    [[nodiscard]] bool knows_poison() const noexcept { return poison_count_.load(std::memory_order_relaxed) != 0; }    // a hint
    void crashed_by(std::uint64_t item);
    [[nodiscard]] bool is_poison(std::uint64_t item);

    [[nodiscard]] process_pool_health health() const;
    void count_calls(std::uint64_t calls) noexcept { calls_.fetch_add(calls, std::memory_order_relaxed); }

private:
    void run();
    bool make_server();
    void start_missing(std::unique_lock<std::mutex>& lock);
    void make_standby(std::unique_lock<std::mutex>& lock);
    void step_in();
    void fill_place();
    /// Not about to be replaced.
    static bool is_living(cell const& one) noexcept {
        if (one.dead || one.is == cell::status::ending || one.is == cell::status::gone) return false;
        return one.is == cell::status::lent || !one.is_dying();    // whom that is lent to knows, and is about to leave it
    }
    [[nodiscard]] std::size_t living() const {
        return static_cast<std::size_t>(std::count_if(cells_.begin(), cells_.end(), [](auto const& each) { return is_living(*each); }));
    }
    [[nodiscard]] cell& take_idle();
    void leave(waiting& one);
    void lend(cell& one);
    void unlend(cell& one);
    void offer(cell& one);
    void on_exit(cell& one);
    bool clean_up(cell& one);
    void count_loss(failure const& kind);
    bool could_not_start(failure const& why, std::uint32_t phase);
    void on_output(cell& one);
    void flush_line(cell& one, bool at_end);
    void say(cell const& one, std::string_view text);
    void write(std::string_view line) const;
    void on_bell();
    void look_around(instant now);
    int next_timeout(instant now) const;
    failure describe_end(cell const& one, siginfo_t const& about, rusage const* used);
    void refuse_all(failure const& why);
    [[nodiscard]] bool has_living() const {
        return std::any_of(cells_.begin(), cells_.end(), [](auto const& each) { return !each->dead && each->is != cell::status::ending; });
    }
    void ring() noexcept { (void)::eventfd_write(own_bell_.get(), 1); }    // no worker has it: one could make this wait
    void recycle(cell& one);
    void watch_over(cell& one);
    void unwatch(fd& file) noexcept {    // first: a child of fork may hold a copy, with which it would stay ready for ever
        if (!file) return;
        (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, file.get(), nullptr);
        file.reset();
    }
    static std::uint64_t memory_of(pid_t pid);
    static std::string why_of(cell const& one);
    static bool is_held(cell& one);
    bool is_lost_worker(pid_t pid) const;
    /// To a worker that is not reaped, and to its group, which it may have left.
    static void signal_all(cell const& one, int number) noexcept {
        if (one.dead.load(std::memory_order_seq_cst)) return;
        (void)::kill(one.pid, number);
        (void)::kill(-one.pid, number);
    }

    process_pool_options const options_;
    std::size_t const width_;
    std::shared_ptr<fork_server> server_;
    muster::arena arena_;
    fd epoll_, bell_, own_bell_;
    cgroup group_;
    std::uint64_t kills_seen_ = 0;
    std::chrono::nanoseconds spin_{};

    mutable std::mutex mutex_;
    std::condition_variable begun_;
    std::vector<std::unique_ptr<cell>> cells_;
    std::vector<cell*> idle_;
    waiting* first_ = nullptr;
    waiting* last_ = nullptr;
    std::deque<instant> losses_;
    std::optional<failure> refusing_;    // while it does not start workers
    bool looping_ = false;               // for too many were lost: then it refuses calls, too
    instant refusing_until_{};
    std::map<std::uint64_t, unsigned> crashes_of_;
    process_pool_health counts_;
    std::vector<std::string> lines_;     // to be written, without the lock
    bool closing_ = false;
    instant closed_{};
    bool told_of_sandbox_ = false;
    bool pausing_ = false;               // before it makes one more that waits
    instant calm_{};                     // until then it pauses
    instant looked_{};                   // for workers that are held
    std::size_t next_slot_ = 0;
    unsigned servers_lost_ = 0;          // one after another
    std::size_t unready_ = 0;            // how often workers ended before they were ready, one after another; weighted
    pid_t forget_ = 0;                   // reaped, and not yet told to the server
    std::vector<std::unique_ptr<cell>> doubtful_;    // whose server has died: perhaps there is a worker, perhaps not
    std::vector<memory_group> emptying_;             // whose last processes are not reaped yet
    std::unique_ptr<cell> standby_;      // a process that is there and waits for the word to become a worker, its warm-up not done

    std::atomic<std::size_t> waiting_{0}, idle_count_{0}, poison_count_{0};
    std::atomic<std::uint64_t> calls_{0};
    std::jthread thread_;
};

// Implementation

inline keeper::keeper(process_pool_options options, std::size_t width, std::shared_ptr<fork_server> server)
    : options_(std::move(options)), width_(width), server_(std::move(server)),
      arena_(arena_options{.capacity = static_cast<std::size_t>(options_.arena), .zero_on_free = options_.zero_on_free}), epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      bell_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      own_bell_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), group_(cgroup::of_process()), kills_seen_(group_.memory_kills().value_or(0)),
      spin_(options_.spin.value_or(width < granted_cpus() ? std::chrono::microseconds{50} : std::chrono::microseconds{0})) {
    if (!options_.groups.empty()) memory_group::remove_abandoned(options_.groups);
    (void)raise_open_files(256 + 4 * (width_ + options_.spares));    // where it may not be raised the workers that fit are started
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = 0;
    if (!epoll_ || !bell_ || !own_bell_ || ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, own_bell_.get(), &event) != 0 ||
        (event.events = EPOLLIN | EPOLLET, ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, bell_.get(), &event)) != 0)
        throw std::system_error{errno, std::system_category(), "muster: a process_pool cannot wait for its workers"};
    thread_ = quiet_thread([this] { run(); });
    if (server_) return;
    std::unique_lock lock(mutex_);
    begun_.wait(lock, [this] { return server_ || refusing_; });
    if (server_) return;
    closing_ = true;
    auto const why = refusing_->text();
    lock.unlock();
    ring();
    thread_.join();
    throw std::runtime_error{"muster: a process_pool cannot start: " + why};
}

/// On the thread, before anything else.
inline bool keeper::make_server() {
    auto made = options_.start == start_method::copy_anyway ? fork_server::of_this_process() : fork_server::of_this_program();
    std::lock_guard lock(mutex_);
    if (made) server_ = *std::move(made);
    else refusing_ = made.error();
    begun_.notify_all();
    return static_cast<bool>(server_);
}

inline keeper::~keeper() {
    {
        std::lock_guard lock(mutex_);
        closing_ = true;
        closed_ = std::chrono::steady_clock::now();
    }
    ring();
    thread_.join();
}

inline cell* keeper::borrow_now() {
    std::unique_lock lock(mutex_);
    if (first_ || idle_.empty() || counts_.busy >= width_) return nullptr;
    auto& one = take_idle();
    lend(one);
    lock.unlock();
    one.count_kills();
    return &one;
}

/// Under the lock, where there is one: one that is ready, of them who rested last; one that dies only where there is no other.
inline cell& keeper::take_idle() {
    auto const worth = [](cell const& one) { return one.is_dying() ? 0 : one.is_ready() ? 2 : 1; };
    auto found = std::max_element(idle_.rbegin(), idle_.rend(), [&](auto const* a, auto const* b) { return worth(*a) < worth(*b); });
    auto& one = **found;
    idle_.erase(std::next(found).base());
    idle_count_.store(idle_.size(), std::memory_order_relaxed);
    return one;
}

/// Under the lock.
inline void keeper::lend(cell& one) {
    one.is = cell::status::lent;
    one.lent = std::chrono::steady_clock::now();
    ++counts_.busy;
}

/// Under the lock: its place is free.
inline void keeper::unlend(cell& one) {
    --counts_.busy;
    counts_.lent += std::chrono::steady_clock::now() - one.lent;
}

inline outcome<cell*> keeper::borrow(context& cx) {
    if (auto* const one = borrow_now()) return one;
    waiting me;
    {
        std::lock_guard lock(mutex_);
        if (refusing_ && (looping_ || !has_living())) return *refusing_;
        me.before = last_;
        (last_ ? last_->after : first_) = &me;
        last_ = &me;
        waiting_.fetch_add(1, std::memory_order_relaxed);
        if (!idle_.empty() && counts_.busy < width_) {    // one came back in between
            offer(take_idle());
        }
    }
    (void)cx.wait(me.point);
    auto const is_answered = [&] { return me.point.woken(); };
    if (!is_answered()) {
        std::lock_guard lock(mutex_);
        if (!is_answered()) {
            leave(me);
            return cx.not_run(cx.interruption());
        }
    }
    // Not under the lock: who woke this thread has it still.
    if (me.refused) return std::move(*me.refused);
    me.given->count_kills();
    return me.given;
}
/// Under the lock: out of the line.
inline void keeper::leave(waiting& one) {
    (one.before ? one.before->after : first_) = one.after;
    (one.after ? one.after->before : last_) = one.before;
    waiting_.fetch_sub(1, std::memory_order_relaxed);
    counts_.waited += std::chrono::steady_clock::now() - one.since;
}

/// Under the lock: to who waits longest, or to the idle.
inline void keeper::offer(cell& one) {
    if (auto* const next = counts_.busy < width_ ? first_ : nullptr) {    // a spare waits until one of the others is gone
        leave(*next);
        lend(one);
        next->given = &one;
        next->point.wake();
    } else {
        one.is = cell::status::idle;
        idle_.push_back(&one);
    }
    idle_count_.store(idle_.size(), std::memory_order_relaxed);
}

inline void keeper::give_back(cell& lent) {
    std::lock_guard lock(mutex_);
    if (lent.dead) {    // its place is given away already
        clean_up(lent);
        lent.is = cell::status::gone;
        ring();
        return;
    }
    unlend(lent);
    if (lent.is_ready()) unready_ = 0;
    if (is_due(lent)) {
        recycle(lent);
        return fill_place();
    }
    offer(lent);
}

/// Under the lock: one place is free. A spare takes it, or who stands by: at once, whatever thread this is.
inline void keeper::fill_place() {
    if (closing_) return;
    calm_ = later(std::chrono::steady_clock::now(), std::chrono::milliseconds{2});
    if (idle_.empty() && standby_ && !refusing_ && living() < width_) return step_in();
    if (!first_ || idle_.empty() || counts_.busy >= width_) return;
    auto& one = take_idle();
    one.rouse();    // it sleeps, and so does its caller: that each of them wakes takes 30 us
    offer(one);
}

/// Under the lock.
inline void keeper::recycle(cell& one) {
    ++counts_.recycled;
    one.is = cell::status::ending;
    one.killed = true;
    signal_all(one, SIGTERM);
    one.kill_at = later(std::chrono::steady_clock::now(), options_.grace);
    ring();
}

inline void keeper::end(cell& lent, bool at_once) {
    std::lock_guard lock(mutex_);
    if (lent.dead) {
        lent.is = cell::status::gone;
    } else {
        unlend(lent);
        ++counts_.ended;
        arena_.keep();    // it may still write to what its call was lent
        lent.kept = true;
        lent.is = cell::status::ending;
        lent.killed = true;
        signal_all(lent, at_once ? SIGKILL : SIGTERM);
        signal_all(lent, SIGCONT);    // one that is stopped hears it, too
        lent.kill_at = later(std::chrono::steady_clock::now(), options_.grace);
    }
    fill_place();
    ring();
}

inline void keeper::let_die(cell& lent, failure const& why) {
    std::lock_guard lock(mutex_);
    if (!lent.dead && !closing_) {    // else it is counted
        lent.counted = true;
        count_loss(why);
    }
    if (lent.dead) {
        clean_up(lent);
        lent.is = cell::status::gone;
    } else {
        unlend(lent);
        lent.is = cell::status::ending;
        lent.kill_at = later(std::chrono::steady_clock::now(), options_.grace);
    }
    fill_place();
    ring();
}

inline bool keeper::is_stopped(cell const& one) const {
    std::ifstream file{"/proc/" + std::to_string(one.pid) + "/stat"};
    std::string text;
    std::getline(file, text);
    auto const at = text.rfind(')');
    return at != text.npos && at + 2 < text.size() && (text[at + 2] == 'T' || text[at + 2] == 't');
}

inline void keeper::crashed_by(std::uint64_t item) {
    if (options_.poison_after == 0) return;
    std::lock_guard lock(mutex_);
    if (crashes_of_.size() > 10'000) crashes_of_.clear();    // a memory of this size is no use, and no bound is none
    ++crashes_of_[item];
    if (crashes_of_[item] >= options_.poison_after) poison_count_.fetch_add(1, std::memory_order_relaxed);
}

inline bool keeper::is_poison(std::uint64_t item) {
    std::lock_guard lock(mutex_);
    auto const found = crashes_of_.find(item);
    if (found == crashes_of_.end() || found->second < options_.poison_after) return false;
    ++counts_.poisoned;
    return true;
}

inline process_pool_health keeper::health() const {
    std::lock_guard lock(mutex_);
    auto now = counts_;
    now.width = width_;
    now.standby = standby_ ? 1 : 0;
    now.waiting = waiting_.load(std::memory_order_relaxed);
    now.calls = calls_.load(std::memory_order_relaxed);
    for (auto const& each : cells_)
        if (!each->dead && each->is != cell::status::ending) ++now.alive;
    return now;
}

inline void keeper::run() {
    std::array<epoll_event, 64> events;
    if (!server_ && !make_server()) return;
    {
        std::unique_lock lock(mutex_);
        start_missing(lock);
    }
    for (;;) {
        int timeout = 0;
        {
            std::lock_guard lock(mutex_);
            timeout = next_timeout(std::chrono::steady_clock::now());
        }
        int const ready = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout);
        std::unique_lock lock(mutex_);
        auto const handle = [&](std::uint64_t tag) {
            if (tag == 0) return on_bell();
            auto const at = tag >> 1;    // by number: a cell may be gone by the time its event is looked at
            if (standby_ && standby_->slot == at && !(tag & 1)) cells_.push_back(std::move(standby_));    // it has ended before its time
            if (standby_ && standby_->slot == at) return on_output(*standby_);
            for (auto& each : cells_)
                if (each->slot == at) return tag & 1 ? on_output(*each) : on_exit(*each);
        };
        for (int i = 0; i < ready; ++i)    // where there is no memory for one event, it comes again
            (void)guarded<outcome<void>>([&]() -> outcome<void> { return handle(events[static_cast<std::size_t>(i)].data.u64), outcome<void>{}; });
        auto const now = std::chrono::steady_clock::now();
        (void)guarded<outcome<void>>([&]() -> outcome<void> {
            look_around(now);
            emptying_.reserve(emptying_.size() + cells_.size());
            std::erase_if(cells_, [this](auto const& each) {
                if (each->is != cell::status::gone || !each->dead || !clean_up(*each)) return false;
                if (each->group && !each->group->remove()) emptying_.push_back(*std::move(each->group));
                return true;
            });
            std::erase_if(emptying_, [](auto& each) { return each.remove() || (each.kill_all(), false); });    // who forked meanwhile, too
            start_missing(lock);
            return {};
        });
        if (!lock.owns_lock()) lock.lock();
        auto const lines = std::exchange(lines_, {});
        auto const over = closing_ && !standby_ && cells_.empty() && doubtful_.empty() && (emptying_.empty() || now > later(closed_, std::chrono::seconds{1}));
        lock.unlock();    // whoever takes the lines may take his time
        for (auto const& line : lines)    // a sink that throws has lost its line, and nothing else
            (void)guarded<outcome<void>>([&]() -> outcome<void> { return write(line), outcome<void>{}; });
        if (auto const told = std::exchange(forget_, 0); told != 0) server_->forget(told);
        if (over) return;
    }
}

/// Under the lock, which it gives up while a process is made.
inline void keeper::start_missing(std::unique_lock<std::mutex>& lock) {
    while (!closing_) {
        auto const now = std::chrono::steady_clock::now();
        pausing_ = false;
        if (refusing_ && now < refusing_until_) return;
        refusing_.reset();
        looping_ = false;
        auto const there = living();
        auto const missing = there < width_ + options_.spares;
        if (!missing && standby_) return;
        // Nobody waits for it: making one just now would take the processor from who has stepped in.
        pausing_ = there >= width_ && now < calm_;
        if (pausing_) return;
        if (missing && standby_) step_in();
        else make_standby(lock);
    }
}

/// A process that does all that a worker does before its warm-up, and then waits. Neither a clone nor the server is in the way of who
/// needs a worker.
inline void keeper::make_standby(std::unique_lock<std::mutex>& lock) {
    std::vector<std::int32_t> living;
    for (auto const& each : cells_)
        if (!each->dead) living.push_back(each->pid);
    cells_.reserve(cells_.size() + 1);
    bool server_died = false;
    lock.unlock();
    std::unique_ptr<cell> made;
    auto started = guarded<outcome<pid_t>>([&]() -> outcome<pid_t> {
        made = std::make_unique<cell>(++next_slot_);
        made->memory.page().spin = spin_.count();
        made->most_answer = options_.bounds.output + 4'096;
        if (!options_.groups.empty() && options_.bounds.memory != 0) {
            auto group = memory_group::make(options_.groups, options_.bounds.memory);
            if (!group) return std::move(group).error();
            made->group = *std::move(group);
        }
        auto pipe = pipe_ends::open();
        ::fcntl(pipe.read.get(), F_SETFL, O_NONBLOCK);
        worker_order order;
        order.program = ::getpid();
        order.slot = static_cast<std::uint32_t>(made->slot);
        order.threads = static_cast<std::uint32_t>(std::max<std::size_t>(1, granted_cpus() / width_));
        if (options_.warm_up) {
            auto const where = code_place::of(options_.warm_up);
            order.warm_up_module = where.module;
            order.warm_up_offset = where.offset;
        }
        order.bounds = options_.bounds;
        order.walls = options_.walls;
        std::array<int, 4> const files{made->memory.file().get(), bell_.get(), pipe.write.get(), arena_.file().get()};
        auto pid = server_->start(order, files, std::exchange(forget_, 0));
        if (!pid && server_->gone() && has_process_main()) {    // the server has died: another one
            auto fresh = fork_server::of_this_program();
            if (!fresh) return fresh.error();
            server_ = *std::move(fresh);
            server_->take_over(std::move(living));
            server_died = true;
        }
        if (!pid && server_->gone() && !has_process_main())
            return std::move(pid.error().note("; write muster::process_main start{argc, argv}; as the first line of main, and another is started"));
        if (!pid) return pid;
        made->pid = *pid;
        made->born = std::chrono::steady_clock::now();
        made->output = std::move(pipe.read);
        made->exit = fd{static_cast<int>(::syscall(SYS_pidfd_open, *pid, 0))};
        if (!made->exit) return system_failure(errno, "cannot watch a worker");
        if (made->group)
            if (auto put = made->group->add(*pid); !put) return std::move(put).error();
        made->who = process_identity::of(*pid).value_or(process_identity{});
        return pid;
    });
    lock.lock();
    auto const refuse = [this](failure const& why) {
        refusing_ = failure{why.code(), "pool \"" + options_.name + "\" cannot start a worker: " + why.text()};
        refusing_until_ = later(std::chrono::steady_clock::now(), std::chrono::milliseconds{100});
        if (!has_living()) refuse_all(*refusing_);
    };
    if (server_died) {    // it may have made the worker, and not have come to say its number: that one does so itself
        made->born = std::chrono::steady_clock::now();
        doubtful_.push_back(std::move(made));
        if (++servers_lost_ >= 10) refuse({cause::unavailable, "fork servers die as soon as they are started"});
        return;
    }
    if (!started) {
        if (made && made->pid > 0) {    // it may not have come to lead a group
            (void)::kill(made->pid, SIGKILL);
            (void)::kill(-made->pid, SIGKILL);
            (void)::waitpid(made->pid, nullptr, __WALL);
            forget_ = made->pid;
        }
        return refuse(started.error());
    }
    servers_lost_ = 0;
    standby_ = std::move(made);
    watch_over(*standby_);
}

/// Under the lock: who stands by becomes a worker.
inline void keeper::step_in() {
    auto const now = std::chrono::steady_clock::now();
    std::size_t place = 0;    // the first that nobody living has
    while (std::any_of(cells_.begin(), cells_.end(), [place](auto const& each) { return is_living(*each) && each->place == place; })) ++place;
    cells_.push_back(std::move(standby_));
    auto& one = *cells_.back();
    one.place = place;
    one.born = now;
    ++counts_.started;
    auto& page = one.memory.page();
    if (!options_.cpus.empty()) page.cpu.store(static_cast<std::int64_t>(options_.cpus[place % options_.cpus.size()]), std::memory_order_relaxed);
    page.begin.store(1, std::memory_order_release);    // pairs with the worker: its processor is there
    futex_wake(page.begin, 1, futex_reach::shared);
    (void)::kill(one.pid, SIGCONT);    // it may have been stopped while nobody looked
    offer(one);
}

inline void keeper::watch_over(cell& one) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = one.slot << 1;
    (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, one.exit.get(), &event);
    event.data.u64 = one.slot << 1 | 1;
    (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, one.output.get(), &event);
}

inline void keeper::refuse_all(failure const& why) {
    while (auto* const next = first_) {
        leave(*next);
        next->refused = why;
        next->point.wake();
    }
}

inline void keeper::on_bell() {
    eventfd_t rings = 0;
    (void)::eventfd_read(own_bell_.get(), &rings);    // that of the workers is never read: each ring is an edge
    for (auto& each : cells_)
        if (each->relay) each->relay->wake();    // whose bell it was is not said: he looks
}

inline void keeper::on_exit(cell& one) {
    if (one.dead) return;
    siginfo_t about{};
    rusage used{};
    auto const wait = [&](int how) {
        long result = 0;
        do result = ::syscall(SYS_waitid, P_PIDFD, one.exit.get(), &about, WEXITED | __WALL | how, &used);
        while (result != 0 && errno == EINTR);
        return result == 0;
    };
    // What it has started ends as well. As long as it is not reaped its number is nobody else's.
    if (wait(WNOWAIT)) (void)::kill(-one.pid, SIGKILL);
    if (one.group) one.group->kill_all();    // also who has left that group
    if (!wait(0)) about = {};    // somebody else has waited for it
    one.end = describe_end(one, about, &used);
    auto const asked = one.killed;
    if (one.is == cell::status::idle) {
        std::erase(idle_, &one);
        idle_count_.store(idle_.size(), std::memory_order_relaxed);
    }
    auto const was_lent = one.is == cell::status::lent;
    auto const stood_by = one.is == cell::status::standing_by;
    if (!was_lent) one.is = cell::status::gone;
    one.dead.store(true, std::memory_order_seq_cst);    // before the look at who is parked: he looks at it after parking
    one.nudge();
    if (one.relay) one.relay->wake();
    if (was_lent) {
        unlend(one);
        fill_place();
    }
    // Who waits for it knows. What it wrote last, and whose number is free, has a little more time.
    on_output(one);
    flush_line(one, true);
    unwatch(one.exit);
    unwatch(one.output);
    if (forget_ != 0) server_->forget(forget_);
    forget_ = one.pid;
    if (closing_) return;
    if (!stood_by) ++counts_.restarts;
    auto const phase = one.memory.page().phase.load(std::memory_order_acquire);    // pairs with the worker
    if (phase == static_cast<std::uint32_t>(worker_phase::ready)) {
        unready_ = 0;
    } else if (!asked && (!stood_by || std::chrono::steady_clock::now() - one.born < std::chrono::seconds{1}) && could_not_start(one.end, phase)) {
        refusing_ = failure{cause::unavailable, "pool \"" + options_.name + "\" cannot start its workers: they end before they are ready; the last one: " + one.end.text()};
        refusing_until_ = later(std::chrono::steady_clock::now(), std::chrono::seconds{1});
        if (stood_by && has_living()) return;    // nobody needed it yet
        looping_ = true;
        return refuse_all(*refusing_);
    }
    if (!asked && !one.counted && !stood_by) count_loss(one.end);
}

/// Whether it is no use to start another one: so many have ended before they were ready, one after another. A KILL from outside says
/// little about that.
inline bool keeper::could_not_start(failure const& why, std::uint32_t phase) {
    constexpr std::size_t each = 100;
    unready_ += why.is(cause::crashed) && why.signal() == SIGKILL ? 1 : each;
    if (phase == static_cast<std::uint32_t>(worker_phase::failed)) return unready_ >= each * width_;    // it has said so itself
    return unready_ >= 3 * each * width_;
}

/// Under the lock. Where too many are lost in too short a time, no more are made.
inline void keeper::count_loss(failure const& kind) {
    if (kind.is(cause::crashed)) ++counts_.crashed;
    else if (kind.is(cause::exited)) ++counts_.exited;
    else if (kind.is(cause::out_of_memory)) ++counts_.out_of_memory;
    else if (kind.is(cause::forbidden)) ++counts_.forbidden;
    else if (kind.is(cause::exhausted)) ++counts_.exhausted;
    auto const now = std::chrono::steady_clock::now();
    calm_ = later(now, std::chrono::milliseconds{2});
    losses_.push_back(now);
    while (!losses_.empty() && now - losses_.front() > options_.restarts.per) losses_.pop_front();
    if (losses_.size() < options_.restarts.most) return;
    auto const seconds = std::chrono::duration_cast<std::chrono::milliseconds>(options_.restarts.per).count();
    refusing_ = failure{cause::exhausted, "pool \"" + options_.name + "\" has lost " + std::to_string(losses_.size()) + " workers within " +
                                              std::to_string(seconds) + " ms, and starts no more for as long; the last one: " + kind.text()};
    refusing_until_ = later(now, options_.restarts.per);
    losses_.clear();
    looping_ = true;
    refuse_all(*refusing_);
}

/// Nobody talks to it any more, and its answers are taken: what it had of the arena is free. True.
inline bool keeper::clean_up(cell& one) {
    if (std::exchange(one.clean, true)) return true;
    if (auto const owner = arena_.owner_of(one.who)) (void)arena_.sweep(owner);    // none: it died before it was looked at, and had nothing
    if (one.kept) arena_.reuse();
    return true;
}

inline failure keeper::describe_end(cell const& one, siginfo_t const& about, rusage const* used) {
    auto const& page = one.memory.page();
    std::string use;
    if (used) {
        auto const cpu = (used->ru_utime.tv_sec + used->ru_stime.tv_sec) * 1'000 + (used->ru_utime.tv_usec + used->ru_stime.tv_usec) / 1'000;
        use = " (it had used " + std::to_string(cpu) + " ms of processor time and " + std::to_string(used->ru_maxrss / 1'024) + " MiB)";
    }
    auto const who = "worker " + std::to_string(one.slot) + " of pool \"" + options_.name + "\" ";
    if (about.si_code == 0 && one.memory.page().words.said.load(std::memory_order_acquire) != 0) {    // pairs with its handler: it said so itself
        siginfo_t as_said{};
        as_said.si_code = CLD_KILLED;
        as_said.si_status = one.memory.page().words.signal;
        return describe_end(one, as_said, used);
    }
    if (about.si_code == 0)
        return failure{cause::crashed, who + "has ended, and how is lost: this process ignores SIGCHLD, or waits for children that it did not start"};
    if (one.late) return failure{cause::unavailable, who + "could not start: it was not ready within " + duration_text(options_.start_timeout)};
    if (one.held) return failure{cause::crashed, who + "was stopped by a signal and did not go on; it was ended" + use}.signal(SIGSTOP);
    if (about.si_code == CLD_EXITED) {
        if (page.phase.load(std::memory_order_acquire) == static_cast<std::uint32_t>(worker_phase::failed)) {    // pairs with the worker: `why` is there
            return failure{cause::unavailable, who + "could not start: " + why_of(one)};
        }
        return failure{cause::exited, who + "exited with code " + std::to_string(about.si_status) + " during a call" + use}.exit_code(about.si_status);
    }
    int const number = about.si_status;
    auto text = who + "was killed by " + signal_text(number);
    auto kind = cause::crashed;
    auto const& words = page.words;
    auto const said = words.said.load(std::memory_order_acquire) != 0 && words.signal == number;    // pairs with its handler
    auto const hex = [](std::uint64_t rest) {
        constexpr char digits[] = "0123456789abcdef";
        std::string out;
        do out.insert(out.begin(), digits[rest & 15]);
        while ((rest >>= 4) != 0);
        return "0x" + out;
    };
    switch (number) {
        case SIGSYS:
            kind = cause::forbidden;
            if (said) text += ": its sandbox refused system call " + std::to_string(words.syscall) + " (" + std::string{name_of_syscall(static_cast<long>(words.syscall))} + ')';
            break;
        case SIGXCPU:
            kind = cause::exhausted;
            text += ": it used more processor time than its limits allow";
            break;
        case SIGXFSZ:
            kind = cause::exhausted;
            text += ": it wrote a file longer than its limits allow";
            break;
        case SIGSEGV:
        case SIGBUS:
            if (said) {
                auto const distance = words.address > words.stack ? words.address - words.stack : words.stack - words.address;
                if (distance < (64u << 10)) text += ": the stack overflowed at " + hex(words.address);
                else text += " at address " + hex(words.address);
            }
            break;
        case SIGKILL:
            if (one.killed) break;
            if (one.group && one.group->kills().value_or(0) > one.kills_before.load(std::memory_order_relaxed)) {    // a number alone
                kind = cause::out_of_memory;
                text += ": it and what it had started took more than " + std::to_string(options_.bounds.memory) + " bytes of memory, caches and shared memory among them";
            } else if (auto const kills = group_.memory_kills(); kills && *kills > kills_seen_) {
                kills_seen_ = *kills;
                kind = cause::out_of_memory;
                text += ": its control group ran out of memory";
            } else {
                text += ", not by muster: perhaps by the system, for memory";
            }
            break;
        default: break;
    }
    return failure{kind, text + use}.signal(number);
}

inline void keeper::on_output(cell& one) {
    if (!one.output) return;
    char block[16'384];
    for (int turn = 0; turn < 16; ++turn) {
        auto const got = ::read(one.output.get(), block, sizeof block);
        if (got < 0 && errno == EINTR) continue;
        if (got == 0) {    // all writers are gone
            unwatch(one.output);
            return;
        }
        if (got < 0) return;
        for (std::string_view rest{block, static_cast<std::size_t>(got)}; !rest.empty();) {
            auto const end = rest.find('\n');
            one.line.append(rest.substr(0, end));
            if (end == rest.npos) break;
            rest.remove_prefix(end + 1);
            flush_line(one, false);
        }
        constexpr std::size_t longest = std::size_t{64} << 10;
        if (one.line.size() > longest) flush_line(one, false);
    }
}

inline void keeper::flush_line(cell& one, bool at_end) {
    if (at_end && one.line.empty()) return;
    say(one, one.line);
    one.line.clear();
}

inline void keeper::say(cell const& one, std::string_view text) {
    auto const whole = '[' + options_.name + ' ' + std::to_string(one.slot) + "] " + std::string{text};
    lines_.push_back(whole);
}

inline void keeper::write(std::string_view line) const {
    if (options_.lines) {
        options_.lines.put(line);
    } else {
        static stream_lines standard_error{stderr};
        standard_error.put(line);
    }
}

inline std::string keeper::why_of(cell const& one) {
    char text[sizeof one.memory.page().why];    // a copy: who writes it may go on writing
    std::memcpy(text, one.memory.page().why, sizeof text);
    text[sizeof text - 1] = '\0';
    return text;
}

/// Whether it is a worker that no server has told of. In a page to which a worker writes, a number may be anybody's.
inline bool keeper::is_lost_worker(pid_t pid) const {
    if (pid <= 0 || pid == server_->pid() || (standby_ && standby_->pid == pid)) return false;
    if (std::any_of(cells_.begin(), cells_.end(), [pid](auto const& each) { return each->pid == pid; })) return false;
    siginfo_t about{};
    if (::syscall(SYS_waitid, P_PID, pid, &about, WEXITED | WNOHANG | WNOWAIT | __WALL, nullptr) != 0) return false;    // no child of ours
    std::ifstream file{"/proc/" + std::to_string(pid) + "/comm"};
    std::string name;
    return std::getline(file, name) && (name == "muster-worker" || name == "muster-server");    // as it is called at first
}

/// Stopped by a signal, and still so at the second look.
inline bool keeper::is_held(cell& one) {
    siginfo_t about{};
    auto const found = ::syscall(SYS_waitid, P_PIDFD, one.exit.get(), &about, WSTOPPED | WNOHANG | WNOWAIT | __WALL, nullptr);
    auto const stopped = found == 0 && about.si_pid == one.pid;
    auto const before = std::exchange(one.was_stopped, stopped);
    return stopped && before && !one.held;
}

inline std::uint64_t keeper::memory_of(pid_t pid) {
    std::ifstream file{"/proc/" + std::to_string(pid) + "/statm"};
    std::uint64_t size = 0, resident = 0, shared = 0;
    if (!(file >> size >> resident >> shared)) return 0;
    return (resident - std::min(resident, shared)) * shared_memory::page();
}

/// Under the lock: who has had his time, who has grown.
inline void keeper::look_around(instant now) {
    auto const look_for_held = now - looked_ >= std::chrono::milliseconds{500};
    if (look_for_held) {
        looked_ = now;
        for (auto& each : cells_)    // a worker could have kept a ring of another one to itself
            if (each->relay) each->relay->wake();
    }
    std::erase_if(doubtful_, [&](auto const& each) {
        auto const pid = std::atomic_ref{each->memory.page().pid}.load(std::memory_order_relaxed);    // it is there since before the worker ran
        if (is_lost_worker(pid)) {
            (void)::kill(-pid, SIGKILL);
            (void)::kill(pid, SIGKILL);
            return ::waitpid(pid, nullptr, __WALL | WNOHANG) != 0;
        }
        return now - each->born > std::chrono::seconds{closing_ ? 1 : 10};
    });
    if (closing_ && standby_) cells_.push_back(std::move(standby_));    // to be ended as all are
    for (auto& each : cells_) {
        auto& one = *each;
        if (one.dead) continue;
        if (closing_ && one.is != cell::status::ending && one.is != cell::status::lent) {
            std::erase(idle_, &one);
            one.is = cell::status::ending;
            one.killed = true;
            signal_all(one, SIGTERM);
            one.kill_at = later(now, options_.grace);
        }
        if (!told_of_sandbox_ && one.memory.page().phase.load(std::memory_order_acquire) == static_cast<std::uint32_t>(worker_phase::ready)) {    // pairs with the worker: `why` is there
            told_of_sandbox_ = true;    // it is the same for all of them
            if (auto const lacks = why_of(one); !lacks.empty()) say(one, "the sandbox is not complete: " + lacks);
        }
        if (now - one.born > options_.start_timeout && !one.late &&
            one.memory.page().phase.load(std::memory_order_relaxed) < static_cast<std::uint32_t>(worker_phase::ready)) {    // a look
            one.late = true;
            signal_all(one, SIGKILL);
        }
        if (look_for_held && one.is == cell::status::lent && is_held(one)) {
            one.held = true;
            signal_all(one, SIGKILL);
        }
        if (one.kill_at <= now) {
            one.kill_at = later(now, std::chrono::seconds{1});    // and again, until it is gone
            signal_all(one, SIGKILL);
        }
        if (options_.recycle_growth != 0 && (one.is == cell::status::lent || one.is == cell::status::idle) && !one.retire) {
            auto const memory = memory_of(one.pid);
            if (one.first_memory == 0) one.first_memory = std::max<std::uint64_t>(memory, 1);
            else if (memory > one.first_memory + options_.recycle_growth) {
                one.retire = true;
                if (one.is == cell::status::idle) {
                    std::erase(idle_, &one);
                    idle_count_.store(idle_.size(), std::memory_order_relaxed);
                    recycle(one);
                }
            }
        }
    }
}

inline int keeper::next_timeout(instant now) const {
    auto next = never;
    for (auto const& each : cells_)
        if (!each->dead) {
            next = std::min(next, each->kill_at);
            if (each->memory.page().phase.load(std::memory_order_relaxed) < static_cast<std::uint32_t>(worker_phase::ready) && !each->late)    // a look
                next = std::min(next, later(each->born, options_.start_timeout + std::chrono::milliseconds{1}));
        }
    if (refusing_ && !closing_) next = std::min(next, refusing_until_);
    if (pausing_ && !closing_) next = std::min(next, calm_);
    if (!doubtful_.empty() || !emptying_.empty()) next = std::min(next, later(now, std::chrono::milliseconds{5}));
    next = std::min(next, later(now, options_.recycle_growth != 0 ? std::chrono::milliseconds{50} : std::chrono::milliseconds{1'000}));
    if (next <= now) return 0;
    auto const wait = std::chrono::ceil<std::chrono::milliseconds>(next - now).count();
    return static_cast<int>(std::min<std::int64_t>(wait, std::numeric_limits<int>::max()));
}

}  // namespace muster::detail
