#pragma once

#include <algorithm>             // max, min
#include <array>                 // estimates
#include <atomic>                // counters, epochs
#include <chrono>                // steady_clock
#include <cstddef>               // size_t
#include <cstdint>               // uint64_t
#include <functional>            // hash
#include <memory>                // unique_ptr
#include <mutex>                 // mutex
#include <new>                   // bad_alloc
#include <system_error>          // a thread that cannot start
#include <thread>                // thread
#include <type_traits>           // decay
#include <utility>               // move
#include <vector>                // workers

#include <muster/core/intrusive_list.hpp>     // intrusive_list
#include <muster/core/waiter.hpp>             // wait_point, thread_waiter
#include <muster/exec/detail/doorbell.hpp>    // doorbell
#include <muster/exec/detail/estimate.hpp>    // estimate, run_items, share

// The threads behind thread_pool and blocking_pool: loops with open seats, stolen by whoever is idle.
// Above 400 lines: who offers, who takes and who sleeps is one protocol, and reads worse in pieces.
//
// A loop (`bulk`) is one record on its caller's stack with a shared counter of claimed items. It is offered in the caller's
// queue with as many seats as other threads may join; an idle thread takes a seat of the oldest loop in its own queue, in the
// queue for outsiders, or in another's. The caller works too, then withdraws the offer and waits for those inside. While it
// waits it takes seats only in loops that were started by items of its own loop: so it never runs a stranger's item under a
// lock that the item below it holds, and a nested loop always has its own caller to make progress. Nothing can deadlock.
//
// A thread that blocks in a policy's wait counts as absent; another is let in (or started, up to `spares`) while it sleeps.
//
// Waking a thread costs more than some loops are worth: 20 us and more on a virtual machine. So the crew remembers what an item
// of each kind of loop took the last times. Where the caller leaves the width to us (`bulk_if_worth_it`), a loop that promises
// to be shorter than that is first worked off by its caller alone, and offered after all when it takes longer, or when one of
// its items waits.

namespace muster::detail {

class crew {
public:
    /// At most `width` threads run at once, `spares` more may be started for those that wait; none is started before it is needed.
    crew(std::size_t width, std::size_t spares)
        : width_(width), most_threads_(width + spares), queues_(std::make_unique<queue[]>(most_threads_ + 1)) {}
    crew(crew const&) = delete;
    crew& operator=(crew const&) = delete;

    /// Runs out what was posted, then joins.
    ~crew() {
        closing_.store(true);
        work_.ring(most_threads_);
        for (;;) {    // a job that is run out may still start a thread
            std::vector<std::thread> gone;
            {
                std::lock_guard lock(threads_mutex_);
                gone.swap(threads_);
                over_ = gone.empty();
            }
            if (gone.empty()) break;
            for (auto& each : gone) each.join();
        }
        while (auto* left = take_job()) run_job(left);    // where no thread could be started
    }

    [[nodiscard]] std::size_t width() const noexcept { return width_; }
    [[nodiscard]] std::size_t started() const noexcept { return started_.load(std::memory_order_relaxed); }    // a statistic
    [[nodiscard]] bool refused() const noexcept { return refused_.load(std::memory_order_relaxed); }           // a statistic

    /// How many calls at once the threads that can be had allow, the caller among them. The first time it starts one, to see.
    std::size_t prepare(std::size_t width) {
        auto const asked = std::min(width, width_);
        if (asked > 1 && started() == 0) start_threads(1);
        return refused() ? std::min(asked, started() + 1) : asked;
    }

    template <class Body>
    void bulk(std::size_t n, std::size_t width, Body const& body) { run_loop(n, width, body, true); }
    template <class Body>
    void bulk_if_worth_it(std::size_t n, std::size_t width, Body const& body) { run_loop(n, width, body, false); }

    template <class Job>
    void post(Job job) {
        struct posted final : any_job {
            explicit posted(Job&& what) : job(std::move(what)) {}
            void run() override { job(); }
            Job job;
        };
        auto* const made = new posted(std::move(job));    // the queue's, then that of whoever runs it
        auto& home = my_queue();
        {
            std::lock_guard lock(home.mutex);
            home.jobs.push_back(*made);
            offers_.fetch_add(1);
        }
        summon(1);
        if (started_.load() != 0) return;
        while (auto* next = take_job()) run_job(next);    // no thread can be had: the callers do the work
    }

    /// Waits on behalf of a call: while one of our own threads sleeps here, another may run; and the items behind the one that
    /// waits are offered to others.
    static bool wait_until(wait_point& point, instant until) {
        for (position const* at = &here(); at; at = at->outer)
            for (auto* each = at->inside; each; each = each->parent)
                if (!each->offered.load(std::memory_order_relaxed)) at->of->offer(*each);    // a hint: `offer` decides
        asleep const now(true);
        return thread_waiter{}.wait_until(point, until);
    }

private:
    using clock = std::chrono::steady_clock;
    static constexpr std::chrono::nanoseconds worth_a_thread = std::chrono::microseconds{50};

    struct queue;

    struct loop {
        run_items run;
        void const* body;
        std::size_t n;
        std::size_t width;
        std::size_t seats;                       // guarded by the mutex of the queue that offers it
        loop* parent;                            // the loop whose item started this one
        queue* home;                             // of its caller
        std::atomic<bool> offered{false};        // set once, by its caller or by a helper of a loop below it that waits
        loop* before = nullptr;                  // in the queue
        loop* after = nullptr;
        std::atomic<std::size_t> next{0};        // items claimed
        std::atomic<std::size_t> inside{0};      // helpers at work; raised under the queue's mutex
    };
    struct any_job {
        virtual ~any_job() = default;
        virtual void run() = 0;
        any_job* before = nullptr;
        any_job* after = nullptr;
    };
    struct alignas(64) queue {
        std::mutex mutex;
        intrusive_list<loop> loops;
        intrusive_list<any_job> jobs;
    };
    struct position {    // where this thread is
        crew* of = nullptr;
        loop* inside = nullptr;
        queue* home = nullptr;
        bool counted = false;                 // among running_
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
        moved_to(crew* of, loop* inside) : before_(here()) {
            if (here().of == of) {
                here().inside = inside;
                return;
            }
            auto const* const known = of->found();
            here() = position{of, inside, known ? known->home : nullptr, false, before_.of ? &before_ : nullptr};
        }
        moved_to(moved_to const&) = delete;
        ~moved_to() { here() = before_; }

    private:
        position before_;
    };
    // This thread sleeps until the end of the scope: in each crew that counts it as running somebody else may come. A wait that
    // no spare stands in for stays a busy one.
    class asleep {
    public:
        explicit asleep(bool in_policy) : in_policy_(in_policy) {
            for (position const* at = &here(); at; at = at->outer)
                if (lends(*at)) at->of->leave();
        }
        asleep(asleep const&) = delete;
        ~asleep() {
            for (position const* at = &here(); at; at = at->outer)
                if (lends(*at)) at->of->come_back();
        }

    private:
        [[nodiscard]] bool lends(position const& at) const noexcept {
            return at.counted && !(in_policy_ && at.of->most_threads_ == at.of->width_);
        }
        bool in_policy_;
    };

    queue& outsiders() noexcept { return queues_[most_threads_]; }
    queue& my_queue() noexcept {
        auto const* const at = found();
        return at && at->home ? *at->home : outsiders();
    }

    template <class Body>
    void run_loop(std::size_t n, std::size_t width, Body const& body, bool at_once) {
        auto const helpers = std::min(n, std::min(width, width_)) - (n != 0 && width != 0);
        if (n == 0) return;
        if (helpers == 0) return body(std::size_t{0}, n);
        loop mine;
        mine.run = [](void const* erased, std::size_t first, std::size_t last) { (*static_cast<Body const*>(erased))(first, last); };
        mine.body = &body;
        mine.n = n;
        mine.width = helpers + 1;
        mine.seats = helpers;
        auto const* const around = found();
        mine.parent = around ? around->inside : nullptr;
        mine.home = &my_queue();

        auto& known = estimates_[std::hash<void*>{}(reinterpret_cast<void*>(mine.run)) / 16 % estimates_.size()];
        if (at_once || !known.promises_less_than(worth_a_thread, mine.run, n)) offer(mine);
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
        std::size_t chunk = 1;
        for (;;) {
            auto const first = at.next.fetch_add(chunk, std::memory_order_relaxed);    // relaxed: items are handed over by the offer
            if (first >= at.n) return done;
            auto const last = std::min(at.n, first + chunk);
            auto const begun = clock::now();
            at.run(at.body, first, last);
            auto const took = clock::now() - begun;
            done.items += last - first;
            done.took += took;
            if (!at.offered.load(std::memory_order_relaxed) && done.took > worth_a_thread && last != at.n) offer(at);    // it takes longer than it promised
            if (took < std::chrono::microseconds(10)) chunk = std::min(chunk * 2, std::max<std::size_t>(1, (at.n - last) / (4 * at.width)));
            else if (took > std::chrono::microseconds(50)) chunk = std::max<std::size_t>(1, chunk / 2);
            chunk = std::max<std::size_t>(chunk, 1);
        }
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
        while (mine.inside.load() != 0) {
            auto const before = joiners_.look();
            if (auto* below = take_seat_below(mine)) {
                help(*below);
                continue;
            }
            if (mine.inside.load() == 0) break;
            asleep const now(false);
            joiners_.sleep_unless_rung(before);
        }
    }

    static bool is_below(loop const* what, loop const& top) noexcept {
        for (; what; what = what->parent)
            if (what == &top) return true;
        return false;
    }

    void sit_down(queue& in, loop& at) {    // under in.mutex
        at.inside.fetch_add(1);
        if (--at.seats != 0) return;
        in.loops.erase(at);
        offers_.fetch_sub(1);
    }

    loop* take_seat_below(loop const& top) {
        auto const look_in = [&](queue& each) -> loop* {
            std::lock_guard lock(each.mutex);
            for (auto* at = each.loops.first(); at; at = at->after) {
                if (!is_below(at->parent, top)) continue;
                sit_down(each, *at);
                return at;
            }
            return nullptr;
        };
        for (std::size_t i = 0; i < started_.load(); ++i)
            if (auto* found = look_in(queues_[i])) return found;
        return look_in(outsiders());
    }

    any_job* take_job() {
        auto const look_in = [&](queue& each) {
            std::lock_guard lock(each.mutex);
            return take_job_from(each);
        };
        for (std::size_t i = 0; i < started_.load(); ++i)
            if (auto* found = look_in(queues_[i])) return found;
        return look_in(outsiders());
    }
    any_job* take_job_from(queue& in) {    // under in.mutex
        auto* const found = in.jobs.pop_front();
        if (found) offers_.fetch_sub(1);
        return found;
    }

    static void run_job(any_job* job) {
        job->run();    // does not throw
        delete job;
    }

    // Own work first, then what comes from outside, then the others', starting with the next one.
    bool do_something(std::size_t me) {
        if (do_something_from(queues_[me]) || do_something_from(outsiders())) return true;
        for (std::size_t i = 1, threads = started_.load(); i < threads; ++i)
            if (do_something_from(queues_[(me + i) % threads])) return true;
        return false;
    }
    bool do_something_from(queue& from) {
        std::unique_lock lock(from.mutex);
        if (auto* const found = from.loops.first()) {
            sit_down(from, *found);
            lock.unlock();
            pass_on();
            help(*found);
            return true;
        }
        if (auto* const found = take_job_from(from)) {
            lock.unlock();
            pass_on();
            run_job(found);
            return true;
        }
        return false;
    }

    bool enter() noexcept {
        auto now = running_.load();
        while (now < width_)
            if (running_.compare_exchange_weak(now, now + 1)) return true;
        return false;
    }
    void leave() {    // a place is free: if work is left, somebody else should come
        absent_.fetch_add(1);    // first: a thread is never taken for a free one in between
        running_.fetch_sub(1);
        if (offers_.load() != 0) summon(1);
    }
    void come_back() noexcept {
        running_.fetch_add(1);    // first, as above
        absent_.fetch_sub(1);
    }
    // Whoever took work sees to it that more of it finds a thread: those that `summon` took for free may have been called for
    // other work already.
    void pass_on() {
        if (offers_.load() != 0 && running_.load() < width_) summon(1);
    }

    void worker(std::size_t me) {
        here() = position{this, nullptr, &queues_[me], true};
        for (;;) {
            auto const before = work_.look();
            if (enter()) {
                busy_.fetch_add(1);
                while (do_something(me)) {
                    if (running_.load() > width_) break;    // somebody came back from a wait: one of us goes to sleep
                }
                running_.fetch_sub(1);
                busy_.fetch_sub(1);
                if (offers_.load() != 0 && running_.load() < width_) continue;
            }
            // As long as one of us is in a job it may still post, and wait for others.
            if (closing_.load() && offers_.load() == 0 && busy_.load() == 0) {    // in this order: taken work makes busy first
                work_.ring(most_threads_);    // for those that went back to sleep while there was work left, but no place
                return;
            }
            work_.sleep_unless_rung(before);
        }
    }

    // Those that sleep, and those that are about to look for work.
    [[nodiscard]] std::size_t free_threads() const noexcept {
        auto const taken = running_.load() + absent_.load(), threads = started_.load();
        return threads > taken ? threads - taken : 0;
    }

    // Wakes or starts as many as could take part.
    void summon(std::size_t how_many) {
        work_.ring(how_many);
        if (free_threads() < how_many) start_threads(how_many);
    }

    void refuse() noexcept {
        started_.fetch_sub(1);
        refused_.store(true);
    }
    // Starts threads until so many are free, or no more may be there.
    void start_threads(std::size_t how_many) {
        std::lock_guard lock(threads_mutex_);
        if (over_) return;
        auto const free = free_threads();    // again: somebody else may have started some
        // Those that do not wait are as many as may run, once they all have begun to: only the absent are stood in for.
        for (; how_many > free && started_.load() < std::min(most_threads_, width_ + absent_.load()); --how_many) {
            auto const me = started_.fetch_add(1);
            try {
                threads_.emplace_back([this, me] { worker(me); });
            } catch (std::system_error const&) {    // no thread to be had: the callers do the work, and `refused` says so
                return refuse();
            } catch (std::bad_alloc const&) {    // the same: whoever offers a loop cannot leave it behind
                return refuse();
            }
        }
    }

    std::size_t const width_;
    std::size_t const most_threads_;
    std::unique_ptr<queue[]> const queues_;    // one a thread; the last is for callers from outside
    std::array<estimate, 64> estimates_;
    doorbell work_;
    doorbell joiners_;
    std::atomic<std::size_t> offers_{0};     // entries in all queues
    std::atomic<std::size_t> running_{0};    // our threads that are neither asleep nor waiting
    std::atomic<std::size_t> absent_{0};     // our threads that wait in a policy or for the last items of a loop
    std::atomic<std::size_t> busy_{0};       // our threads that look for work or are in it, running or absent
    std::atomic<std::size_t> started_{0};
    std::atomic<bool> refused_{false};
    std::atomic<bool> closing_{false};
    std::mutex threads_mutex_;
    std::vector<std::thread> threads_;
    bool over_ = false;    // the last thread was joined
};

/// The waiter of a crew's threads, and of its callers.
struct crew_waiter {
    crew* of;
    [[nodiscard]] instant now() const noexcept { return thread_waiter{}.now(); }
    bool wait_until(wait_point& point, instant until) const { return of->wait_until(point, until); }
};

}  // namespace muster::detail
