#pragma once

#include <algorithm>             // max, min
#include <array>                 // estimates
#include <atomic>                // counters, epochs
#include <chrono>                // steady_clock
#include <cstddef>               // size_t
#include <cstdint>               // uint64_t
#include <functional>            // hash
#include <memory>                // construct_at
#include <mutex>                 // mutex
#include <new>                   // bad_alloc
#include <stop_token>            // stop_callback
#include <system_error>          // a thread that cannot start
#include <thread>                // thread
#include <type_traits>           // decay
#include <utility>               // move
#include <vector>                // queues

#include <unistd.h>    // getpid

#include <muster/core/waiter.hpp>             // wait_point, thread_waiter
#include <muster/exec/detail/doorbell.hpp>    // doorbell
#include <muster/exec/detail/estimate.hpp>    // estimate, run_items, share
#include <muster/exec/detail/fork_stack.hpp>  // fork_stack, scope, forked
#include <muster/exec/detail/job_memory.hpp>  // job_block
#include <muster/exec/detail/work_queue.hpp>  // work_queue, job_inbox, loop, posted_job
#include <muster/exec/priority.hpp>           // priority
#include <muster/exec/worker_placement.hpp>   // worker_placement
#include <muster/os/futex.hpp>                // futex_wait
#include <muster/os/relax.hpp>                // relax

// The threads behind thread_pool and blocking_pool: loops with open seats, stolen by whoever is idle.
// Above 400 lines: who offers, who takes and who sleeps is one protocol, and reads worse in pieces.
//
// A loop (`bulk`) is one record on its caller's stack with a shared counter of claimed items. It is offered in the caller's
// queue with as many seats as other threads may join; an idle thread takes a seat of the oldest loop in its own queue, in the
// queue for outsiders, or in another's. The caller works too, then withdraws the offer and waits for those inside. While it
// waits it takes seats only in loops that were started by items of its own loop: so it never runs a stranger's item under a
// lock that the item below it holds, and a nested loop always has its own caller to make progress. Nothing can deadlock.
//
// A fork (`join`, see fork_stack.hpp) is private to its thread until somebody idle wishes for work; then it is offered in its thread's
// queue as a loop is, for one. Its own thread takes it back, or waits for it as for the last items of a loop: a thief that found
// work waits for nothing, so somebody always makes progress. While anybody forks, one idle thread does not sleep for long: it
// wishes again every 100 us, and no fork pays for waking it. Forks that turn out to be crumbs are left alone for as long.
//
// A job (`post`) from outside goes into an inbox, which costs its caller one exchange; only who finds it empty has to wake somebody.
// Workers take jobs by the handful, more of them the shorter they are. What is in a worker's hand and not begun anybody idle may
// take away, so that no job waits for the one before it.
//
// A thread that blocks in a policy's wait counts as absent; another is let in (or started, up to `spares`) while it sleeps.
//
// Waking a thread costs more than some loops are worth: 20 us and more on a virtual machine. So the crew remembers what an item
// of each kind of loop took the last times. Where the caller leaves that to us (`bulk_if_worth_it`), a loop that promises to be
// shorter than that is first worked off by its caller alone, and offered after all when it takes longer, or when one of its items
// waits. One idle thread looks on for 50 us before it sleeps, so that loops in a row find it awake.

namespace muster {
class call_place;
}

namespace muster::detail {

struct crew_options {
    std::size_t width = 1;
    std::size_t most_width = 1;     // that it can grow to
    std::size_t spares = 0;
    bool forks = false;             // what its work forks is shared on demand
    double utilisation = 1;         // of the time that a thread may be busy
    worker_placement placement{};
};

struct crew_stats {
    std::uint64_t shared = 0, taken = 0, parks = 0, wakes = 0;
    std::chrono::nanoseconds busy{};
};

class crew {
public:
    /// At most `width` threads run at once, `spares` more may be started for those that wait; none is started before it is needed.
    crew(std::size_t width, std::size_t spares) : crew(crew_options{.width = width, .most_width = width, .spares = spares}) {}
    explicit crew(crew_options how)
        : width_(how.width), most_threads_(std::max(how.width, how.most_width) + how.spares), most_width_(most_threads_ - how.spares),
          options_(std::move(how)), queues_(most_threads_ + 3) {}
    crew(crew const&) = delete;
    crew& operator=(crew const&) = delete;

    /// Runs out what was posted, then joins.
    ~crew() {
        if (::getpid() != process_) {
            forget_threads();
            return;
        }
        closing_.store(true);
        work_.ring(most_threads_);
        for (std::size_t i = 0;; ++i) {    // a job that is run out may still start a thread
            {
                std::lock_guard lock(threads_mutex_);
                over_ = i == started();
            }
            if (over_) break;
            queues_[i].thread.join();
        }
        while (auto* left = take_job()) run_job(left);    // where no thread could be started
        for (auto* each = stacks_.load(); each;) fork_stack::destroy(std::exchange(each, each->next));
    }

    [[nodiscard]] std::size_t width() const noexcept { return width_.load(); }    // seq_cst: whoever makes it larger summons, whoever finds it too small sleeps
    [[nodiscard]] std::size_t started() const noexcept { return started_.load(std::memory_order_relaxed); }    // a statistic
    [[nodiscard]] bool refused() const noexcept { return refused_.load(std::memory_order_relaxed); }           // a statistic

    /// From now on so many at once, up to the most that it was made for; gives what it is then. Whoever is too much goes to sleep
    /// after what it does now.
    std::size_t resize(std::size_t width) noexcept {
        auto const now = std::clamp<std::size_t>(width, 1, most_width_);
        width_.store(now);
        if (work_left()) summon(now);
        return now;
    }

    /// Starts all threads; each makes its stack memory and calls `task()`, and so does the caller. Work comes to them as it will
    /// later, so that this way too is warm.
    void warm_up(auto const& task) {
        start_threads(width());
        auto const threads = std::min(width(), started());
        std::atomic<std::size_t> there{0}, left{threads};
        wait_point done;
        auto const until = clock::now() + std::chrono::milliseconds{100};
        auto const warm = [&]() noexcept {
            touch_stack();
            task();
        };
        std::size_t posted = 0;
        try {
            for (; posted < threads; ++posted)
                post([&] {
                    warm();
                    there.fetch_add(1);
                    while (there.load() < threads && clock::now() < until) std::this_thread::yield();    // so that each has one
                    if (left.fetch_sub(1) == 1) done.wake();
                });
        } catch (std::bad_alloc const&) {}    // some stay cold
        if (left.fetch_sub(threads - posted) == threads - posted) done.wake();
        warm();
        while (!done.woken()) {
            auto* const job = found() ? take_job() : nullptr;    // one of our own threads may be the only one
            if (job) run_job(job);
            else wait_until(done, never);
        }
        enter(context{}, [](forked**) { return 0; });
    }

    /// What thread `i` did, or from `started()` on what callers from outside did.
    [[nodiscard]] crew_stats stats(std::size_t i) const noexcept {
        auto const& of = queues_[i < started() ? i : most_threads_];
        auto const now = [](auto const& count) { return count.load(std::memory_order_relaxed); };    // statistics, one by one
        return {now(of.shared), now(of.taken), now(of.parks), now(of.wakes), std::chrono::nanoseconds{now(of.busy)}};
    }

    /// How many calls at once the threads that can be had allow, the caller among them. The first time it starts one, to see.
    std::size_t prepare(std::size_t width) {
        auto const asked = std::min(width, this->width());
        if (asked > 1 && started() == 0) start_threads(1);
        return refused() ? std::min(asked, started() + 1) : asked;
    }

    template <class Body>
    void bulk(std::size_t n, std::size_t width, Body const& body) { run_loop(n, width, body, true); }
    template <class Body>
    void bulk_if_worth_it(std::size_t n, std::size_t width, Body const& body) { run_loop(n, width, body, false); }

    template <class Job>
    void post(Job job, priority how = priority::normal) {
        struct posted final : posted_job {
            explicit posted(Job&& what) : job(std::move(what)) {}
            void run() override { job(); }
            Job job;
        };
        auto* const made = make_job<posted>(job);    // the queue's, then that of whoever runs it
        if (how != priority::normal) {
            waiting_in(how).fetch_add(1);
            add_jobs(lane(how), {made, made, 1});
            summon(1);
        } else if (auto& home = my_queue(); &home != &outsiders()) {
            add_jobs(home, {made, made, 1});
            summon(1);
        } else if (inbox_.put(*made)) {
            summon(1);
        }
        if (started_.load() != 0 || has_threads()) return;
        while (auto* next = take_job()) run_job(next);    // no thread can be had: the callers do the work
    }

    /// The crew in whose work this thread is, if its work can fork; else null.
    static crew* current() noexcept { return here().of && here().of->options_.forks ? here().of : nullptr; }

    /// Calls `body(place)` on this thread with a place to fork at; its forks are shared with the crew.
    template <class Body>
    auto enter(context const& cx, Body const& body) {
        borrowed_stack const stack(*this);
        if (!stack.get()) throw std::bad_alloc{};
        fork_run run{cx};
        auto const stop_all = [&] {
            run.stopped.store(true);
            for (auto* each = stacks_.load(); each; each = each->next)
                if (each->active.load()) each->wish(fork_stack::stop);
        };
        std::stop_callback const on_stop(cx.stop(), stop_all);
        visit const inside(*this);
        on_stack const forks(*stack.get(), run);
        // The first fork is offered at once; if everybody sleeps, somebody is woken to look for more while this runs.
        if (width() > 1) {
            stack.get()->wish(fork_stack::work);
            if (!searching_.load() && !watching_.load()) summon(1);
        }
        return body(stack.get()->first());
    }

    // For fork_stack: offers a fork to the others.
    void offer(forked& one, fork_stack& from) noexcept {
        auto& home = my_queue();
        auto& made = *std::construct_at(&one.shared);
        made.parent = found()->inside;
        made.what = &one;
        made.from = &from;
        made.run = from.run;
        made.home = &home;
        {
            std::lock_guard lock(home.mutex);
            home.forks.push_back(made);
            offers_.fetch_add(1);
        }
        count(home.shared);
        joiners_.ring(most_threads_ + 1);
    }
    // For fork_stack: takes it back (false), or waits until it is done.
    bool settle(shared_fork& one) noexcept {
        auto& home = *one.home;
        {
            std::lock_guard lock(home.mutex);
            if (!one.taken) {
                home.forks.erase(one);
                offers_.fetch_sub(1);
                return false;
            }
        }
        if (!one.done.load(std::memory_order_acquire)) {    // pairs with the release of who took it: its answer is seen
            fork_stack::here()->share_all();
            await(one);
        }
        return true;
    }

    /// Waits on behalf of a call: while one of our own threads sleeps here, another may run; and the items behind the one that
    /// waits, and the forks around it, are offered to others.
    static bool wait_until(wait_point& point, instant until) {
        for (position const* at = &here(); at; at = at->outer)
            for (auto* each = at->inside; each; each = each->parent)
                if (!each->offered.load(std::memory_order_relaxed)) at->of->offer(static_cast<loop&>(*each));    // a hint: `offer` decides
        if (auto* const forks = fork_stack::here()) forks->share_all();
        asleep const now(true);
        return thread_waiter{}.wait_until(point, until);
    }

private:
    friend muster::call_place;    // puts `here` away and back
    using clock = std::chrono::steady_clock;
    static constexpr std::chrono::nanoseconds worth_a_thread = std::chrono::microseconds{50};    // that is to be woken
    static constexpr std::chrono::nanoseconds worth_sharing = std::chrono::microseconds{5};      // with a thread that is awake
    static constexpr std::size_t most_unclocked = 32;    // items of which one may be slow unnoticed
    static constexpr std::chrono::nanoseconds crumb = std::chrono::microseconds{5};         // a fork that is not worth a thread
    static constexpr std::chrono::nanoseconds patience = std::chrono::microseconds{50};     // of whoever looks for work before it sleeps
    static constexpr std::size_t most_in_hand = 64;
    static constexpr unsigned turns_of_low = 32, turns_of_outsiders = 16;    // one of so many is theirs
    static constexpr unsigned most_crumbs = 2;    // in a row, before whoever takes them sleeps
    static constexpr std::chrono::nanoseconds watch = std::chrono::microseconds{100};

    // This thread forks on a stack until the end of the scope.
    class on_stack {
    public:
        on_stack(fork_stack& stack, fork_run& run) noexcept : stack_(stack), before_(fork_stack::here()) {
            stack.begin(run);
            fork_stack::here() = &stack;
        }
        on_stack(on_stack const&) = delete;
        ~on_stack() {
            stack_.end();
            fork_stack::here() = before_;
        }

    private:
        fork_stack& stack_;
        fork_stack* const before_;
    };
    class borrowed_stack {
    public:
        explicit borrowed_stack(crew& of) noexcept : of_(of), stack_(of.take_stack()) {}
        borrowed_stack(borrowed_stack const&) = delete;
        ~borrowed_stack() {
            if (!stack_) return;
            std::lock_guard lock(of_.stacks_mutex_);
            stack_->next_free = std::exchange(of_.free_stacks_, stack_);
        }
        [[nodiscard]] fork_stack* get() const noexcept { return stack_; }

    private:
        crew& of_;
        fork_stack* const stack_;
    };
    fork_stack* take_stack() noexcept {
        {
            std::lock_guard lock(stacks_mutex_);
            if (auto* const free = free_stacks_) {
                free_stacks_ = free->next_free;
                return free;
            }
        }
        auto* const made = fork_stack::make(*this);
        if (!made) return nullptr;
        made->next = stacks_.load();
        while (!stacks_.compare_exchange_weak(made->next, made)) {}
        return made;
    }

    struct self {    // what a thread of ours knows of itself
        std::size_t number;
        fork_stack* stack;          // where it forks, if it can
        unsigned crumbs = 0;        // forks in a row that were not worth a thread
        std::size_t handful = 1;    // so many jobs are taken at once
        unsigned turns = 0;         // in which it looked for work
    };
    struct position {    // where this thread is
        crew* of = nullptr;
        scope* inside = nullptr;
        work_queue* home = nullptr;
        bool counted = false;                 // among running_
        bool visits = false;                  // among visitors_
        position const* outer = nullptr;      // where it was before, in another crew
    };
    static position& here() noexcept {
        thread_local position mine;
        return mine;
    }
    // The innermost position in this crew: a thread may be in an item of another crew that an item of this one started.
    [[nodiscard]] position const* found() const noexcept {
        for (position const* at = &here(); at; at = at->outer)
            if (at->of == this) return at;
        return nullptr;
    }
    class moved_to {    // this thread is inside a loop of this crew until the end of the scope
    public:
        moved_to(crew* of, scope* inside) : before_(here()) {
            if (here().of == of) {
                here().inside = inside;
                return;
            }
            auto const* const known = of->found();
            here() = position{of, inside, known ? known->home : nullptr, false, false, before_.of ? &before_ : nullptr};
        }
        moved_to(moved_to const&) = delete;
        ~moved_to() { here() = before_; }

    private:
        position before_;
    };
    // A caller that forks, until the end of the scope: while it does not wait, one worker less takes forks.
    class visit {
    public:
        explicit visit(crew& in) : in_(in), new_here_(in.found() == nullptr), inside_(&in, new_here_ ? nullptr : in.found()->inside) {
            in_.forking_.fetch_add(1);
            if (!new_here_) return;
            here().visits = true;
            in_.visitors_.fetch_add(1);
        }
        visit(visit const&) = delete;
        ~visit() {
            in_.forking_.fetch_sub(1);
            if (new_here_) in_.stop_visiting();
        }

    private:
        crew& in_;
        bool const new_here_;
        moved_to const inside_;
    };
    // This thread sleeps until the end of the scope: in each crew that counts it as running somebody else may come. A wait that
    // no spare stands in for stays a busy one.
    class asleep {
    public:
        explicit asleep(bool in_policy) : in_policy_(in_policy) {
            for (position const* at = &here(); at; at = at->outer)
                if (at->visits) at->of->stop_visiting();
                else if (lends(*at)) at->of->leave();
        }
        asleep(asleep const&) = delete;
        ~asleep() {
            for (position const* at = &here(); at; at = at->outer)
                if (at->visits) at->of->visitors_.fetch_add(1);
                else if (lends(*at)) at->of->come_back();
        }

    private:
        [[nodiscard]] bool lends(position const& at) const noexcept {
            return at.counted && !(in_policy_ && at.of->options_.spares == 0);
        }
        bool in_policy_;
    };

    work_queue& outsiders() noexcept { return queues_[most_threads_]; }
    // Where jobs are that are not of normal priority, and how many there are.
    work_queue& lane(priority which) noexcept { return queues_[most_threads_ + (which == priority::high ? 1 : 2)]; }
    std::atomic<std::size_t>& waiting_in(priority which) noexcept { return which == priority::high ? high_ : low_; }
    work_queue& my_queue() noexcept {
        auto const* const at = found();
        return at && at->home ? *at->home : outsiders();
    }

    template <class Body>
    void run_loop(std::size_t n, std::size_t width, Body const& body, bool at_once) {
        auto const helpers = std::min(n, std::min(width, this->width())) - (n != 0 && width != 0);
        if (n == 0) return;
        if (helpers == 0) return body(std::size_t{0}, n);
        loop mine;
        mine.offered.store(false, std::memory_order_relaxed);    // nobody knows it yet
        mine.run = [](void const* erased, std::size_t first, std::size_t last) { (*static_cast<Body const*>(erased))(first, last); };
        mine.body = &body;
        mine.n = n;
        mine.width = helpers + 1;
        mine.seats = helpers;
        auto const* const around = found();
        mine.parent = around ? around->inside : nullptr;
        mine.home = &my_queue();

        auto& known = estimates_[std::hash<void*>{}(reinterpret_cast<void*>(mine.run)) / 16 % estimates_.size()];
        auto const wakes = !searching_.load(std::memory_order_relaxed);    // a hint: else somebody looks for work right now
        mine.clock_every = known.promises_less_than(std::chrono::microseconds{1}, mine.run, most_unclocked) ? most_unclocked : 1;
        if (at_once || !known.promises_less_than(wakes ? worth_a_thread : worth_sharing, mine.run, n)) offer(mine);
        known.learn(mine.run, take_part(mine));
        if (!mine.offered.load()) return;
        {
            std::lock_guard lock(mine.home->mutex);
            if (mine.seats != 0) {
                mine.home->loops.erase(mine);
                offers_.fetch_sub(1);
            }
        }
        join(mine);
    }

    void offer(loop& mine) {
        if (mine.offered.exchange(true)) return;    // two items of a loop below it may wait at the same time
        {
            std::lock_guard lock(mine.home->mutex);
            mine.home->loops.push_back(mine);
            offers_.fetch_add(1);
        }
        summon(mine.width - 1);
        joiners_.ring(most_threads_ + 1);
    }

    // Claims items until none is left. Chunks grow while they are over in less than 10 us, so that tiny items cost little and
    // long ones are shared one by one.
    share work_off(loop& at) {
        share done;
        auto chunk = next_chunk(at, 0, 1);
        std::size_t unclocked = 0;
        auto begun = clock::now();
        for (;;) {
            auto const first = at.next.fetch_add(chunk, std::memory_order_relaxed);    // relaxed: items are handed over by the offer
            auto const last = std::min(at.n, first + chunk);
            if (first < at.n) {
                at.run(at.body, first, last);
                unclocked += last - first;
            }
            // The clock costs more than a short item: it is not asked after each of those that promise to be one.
            auto const more = last < at.n;
            if (more && unclocked < at.clock_every) {
                chunk = next_chunk(at, last, chunk * 2);
                continue;
            }
            auto const now = clock::now();
            auto const took = now - begun;
            done.items += std::exchange(unclocked, 0);
            done.took += took;
            begun = now;
            if (!more) return done;
            if (!at.offered.load(std::memory_order_relaxed) && done.took > worth_a_thread) offer(at);    // it takes longer than it promised
            chunk = took < std::chrono::microseconds(10) ? next_chunk(at, last, chunk * 2)
                  : took > std::chrono::microseconds(50) ? next_chunk(at, last, chunk / 2)
                                                         : next_chunk(at, last, chunk);
        }
    }
    static std::size_t next_chunk(loop const& at, std::size_t done, std::size_t wanted) noexcept {
        if (!at.offered.load(std::memory_order_relaxed)) return std::max<std::size_t>(1, at.n / (4 * at.width));    // nobody to share with: a hint
        return std::max<std::size_t>(1, std::min(wanted, (at.n - done) / (4 * at.width)));
    }

    share take_part(loop& at) {
        moved_to const inside(this, &at);
        return work_off(at);
    }

    void help(loop& at) {
        take_part(at);
        // What the items wrote is seen by the joiner, whose load finds 0. `at` may be gone right after the subtraction.
        if (at.inside.fetch_sub(1) == 1) joiners_.ring(most_threads_ + 1);
    }

    void join(loop& mine) {
        auto const over = [&mine] { return mine.inside.load() == 0; };
        await(mine, over);
    }

    // Whoever waits helps with what lies below; if there is nothing it looks a little longer, then sleeps.
    void await(scope& top, auto const& over) {
        while (!over()) {
            auto const before = joiners_.look();
            if (help_below(top)) continue;
            if (over() || spin_until(over)) return;
            rest_from_joining(before);
        }
    }
    void await(shared_fork& one) {
        auto const over = [&one] { return one.done.load(std::memory_order_acquire); };    // as in `settle`
        while (!over()) {
            auto const before = joiners_.look();
            one.by->wish(fork_stack::work);
            if (help_below(one)) continue;
            auto const something = [&] { return over() || joiners_.look() != before; };    // every fork or loop that is offered rings
            if (spin_until(something)) continue;
            rest_from_joining(before);
        }
    }
    void rest_from_joining(std::uint64_t since) {
        asleep const now(false);
        if (!wait_point::carrier()) return joiners_.sleep_unless_rung(since);
        // Its thread has other calls to go on with, among them perhaps the one that those who are awaited wait for.
        wait_point nobody;
        nobody.block_until(clock::now() + watch);
    }
    static bool spin_until(auto const& over) noexcept {
        for (int i = 0; i < 200; ++i) {
            if (over()) return true;
            relax();
        }
        return false;
    }

    static bool is_below(scope const* what, scope const& top) noexcept {
        for (; what; what = what->parent)
            if (what == &top) return true;
        return false;
    }

    void sit_down(work_queue& in, loop& at) {    // under in.mutex
        at.inside.fetch_add(1);
        in.loops.erase(at);
        if (--at.seats != 0) in.loops.push_back(at);    // the next one sits down with somebody else
        else offers_.fetch_sub(1);
    }

    bool help_below(scope const& top) {
        if (offers_.load() == 0) return false;
        auto const look_in = [&](work_queue& each) {
            std::unique_lock lock(each.mutex);
            for (auto* at = each.loops.first(); at; at = at->after) {
                if (!is_below(at->parent, top)) continue;
                sit_down(each, *at);
                lock.unlock();
                help(*at);
                return true;
            }
            for (auto* at = each.forks.first(); at; at = at->after) {
                if (!is_below(at->parent, top)) continue;
                borrowed_stack const stack(*this);
                if (!stack.get()) return false;
                take(each, *at, *stack.get());
                lock.unlock();
                run_fork(*at, *stack.get());
                return true;
            }
            return false;
        };
        for (std::size_t i = 0; i < started_.load(); ++i)
            if (look_in(queues_[i])) return true;
        return look_in(outsiders());
    }

    void take(work_queue& in, shared_fork& one, fork_stack& by) noexcept {    // under in.mutex
        in.forks.erase(one);
        offers_.fetch_sub(1);
        one.taken = true;
        one.by = &by;
    }

    // The time that it took.
    std::chrono::nanoseconds run_fork(shared_fork& one, fork_stack& stack) {
        if (grain_.load(std::memory_order_relaxed) >= crumb.count()) one.from->wish(fork_stack::work);    // the next one can be ready before it is asked for
        count(my_queue().taken);
        auto const begun = clock::now();
        {
            moved_to const inside(this, &one);
            on_stack const forks(stack, *one.run);
            one.what->run(*one.what, stack.first());
        }
        auto const took = clock::now() - begun;
        auto const known = grain_.load(std::memory_order_relaxed);    // an estimate: a lost update is one lesson less
        grain_.store(known + (took.count() - known) / 2, std::memory_order_relaxed);
        one.done.store(true, std::memory_order_release);    // pairs with the acquire of the joiner; `one` may be gone after it
        joiners_.ring(most_threads_ + 1);
        return took;
    }

    // Jobs are counted by the list: in a queue, or in a hand.
    void add_jobs(work_queue& to, job_list more) {    // that are in no queue yet
        if (!more.first) return;
        std::lock_guard lock(to.mutex);
        if (!to.jobs.first) offers_.fetch_add(1);
        to.jobs.append(more);
    }
    job_list cut_jobs(work_queue& from, std::size_t most) {    // under from.mutex
        auto const cut = from.jobs.cut(most);
        if (cut.first && !from.jobs.first) offers_.fetch_sub(1);
        return cut;
    }
    // Some of the jobs in the inbox; the others go to the queue for outsiders, and those who are to share them are called.
    job_list empty_inbox(std::size_t most) {
        if (inbox_.empty()) return {};
        auto all = inbox_.take_all();
        auto const some = all.cut(most);
        if (all.first) {
            auto const running = running_.load(), most_running = width();
            add_jobs(outsiders(), all);
            if (running < most_running) summon(std::min(all.size, most_running - running));
        }
        return some;
    }
    // For those who are none of the threads, or wait for jobs that nobody else may be there for.
    posted_job* take_job() {
        auto const look_in = [&](work_queue& each) {
            std::lock_guard lock(each.mutex);
            return cut_jobs(each, 1).first;
        };
        if (auto* const found = take_from(priority::high)) return found;
        for (std::size_t i = 0; i < started_.load(); ++i)
            if (auto* found = look_in(queues_[i])) return found;
        if (auto* const found = look_in(outsiders())) return found;
        if (auto* const found = empty_inbox(1).first) return found;
        return take_from(priority::low);
    }
    posted_job* take_from(priority which) {
        if (waiting_in(which).load(std::memory_order_relaxed) == 0) return nullptr;    // a hint: `offers_` is what a thread asks before it sleeps
        auto& from = lane(which);
        std::lock_guard lock(from.mutex);
        auto* const found = cut_jobs(from, 1).first;
        if (found) waiting_in(which).fetch_sub(1);
        return found;
    }
    bool do_one_of(self& who, priority which) {
        auto* const found = take_from(which);
        if (found) run_jobs(who, found);
        return found != nullptr;
    }
    template <class Posted, class Job>
    static Posted* make_job(Job& job) {    // which is moved
        if constexpr (alignof(Posted) <= alignof(std::max_align_t)) {
            if (auto const [at, of] = job_block::cut(sizeof(Posted)); at) {
                struct unless_made {
                    job_block* of;
                    ~unless_made() { if (of) of->give_back(); }
                } undo{of};
                auto* const made = ::new (at) Posted(std::move(job));
                made->memory = std::exchange(undo.of, nullptr);
                return made;
            }
        }
        return new Posted(std::move(job));
    }
    static void run_job(posted_job* job) {
        job->run();
        auto* const memory = job->memory;
        if (!memory) return delete job;
        std::destroy_at(job);
        memory->give_back();
    }
    // Runs the first of them; the others are in our hand meanwhile, then it is their turn, unless somebody took them.
    void run_jobs(self& who, posted_job* job) {
        auto& hand = queues_[who.number].hand;
        if (auto* const others = std::exchange(job->after, nullptr)) {
            offers_.fetch_add(1);
            hand.store(others);    // it was empty
        }
        pass_on();
        if (!work_left()) return run_job(job);    // the only one
        std::size_t ran = 0;
        auto const begun = clock::now();
        for (;;) {
            run_job(job);
            ++ran;
            if (running_.load() > width()) return;    // it goes to sleep; others see the hand
            if (high_.load(std::memory_order_relaxed) != 0) return;    // the hand comes after it; a hint
            job = hand.exchange(nullptr);
            if (!job) break;
            if (auto* const others = std::exchange(job->after, nullptr)) hand.store(others);
            else offers_.fetch_sub(1);
        }
        if (auto const took = clock::now() - begun; took > std::chrono::microseconds{50}) who.handful = std::max<std::size_t>(1, who.handful / 2);
        else if (ran == who.handful && took < std::chrono::microseconds{10}) who.handful = std::min(most_in_hand, who.handful * 2);
    }
    bool take_hand(self& who, work_queue& of) {
        if (!of.hand.load()) return false;
        auto* const jobs = of.hand.exchange(nullptr);
        if (!jobs) return false;
        offers_.fetch_sub(1);
        run_jobs(who, jobs);
        return true;
    }

    // What is urgent, then own work, then what comes from outside, then the others', starting with the next one, then what can wait;
    // now and then that first, so that it does not wait for ever.
    bool do_something(self& who) {
        bool const offered = offers_.load() != 0;    // else there is nothing but what is in the inbox: no lock is taken in vain
        bool const for_outsiders = ++who.turns % turns_of_outsiders == 0;
        if (offered) {
            if (do_one_of(who, priority::high) || (who.turns % turns_of_low == 0 && do_one_of(who, priority::low))) return true;
            if (take_hand(who, queues_[who.number])) return true;    // before anything that could fill it
            if (!for_outsiders && do_something_from(queues_[who.number], who)) return true;
            if (do_something_from(outsiders(), who)) return true;
        }
        if (auto const jobs = empty_inbox(who.handful); jobs.first) {
            run_jobs(who, jobs.first);
            return true;
        }
        if (!offered) return false;
        if (for_outsiders && do_something_from(queues_[who.number], who)) return true;
        return do_something_of_others(who) || do_one_of(who, priority::low);
    }
    bool do_something_of_others(self& who) {
        auto const me = who.number, threads = started_.load();
        auto const from = [&](std::size_t other) {
            return other < threads && other != me && (do_something_from(queues_[other], who) || take_hand(who, queues_[other]));
        };
        // A row of `near` names all that are placed; there may be fewer threads, or more.
        auto const& near = options_.placement.near;
        auto const placed = options_.placement.cpus.size(), row = placed - (placed != 0);
        bool const by_row = me < placed && near.size() == placed * row;
        for (std::size_t i = 0; by_row && i < row; ++i)
            if (from(near[me * row + i])) return true;
        for (std::size_t i = 1; i < threads; ++i)
            if (auto const other = (me + i) % threads; (!by_row || other >= placed) && from(other)) return true;
        return false;
    }
    [[nodiscard]] bool work_left() const noexcept { return offers_.load() != 0 || !inbox_.empty(); }
    // Those who fork from outside have their place among us.
    [[nodiscard]] bool has_room() const noexcept { return running_.load() + visitors_.load() <= width(); }

    // Nothing is offered. One of us looks a little longer before it sleeps, and asks those who fork: waking it again would cost
    // more. The others sleep at once.
    bool look_for_work(unsigned crumbs) {
        if (crumbs >= most_crumbs || !has_room() || searching_.exchange(true)) return false;
        auto const until = clock::now() + patience;
        bool found = false;
        do {
            if (forking_.load() != 0) {
                for (auto* each = stacks_.load(); each; each = each->next)
                    if (each->active.load(std::memory_order_relaxed) && each->wanted.load(std::memory_order_relaxed) == fork_stack::nothing)    // hints
                        each->wish(fork_stack::work);
            }
            std::this_thread::yield();    // to whoever has work: it has what we look for, or a better use of the processor
            found = spin_until([this] { return work_left(); });
        } while (!found && !closing_.load() && clock::now() < until);
        searching_.store(false);
        return found || work_left();    // again: who saw us search woke nobody
    }

    bool do_something_from(work_queue& from, self& who) {
        std::unique_lock lock(from.mutex);
        if (auto* const found = from.loops.first()) {
            sit_down(from, *found);
            lock.unlock();
            pass_on();
            help(*found);
            return true;
        }
        if (auto* const found = from.forks.first(); found && who.stack && has_room()) {
            take(from, *found, *who.stack);
            lock.unlock();
            if (grain_.load(std::memory_order_relaxed) >= crumb.count()) pass_on();
            who.crumbs = run_fork(*found, *who.stack) < crumb ? who.crumbs + 1 : 0;
            return true;
        }
        if (auto const found = cut_jobs(from, who.handful); found.first) {
            lock.unlock();
            run_jobs(who, found.first);
            return true;
        }
        return false;
    }

    bool enter() noexcept {
        auto now = running_.load();
        while (now < width())
            if (running_.compare_exchange_weak(now, now + 1)) return true;
        return false;
    }
    void leave() {    // a place is free: if work is left, somebody else should come
        absent_.fetch_add(1);    // first: a thread is never taken for a free one in between
        running_.fetch_sub(1);
        if (work_left()) summon(1);
    }
    void stop_visiting() {    // the same: whoever made room for a visitor may have left work behind
        visitors_.fetch_sub(1);
        if (work_left()) summon(1);
    }
    void come_back() noexcept {
        running_.fetch_add(1);    // first, as above
        absent_.fetch_sub(1);
    }
    // Whoever took work sees to it that more of it finds a thread: those that `summon` took for free may have been called for
    // other work already.
    void pass_on() {
        if (work_left() && running_.load() < width()) summon(1);
    }

    void worker(std::size_t me) {
        here() = position{this, nullptr, &queues_[me], true};
        auto const& places = options_.placement.cpus;
        if (options_.placement.bind && !places.empty()) options_.placement.bind(places[me % places.size()]);
        self who{.number = me, .stack = options_.forks ? take_stack() : nullptr};    // kept: the crew outlives its threads
        for (;;) {
            auto const before = work_.look();
            if (enter()) {
                busy_.fetch_add(1);
                auto begun = clock::now();
                for (;;) {
                    if (do_something(who)) {
                        if (options_.utilisation < 1) rest(begun);
                    } else {
                        add_own(queues_[me].busy, (clock::now() - begun).count());
                        auto const found = look_for_work(who.crumbs);
                        begun = clock::now();
                        if (!found) break;
                    }
                    if (who.crumbs >= most_crumbs || running_.load() > width()) break;    // somebody came back from a wait: one of us goes to sleep
                }
                add_own(queues_[me].busy, (clock::now() - begun).count());
                running_.fetch_sub(1);
                busy_.fetch_sub(1);
                if (work_left() && running_.load() + visitors_.load() < width()) continue;
            }
            // As long as one of us is in a job it may still post, and wait for others.
            if (closing_.load() && !work_left() && busy_.load() == 0) {    // in this order: taken work makes busy first
                work_.ring(most_threads_);    // for those that went back to sleep while there was work left, but no place
                return;
            }
            // One of those who sleep looks every now and then whether those who fork have more than they had.
            if (who.stack && forking_.load() != 0 && !watching_.exchange(true)) {
                work_.sleep_unless_rung(before, clock::now() + watch);
                watching_.store(false);
                who.crumbs = 0;
            } else {
                add_own<std::uint64_t>(queues_[me].parks, 1);
                work_.sleep_unless_rung(before);
                add_own<std::uint64_t>(queues_[me].wakes, 1);
                who.crumbs = 0;
            }
        }
    }

    // Statistics: relaxed, nothing hangs on them.
    static void count(std::atomic<std::uint64_t>& what) noexcept { what.fetch_add(1, std::memory_order_relaxed); }
    template <class Number>
    static void add_own(std::atomic<Number>& what, Number by) noexcept {    // that nobody else writes
        what.store(what.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
    }

    // After each stretch of work a pause that keeps the thread below its ceiling.
    void rest(clock::time_point& since) {
        auto const worked = clock::now() - since;
        if (worked < std::chrono::milliseconds{1}) return;
        add_own(here().home->busy, worked.count());
        std::atomic<std::uint32_t> const nobody{0};
        (void)futex_wait(nobody, 0, clock::now() + clock::duration{static_cast<clock::rep>(static_cast<double>(worked.count()) * (1 / options_.utilisation - 1))});
        since = clock::now();
    }

    [[gnu::noinline]] static void touch_stack() noexcept {
        constexpr std::size_t pages = 64, page = 4096;
        unsigned char deep[pages * page];
        for (std::size_t i = 0; i < pages; ++i) static_cast<unsigned char volatile*>(deep)[i * page] = 0;
    }

    // Those that sleep, and those that are about to look for work.
    [[nodiscard]] std::size_t free_threads() const noexcept {
        auto const taken = running_.load() + absent_.load(), threads = started_.load();
        return threads > taken ? threads - taken : 0;
    }

    // Wakes or starts as many as could take part. Who searches anyway is one of them: it looks once more when it has done searching.
    void summon(std::size_t how_many) {
        if (searching_.load() && --how_many == 0) return;
        work_.ring(how_many);
        if (free_threads() < how_many) start_threads(how_many);
    }

    // In a child of fork: it has none of the threads, locks of theirs may be closed for ever, and their names may be those of others.
    void forget_threads() noexcept {
        for (std::size_t i = 0; i < started(); ++i) std::construct_at(&queues_[i].thread);
    }

    [[nodiscard]] bool has_threads() {    // also where another call is about to start the first
        std::lock_guard lock(threads_mutex_);
        return started_.load() != 0;
    }
    // Starts threads until so many are free, or no more may be there.
    void start_threads(std::size_t how_many) {
        std::lock_guard lock(threads_mutex_);
        if (over_) return;
        auto const free = free_threads();    // again: somebody else may have started some
        // Those that do not wait are as many as may run, once they all have begun to: only the absent are stood in for.
        for (; how_many > free && started_.load() < std::min(most_threads_, width() + std::min(options_.spares, absent_.load())); --how_many) {
            auto const me = started_.load();
            try {
                queues_[me].thread = std::thread([this, me] { worker(me); });
            } catch (std::system_error const&) {    // no thread to be had: the callers do the work, and `refused` says so
                return refused_.store(true);
            } catch (std::bad_alloc const&) {    // the same: whoever offers a loop cannot leave it behind
                return refused_.store(true);
            }
            started_.fetch_add(1);
        }
    }

    std::atomic<std::size_t> width_;
    std::size_t const most_threads_;
    std::size_t const most_width_;
    ::pid_t const process_ = ::getpid();
    crew_options const options_;
    std::vector<work_queue> queues_;    // one a thread, one for callers from outside, and two lanes
    std::array<estimate, 64> estimates_;
    doorbell work_;
    doorbell joiners_;
    job_inbox inbox_;
    std::atomic<std::size_t> offers_{0};     // entries in all queues
    std::atomic<std::size_t> running_{0};    // our threads that are neither asleep nor waiting
    std::atomic<std::size_t> absent_{0};     // our threads that wait in a policy or for the last items of a loop
    std::atomic<std::size_t> high_{0}, low_{0};    // jobs in the lanes
    std::atomic<std::size_t> busy_{0};       // our threads that look for work or are in it, running or absent
    std::atomic<std::size_t> forking_{0};    // calls of `enter`
    std::atomic<std::size_t> visitors_{0};   // those from outside among them that do not wait
    std::atomic<bool> searching_{false};     // one of us spins for forks
    std::atomic<bool> watching_{false};      // one of us sleeps for a little while only
    std::atomic<std::int64_t> grain_{1'000'000};    // ns that a taken fork takes, by and by
    std::atomic<fork_stack*> stacks_{nullptr};
    fork_stack* free_stacks_ = nullptr;
    std::mutex stacks_mutex_;
    std::atomic<std::size_t> started_{0};
    std::atomic<bool> refused_{false};
    std::atomic<bool> closing_{false};
    std::mutex threads_mutex_;
    bool over_ = false;    // the last thread was joined
};

/// The waiter of a crew's threads, and of its callers.
struct crew_waiter {
    crew* of;
    [[nodiscard]] instant now() const noexcept { return thread_waiter{}.now(); }
    bool wait_until(wait_point& point, instant until) const { return of->wait_until(point, until); }
};

inline void fork_stack::share_oldest(forked**& from) noexcept { of->offer(*std::exchange(*from++, nullptr), *this); }

inline void fork_stack::answer(forked** newest) {
    auto const asked = wanted.exchange(nothing, std::memory_order_acquire);    // pairs with `wish`: whose stop it was is seen
    if (run->stopped.load()) {
        wish(stop);    // for the next fork too
        throw bad_outcome{failure{cause::cancelled, "the run was asked to stop"}};    // `guarded` makes it a failure again
    }
    if (asked & work) share_oldest(oldest_of(newest));
}

inline bool fork_stack::settle(forked** at, forked& one) noexcept {
    oldest_of(at) = at;
    return of->settle(one.shared);
}

inline void fork_stack::share_all() noexcept {
    while (oldest[1] != top) share_oldest(oldest[1]);
}

}  // namespace muster::detail
