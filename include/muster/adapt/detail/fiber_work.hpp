#pragma once

#include <atomic>     // the inbox
#include <cstddef>    // size_t
#include <utility>    // exchange, move

#include <muster/core/intrusive_list.hpp>    // intrusive_list
#include <muster/core/waiter.hpp>            // wait_point

namespace muster::detail {

/// What comes to a thread of fibers from others: a fiber that is to go on, or work.
struct fiber_arrival {
    bool const is_fiber;
    fiber_arrival* earlier = nullptr;
    explicit constexpr fiber_arrival(bool fiber) noexcept : is_fiber(fiber) {}
};

/// Many put something in, one takes all of it out.
class fiber_inbox {
public:
    void put(fiber_arrival& what) noexcept {
        what.earlier = newest_.load(std::memory_order_relaxed);    // the exchange looks again
        while (!newest_.compare_exchange_weak(what.earlier, &what)) {}    // seq_cst: before the look whether the thread sleeps
    }
    /// The oldest first, linked by `earlier`.
    fiber_arrival* take_all() noexcept {
        if (empty()) return nullptr;
        fiber_arrival* first = nullptr;
        for (auto* each = newest_.exchange(nullptr); each;) {
            auto* const next = std::exchange(each->earlier, first);
            first = std::exchange(each, next);
        }
        return first;
    }
    [[nodiscard]] bool empty() const noexcept { return newest_.load() == nullptr; }    // seq_cst: after saying that it sleeps

private:
    std::atomic<fiber_arrival*> newest_{nullptr};
};

/// Something to call on fibers: a job on one, a loop on as many as have seats.
struct fiber_work : fiber_arrival {
    using call = void (*)(fiber_work&) noexcept;
    explicit constexpr fiber_work(call how, std::size_t on = 1) noexcept : fiber_arrival(false), run(how), seats(on) {}

    call const run;
    std::size_t seats;            // it stands in the line as long as there are any
    std::size_t computing = 0;    // fibers in it that kept the thread for a slice, and go on soon: it needs no further one
    fiber_work* before = nullptr;
    fiber_work* after = nullptr;
};

template <class Job>
struct fiber_job : fiber_work {
    explicit fiber_job(Job&& what) : fiber_work(&call_once), job(std::move(what)) {}
    Job job;

private:
    static void call_once(fiber_work& me) noexcept {
        auto& mine = static_cast<fiber_job&>(me);
        mine.job();
        delete &mine;
    }
};

}  // namespace muster::detail
