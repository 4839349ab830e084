#pragma once

#include <algorithm>      // min, max
#include <atomic>         // who sleeps
#include <chrono>         // bounds
#include <cstddef>        // size_t
#include <cstdint>        // uint32_t
#include <future>         // packaged_task
#include <memory>         // construct_at
#include <new>            // bad_alloc
#include <thread>         // thread
#include <utility>        // exchange, move

#include <unistd.h>    // getpid

#include <muster/adapt/detail/fiber.hpp>         // fiber, fiber_line
#include <muster/adapt/detail/fiber_work.hpp>    // fiber_work, fiber_inbox
#include <muster/adapt/detail/timer_heap.hpp>    // timer_heap
#include <muster/core/intrusive_list.hpp>        // intrusive_list
#include <muster/core/poller.hpp>                // poller
#include <muster/core/waiter.hpp>                // wait_carrier, wait_point
#include <muster/os/futex.hpp>                   // futex_wait, futex_wake

// The thread behind fiber_thread.
//
// Work stands in a line. A fiber takes the first of it, calls it, and takes the next: so a call that never waits costs no stack of
// its own. When a call waits, its fiber gives the thread back, and another fiber is begun as long as work is left. So the fibers that
// there are beyond one are those that wait, or can go on.
//
// The thread goes round: it takes what others sent, ends the waits whose time is there, lets those go on that can, begins fibers for
// the work that is left, and asks the poller. When there is nothing it sleeps, in the poller if it has one.
//
// Everything but the inbox is the thread's own, so nothing is locked. A call that waits listens at its point; whoever wakes the point
// puts the fiber into the inbox, under the point's lock, or, on this thread, straight into the line. The fiber looks at the point again
// when it goes on: so nobody is in it any more when the call ends and takes the point with it.

namespace muster::detail {

/// Any poller, or none.
struct any_poller {
    void* at = nullptr;
    void (*begin)(void*) = nullptr;
    void (*end)(void*) = nullptr;
    void (*poll)(void*, std::chrono::nanoseconds) = nullptr;
    void (*wake)(void*) = nullptr;

    any_poller() = default;
    template <poller P>
    explicit any_poller(P& of) noexcept
        : at(&of), begin([](void* it) { static_cast<P*>(it)->begin_polling(); }), end([](void* it) { static_cast<P*>(it)->end_polling(); }),
          poll([](void* it, std::chrono::nanoseconds most) { static_cast<P*>(it)->poll(most); }), wake([](void* it) { static_cast<P*>(it)->wake(); }) {}
};

/// Items that several fibers call one by one.
struct fiber_loop : fiber_work {
    using item_call = void (*)(void const* body, std::size_t item);
    fiber_loop(fiber_carrier& by, std::size_t items, std::size_t fibers, void const* what, item_call how) noexcept
        : fiber_work(&call_items, fibers), of(by), n(items), body(what), item(how) {}

    fiber_carrier& of;
    std::size_t const n;
    void const* const body;
    item_call const item;
    std::size_t next = 0;
    std::size_t inside = 0;    // fibers that are in it
    wait_point over;           // where its caller waits

private:
    static void call_items(fiber_work& me) noexcept;
};

class fiber_carrier : private wait_carrier {
public:
    fiber_carrier(any_poller poller, std::size_t stack, std::size_t most) : wait_carrier{&block}, poller_(poller), stack_(stack), most_(most) {
        timers_.reserve(most);
        std::packaged_task<void()> begin([this] { begin_here(); });
        auto begun = begin.get_future();
        thread_ = std::jthread([this, begin = std::move(begin)]() mutable {
            begin();
            if (free_) run();
        });
        begun.get();    // throws what was thrown there
    }
    fiber_carrier(fiber_carrier const&) = delete;
    fiber_carrier& operator=(fiber_carrier const&) = delete;

    /// Runs out what was posted, then joins.
    ~fiber_carrier() {
        if (::getpid() != process_) {    // a child of fork: it does not have the thread
            std::construct_at(&thread_);
            return;
        }
        closing_.store(true);
        ring();
        thread_.join();
    }

    [[nodiscard]] std::size_t most() const noexcept { return most_; }
    [[nodiscard]] std::size_t stacks() const noexcept { return made_.load(std::memory_order_relaxed); }    // a statistic
    [[nodiscard]] bool refused() const noexcept { return refused_.load(std::memory_order_relaxed); }       // a statistic

    void add(fiber_work& what) noexcept {
        if (here_ == this) return work_.push_back(what);
        inbox_.put(what);
        ring();
    }

    template <class Body>
    void bulk(std::size_t n, std::size_t width, Body const& body) {
        if (n == 0) return;
        auto const fibers = std::min({n, width, most_});
        bool const mine = here_ == this;
        if (fibers <= 1 || (mine && !current_)) return body(std::size_t{0}, n);    // a poller's call has no stack to put away
        fiber_loop loop{*this, n, mine ? fibers - 1 : fibers, &body,
                        [](void const* erased, std::size_t i) { (*static_cast<Body const*>(erased))(i, i + 1); }};
        add(loop);
        if (mine && take_part(loop)) return;
        loop.over.block_until(never);
    }

    /// Calls items until none is left. True for the last one that leaves.
    bool take_part(fiber_loop& loop) noexcept {
        ++loop.inside;
        while (loop.next != loop.n) {
            loop.item(loop.body, loop.next++);
            breathe(loop.computing);
        }
        if (loop.seats != 0) {
            work_.erase(loop);
            loop.seats = 0;
        }
        return --loop.inside == 0;
    }

private:
    using clock = std::chrono::steady_clock;
    static constexpr std::chrono::nanoseconds slice = std::chrono::microseconds{50};            // that calls which do not wait keep the thread
    static constexpr std::chrono::nanoseconds poll_every = std::chrono::microseconds{10};       // while there is something to do
    static constexpr std::chrono::nanoseconds longest_poll = std::chrono::seconds{60};
    static constexpr std::chrono::nanoseconds idle_long = std::chrono::seconds{1};              // after which stacks are given back
    static constexpr std::chrono::nanoseconds ask_every = std::chrono::milliseconds{100};       // for stacks, where the machine refused one
    static constexpr std::size_t a_round = 64;    // fibers that go on, and that are begun, between two looks at what came
    static constexpr std::size_t kept = 64;       // free stacks

    // The calls' side: on a fiber

    static bool block(wait_carrier& me, wait_point& point, instant until) {
        return static_cast<fiber_carrier&>(me).wait(point, until);
    }
    bool wait(wait_point& point, instant until) {
        auto& mine = *current_;
        if (until != never && until <= clock::now()) return point.look();
        mine.waits_at = &point;
        if (!point.listen(mine)) return point.look();
        if (until != never) timers_.add(mine, until);
        leave(mine);
        return point.look();
    }
    // Between two calls. Where the slice is over, the others' turn comes first; `among` counts this one meanwhile.
    void breathe(std::size_t& among) noexcept {
        if (clock::now() - round_began_ <= slice) return;
        auto& mine = *current_;
        ready_.push(mine);
        ++among;
        leave(mine);
        --among;
    }
    void leave(fiber& mine) noexcept {
        mine.place.put_away();
        mine.go_on_with(own_);
        mine.place.put_back();
    }
    static void live(switched_stack& me) noexcept {
        auto& mine = static_cast<fiber&>(me);
        auto& of = mine.of;
        while (!mine.ends) {
            while (auto* const what = of.take_work()) {
                what->run(*what);
                of.breathe(of.free_soon_);
            }
            of.rests_ = &mine;
            mine.go_on_with(of.own_);
        }
        mine.end(of.own_);
    }
    // The first that may have a further fiber. Those that may not are loops: few.
    [[nodiscard]] fiber_work* work_to_take() const noexcept {
        auto* each = work_.first();
        while (each && each->computing != 0) each = each->after;
        return each;
    }
    fiber_work* take_work() noexcept {
        auto* const what = work_to_take();
        if (!what) return nullptr;
        work_.erase(*what);
        if (--what->seats != 0) work_.push_back(*what);
        return what;
    }

    // Whoever wakes a point

    friend fiber;
    static void tell(wait_listener& who) noexcept {
        auto& mine = static_cast<fiber&>(who);
        auto& of = mine.of;
        if (here_ == &of) return of.make_ready(mine);
        of.inbox_.put(mine);
        of.ring();
    }
    void ring() noexcept {
        if (asleep_.load() == 0 || asleep_.exchange(0) == 0) return;    // seq_cst: after what was put into the inbox
        if (poller_.at) poller_.wake(poller_.at);
        else futex_wake(asleep_, 1);
    }

    // The thread's side

    void make_ready(fiber& one) noexcept {
        timers_.remove(one);
        ready_.push(one);
    }

    void begin_here() {
        if (poller_.at) poller_.begin(poller_.at);
        free_ = fiber::make(*this, stack_, &live);    // so that there is one, whatever comes
        if (free_) {
            made_ = spare_ = 1;
            return;
        }
        if (poller_.at) poller_.end(poller_.at);
        throw std::bad_alloc{};
    }
    void run() noexcept {
        here_ = this;
        for (;;) {
            take_inbox();
            round_began_ = clock::now();
            end_waits();
            for (auto left = std::min(a_round, ready_.size()); left != 0; --left) go_on_with(ready_.pop());
            for (auto left = a_round; left != 0 && wants_fiber(); --left) {
                auto* const one = take_stack();
                if (!one) break;
                go_on_with(*one);
            }
            if (!ready_.empty() || (wants_fiber() && has_stack())) {
                poll_now_and_then();
                continue;
            }
            if (closing_.load() && nothing_left() && inbox_.empty()) break;
            idle();
        }
        give_back(0);
        here_ = nullptr;
        if (poller_.at) poller_.end(poller_.at);
    }
    [[nodiscard]] bool wants_fiber() const noexcept { return free_soon_ == 0 && work_to_take(); }
    void take_inbox() noexcept {
        for (auto* each = inbox_.take_all(); each;) {
            auto* const next = each->earlier;
            if (each->is_fiber) make_ready(*static_cast<fiber*>(each));
            else work_.push_back(*static_cast<fiber_work*>(each));
            each = next;
        }
    }
    void end_waits() noexcept {
        while (!timers_.empty() && timers_.first_due() <= round_began_) {
            auto& one = timers_.first();
            timers_.remove(one);
            if (one.waits_at->stop_listening()) ready_.push(one);    // else it was told, and is in the inbox
        }
    }
    void go_on_with(fiber& one) noexcept {
        current_ = &one;
        wait_point::carry(this);
        own_.go_on_with(one);
        wait_point::carry(nullptr);
        current_ = nullptr;
        if (auto* const rests = std::exchange(rests_, nullptr)) {
            rests->next = std::exchange(free_, rests);
            ++spare_;
        }
    }

    void poll_now_and_then() noexcept {
        if (!poller_.at || round_began_ < poll_again_) return;
        auto const begun = clock::now();
        poller_.poll(poller_.at, std::chrono::nanoseconds{0});
        auto const now = clock::now();
        poll_again_ = later(now, std::max<clock::duration>(poll_every, now - begun));    // half of the time at most, however long it takes
    }
    void idle() noexcept {
        auto const due = std::min(timers_.empty() ? never : timers_.first_due(), !wants_fiber() || all_made() ? never : ask_again_);
        auto const until = spare_ > kept ? std::min(due, later(counted_, idle_long)) : due;
        asleep_.store(1);    // seq_cst: before the look at what may have come; one of the two sees the other
        if (inbox_.empty() && !(closing_.load() && nothing_left())) {
            if (poller_.at) poller_.poll(poller_.at, std::clamp(until == never ? longest_poll : until - clock::now(), std::chrono::nanoseconds{0}, longest_poll));
            else (void)futex_wait(asleep_, 1, until);
        }
        asleep_.store(0);
        if (spare_ > kept) give_back_unused();
    }
    // Those that were free all through the last second, 20 us each: not while there is something to do.
    void give_back_unused() noexcept {
        if (clock::now() < later(counted_, idle_long)) return;
        for (; least_spare_ > kept && inbox_.empty(); --least_spare_) give_back(spare_ - 1);
        counted_ = clock::now();
        least_spare_ = spare_;
    }
    [[nodiscard]] bool nothing_left() const noexcept { return work_.empty() && spare_ == made_.load(std::memory_order_relaxed); }

    // Where the machine refused one, it is not asked again for each call: that would cost more than the calls.
    [[nodiscard]] bool all_made() const noexcept { return made_.load(std::memory_order_relaxed) == most_; }    // written on this thread
    [[nodiscard]] bool has_stack() const noexcept { return free_ || (!all_made() && round_began_ >= ask_again_); }
    fiber* take_stack() noexcept {
        if (free_) {
            least_spare_ = std::min(least_spare_, --spare_);
            return std::exchange(free_, free_->next);
        }
        if (!has_stack()) return nullptr;
        auto* const one = fiber::make(*this, stack_, &live);
        if (one) {
            made_.fetch_add(1, std::memory_order_relaxed);    // a statistic for others
        } else {
            refused_.store(true, std::memory_order_relaxed);
            ask_again_ = later(round_began_, ask_every);
        }
        return one;
    }
    void give_back(std::size_t keep) noexcept {
        for (; spare_ > keep; --spare_) {
            auto* const one = std::exchange(free_, free_->next);
            one->ends = true;
            own_.go_on_with(*one);
            one->ended();
            fiber::destroy(one);
            made_.fetch_sub(1, std::memory_order_relaxed);
        }
    }

    static inline thread_local constinit fiber_carrier* here_ = nullptr;

    any_poller const poller_;
    std::size_t const stack_;
    std::size_t const most_;
    ::pid_t const process_ = ::getpid();

    fiber_inbox inbox_;
    std::atomic<std::uint32_t> asleep_{0};
    std::atomic<bool> closing_{false};
    std::atomic<bool> refused_{false};
    std::atomic<std::size_t> made_{0};

    // The thread's own
    switched_stack own_;
    fiber* current_ = nullptr;
    fiber* rests_ = nullptr;     // has just found no work
    fiber_line ready_;
    intrusive_list<fiber_work> work_;
    timer_heap<fiber> timers_;
    fiber* free_ = nullptr;
    std::size_t spare_ = 0;      // free ones
    std::size_t free_soon_ = 0;  // fibers between two pieces of work: they take what is next
    instant ask_again_ = instant::min();    // for stacks
    clock::time_point round_began_{};
    instant poll_again_ = instant::min();
    std::size_t least_spare_ = 0;           // since `counted_`
    instant counted_ = clock::now();

    std::jthread thread_;    // the last: it ends first
};

inline fiber::fiber(fiber_carrier& by, std::byte* at, std::size_t size) noexcept
    : wait_listener{&fiber_carrier::tell}, fiber_arrival(true), of(by), bottom(at), stack(size) {}

inline void fiber_loop::call_items(fiber_work& me) noexcept {
    auto& loop = static_cast<fiber_loop&>(me);
    if (loop.of.take_part(loop)) loop.over.wake();    // it may be gone from here on
}

}  // namespace muster::detail
