#pragma once

#include <chrono>                // steady_clock
#include <concepts>              // same_as
#include <condition_variable>    // condition_variable
#include <mutex>                 // mutex
#include <utility>               // exchange

namespace muster {

/// A point in time as a context's time source counts it; for the default source, `std::chrono::steady_clock`.
using instant = std::chrono::steady_clock::time_point;

/// Later than any other instant: no deadline.
inline constexpr instant never = instant::max();

/// Any duration in nanoseconds, the nearest there is where they do not reach: `hours::max()` has far more than fit.
template <class Rep, class Period>
[[nodiscard]] constexpr std::chrono::nanoseconds in_nanoseconds(std::chrono::duration<Rep, Period> how_long) noexcept {
    using std::chrono::nanoseconds;
    using wide = std::chrono::duration<long double>;
    if (wide{how_long} >= wide{nanoseconds::max()}) return nanoseconds::max();
    if (wide{how_long} <= wide{nanoseconds::min()}) return nanoseconds::min();
    return std::chrono::duration_cast<nanoseconds>(how_long);
}

/// `from + by`, or `never` where that would overflow: a deadline of hours::max() is no deadline.
template <class Rep, class Period>
[[nodiscard]] constexpr instant later(instant from, std::chrono::duration<Rep, Period> by) noexcept {
    auto const step = in_nanoseconds(by);
    auto const ticks = std::chrono::duration_cast<instant::duration>(step);
    if (step >= step.zero()) return from >= never - step ? never : from + ticks;
    return from <= instant::min() - step ? instant::min() : from + ticks;
}

class wait_point;

/// Told once in place of a thread that is woken: `point.listen(to)`.
struct wait_listener {
    void (*tell)(wait_listener&) noexcept;    // on any thread, under the lock of the point: it does not touch the point, and is quick
};

/// How the calls of a thread that carries several wait: in place of blocking, it goes on with another.
struct wait_carrier {
    bool (*block)(wait_carrier&, wait_point&, instant until);    // as `block_until`, on the thread that it is set for
};

/// Where one call waits: made on the stack of whoever waits, woken by anyone who was handed a reference.
///
/// Shape      a wake-up is remembered: `wake()` before the wait makes the wait return at once.
/// Threads    `wake` and `interrupt` from any thread; waiting from one.
/// Lifetime   whoever may still call `wake` must be unhooked before this goes out of scope.
class wait_point {
public:
    wait_point() = default;
    wait_point(wait_point const&) = delete;
    wait_point& operator=(wait_point const&) = delete;

    /// Ends the wait for good.
    void wake() noexcept {
        std::lock_guard lock(mutex_);    // notified under the lock: the waiter may destroy this as soon as it can look
        woken_ = true;
        tell();
    }

    /// The same, by one who knows that this lives on, whatever the waiter does: it does not wake up in front of our lock.
    void wake_kept() noexcept {
        {
            std::lock_guard lock(mutex_);
            woken_ = true;
            if (auto* const to = std::exchange(listener_, nullptr)) return to->tell(*to);
        }
        changed_.notify_one();
    }

    [[nodiscard]] bool woken() const noexcept {
        std::lock_guard lock(mutex_);
        return woken_;
    }

    /// Forgets everything, so that the point can be waited on again.
    void reset() noexcept {
        std::lock_guard lock(mutex_);
        woken_ = nudged_ = interrupted_ = false;
    }

    /// Ends the wait that is going on, or the next one, without a wake-up: a stop was requested.
    void interrupt() noexcept {
        std::lock_guard lock(mutex_);
        interrupted_ = true;
        tell();
    }

    /// Takes an interruption back, once nobody can interrupt any more.
    void resume() noexcept {
        std::lock_guard lock(mutex_);
        interrupted_ = false;
    }

    /// For waiters: makes `block_until` return once, so that the waiter looks again.
    void nudge() noexcept {
        std::lock_guard lock(mutex_);
        nudged_ = true;
        tell();
    }

    /// For waiters: blocks this thread, or this call alone where its thread carries several, until woken, interrupted, nudged, or
    /// the steady clock reaches `until`. True when the wait is over: woken or interrupted.
    bool block_until(instant until) {
        if (auto* const by = carrier_) return by->block(*by, *this, until);
        std::unique_lock lock(mutex_);
        auto const something = [this] { return woken_ || interrupted_ || nudged_; };
        if (until == never) changed_.wait(lock, something);
        else changed_.wait_until(lock, until, something);
        return look(lock);
    }

    /// For carriers: from now on `to` is told what would wake a thread. False when there is something already.
    [[nodiscard]] bool listen(wait_listener& to) noexcept {
        std::lock_guard lock(mutex_);
        if (woken_ || interrupted_ || nudged_) return false;
        listener_ = &to;
        return true;
    }
    /// For carriers: nobody listens any more. False when the listener was told.
    bool stop_listening() noexcept {
        std::lock_guard lock(mutex_);
        return std::exchange(listener_, nullptr) != nullptr;
    }
    /// For carriers: what `block_until` answers. Whoever told the listener is out of the point when this returns.
    bool look() noexcept {
        std::unique_lock lock(mutex_);
        return look(lock);
    }
    /// Of this thread; null where it blocks.
    [[nodiscard]] static wait_carrier* carrier() noexcept { return carrier_; }
    static void carry(wait_carrier* by) noexcept { carrier_ = by; }

private:
    void tell() noexcept {    // under the lock
        if (auto* const to = std::exchange(listener_, nullptr)) to->tell(*to);
        else changed_.notify_one();
    }
    bool look(std::unique_lock<std::mutex> const&) noexcept {
        nudged_ = false;
        return woken_ || interrupted_;
    }

    static inline thread_local constinit wait_carrier* carrier_ = nullptr;

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    wait_listener* listener_ = nullptr;
    bool woken_ = false;
    bool nudged_ = false;
    bool interrupted_ = false;
};

/// Tells the time and waits: threads, executors with spare threads, calls that hold no thread, and tests each have one.
template <class W>
concept waiter = requires(W& by, wait_point& point, instant until) {
    { by.now() } -> std::same_as<instant>;                      // asked only where a deadline or a delay is set
    { by.wait_until(point, until) } -> std::same_as<bool>;      // true when woken, false when `until` came or it was interrupted
};

/// Blocks the calling thread; real time.
struct thread_waiter {
    [[nodiscard]] instant now() const noexcept { return std::chrono::steady_clock::now(); }
    bool wait_until(wait_point& point, instant until) const {
        while (!point.block_until(until))
            if (until != never && now() >= until) break;
        return point.woken();
    }
    friend bool operator==(thread_waiter, thread_waiter) = default;
};

/// A reference to any waiter; empty means `thread_waiter`.
///
/// Lifetime   refers to the waiter, which must outlive every context that carries this.
class waiter_ref {
public:
    constexpr waiter_ref() noexcept = default;

    template <waiter W>
        requires(!std::same_as<W, waiter_ref>)
    constexpr waiter_ref(W& by) noexcept : object_(&by), face_(&face_of<W>) {}

    /// True when the waiter says when it is (`W::rules_time`): executors then leave it in place, where they else put their own.
    [[nodiscard]] constexpr bool rules_time() const noexcept { return face_ && face_->rules_time; }

    /// True when the waiter has heard of a stop that comes from outside this process (`W::stopped()`, where it has one).
    [[nodiscard]] bool stopped() const { return face_ && face_->stopped && face_->stopped(object_); }
    /// True when `stopped` may ever be.
    [[nodiscard]] constexpr bool may_stop() const noexcept { return face_ && face_->stopped; }

    [[nodiscard]] instant now() const {
        return face_ ? face_->now(object_) : thread_waiter{}.now();
    }
    bool wait_until(wait_point& point, instant until) const {
        return face_ ? face_->wait_until(object_, point, until) : thread_waiter{}.wait_until(point, until);
    }

    friend constexpr bool operator==(waiter_ref, waiter_ref) noexcept = default;

private:
    struct face {
        instant (*now)(void*);
        bool (*wait_until)(void*, wait_point&, instant);
        bool (*stopped)(void*);    // null: never
        bool rules_time;
    };
    template <class W>
    static constexpr auto stop_of() -> bool (*)(void*) {
        if constexpr (requires(W& by) { { by.stopped() } -> std::convertible_to<bool>; })
            return [](void* object) -> bool { return static_cast<W*>(object)->stopped(); };
        else return nullptr;
    }
    template <class W>
    static constexpr bool says_when = [] {
        if constexpr (requires { { W::rules_time } -> std::convertible_to<bool>; }) return W::rules_time;
        else return false;
    }();
    template <class W>
    static constexpr face face_of{
        [](void* object) { return static_cast<W*>(object)->now(); },
        [](void* object, wait_point& point, instant until) { return static_cast<W*>(object)->wait_until(point, until); },
        stop_of<W>(), says_when<W>};

    void* object_ = nullptr;
    face const* face_ = nullptr;
};

static_assert(waiter<thread_waiter>);
static_assert(waiter<waiter_ref>);

}  // namespace muster
