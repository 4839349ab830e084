#pragma once

#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <mutex>          // unique_lock
#include <string>         // to_string
#include <type_traits>    // invoke_result_t

#include <muster/core/context.hpp>           // context
#include <muster/core/failure.hpp>           // failure
#include <muster/core/intrusive_list.hpp>    // intrusive_list
#include <muster/core/waiter.hpp>            // wait_point, instant

namespace muster::detail {

/// Calls that wait for a gate, first come first served. Every member is called under the gate's mutex.
class waiting_line {
public:
    /// How many may wait for a gate of this name; 0: any number.
    struct bound {
        std::size_t most;
        char const* gate;
    };

    [[nodiscard]] std::size_t size() const noexcept { return places_.size(); }
    /// How many calls had to wait.
    [[nodiscard]] std::uint64_t joined() const noexcept { return joined_; }

    /// Passes the gate: at once where nobody waits, else at the end of the line.
    ///
    /// Shape      `ready(again)` is asked of the first alone, under the lock; where it is false it says when to look again without a
    ///            call. Then `enter()` is what it passes with: a permit, or why it gets none.
    /// Waits      without the lock, until it is ready, the deadline or a stop.
    /// Fails      cause::rejected where the line is full, timed_out, cancelled; what `enter` fails with.
    template <class Ready, class Enter>
    auto pass(context& cx, std::unique_lock<std::mutex>& lock, bound waits, Ready const& ready, Enter const& enter)
        -> std::invoke_result_t<Enter const&> {
        auto again = never;
        if (places_.empty() && ready(again)) return enter();
        return wait(cx, lock, waits, ready, enter);    // apart: what has not to wait costs less
    }

    /// Whoever is first looks again.
    void call_first() noexcept {
        if (auto* first = places_.first()) first->point.wake();
    }

private:
    struct place {    // on the stack of the call that waits
        wait_point point;
        place* before = nullptr;
        place* after = nullptr;
    };

    template <class Ready, class Enter>
    auto wait(context& cx, std::unique_lock<std::mutex>& lock, bound waits, Ready const& ready, Enter const& enter)
        -> std::invoke_result_t<Enter const&>;
    void leave(place& who) noexcept {    // whoever is first now is woken to look
        auto const was_first = places_.first() == &who;
        places_.erase(who);
        if (was_first) call_first();
    }

    intrusive_list<place> places_;
    std::uint64_t joined_ = 0;
};

// Implementation

template <class Ready, class Enter>
auto waiting_line::wait(context& cx, std::unique_lock<std::mutex>& lock, bound waits, Ready const& ready, Enter const& enter)
    -> std::invoke_result_t<Enter const&> {
    if (waits.most != 0 && size() >= waits.most)
        return failure{cause::rejected, std::to_string(size()) + " calls already wait for the " + waits.gate};

    place mine;
    places_.push_back(mine);
    ++joined_;
    for (;;) {
        auto again = never;
        if (places_.first() == &mine && ready(again)) {
            auto passed = enter();
            leave(mine);
            return passed;
        }
        mine.point.reset();
        lock.unlock();
        auto const end = cx.wait(mine.point, again);
        lock.lock();
        if (end == context::wait_end::stopped || end == context::wait_end::expired) {
            leave(mine);
            return cx.interruption();
        }
    }
}

}  // namespace muster::detail
