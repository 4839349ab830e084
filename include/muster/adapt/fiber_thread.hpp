#pragma once

#include <cstddef>      // size_t
#include <cstdint>      // uint64_t
#include <stdexcept>    // invalid_argument
#include <string>       // what is wrong
#include <utility>      // move

#include <unistd.h>    // sysconf

#include <muster/adapt/detail/fiber_carrier.hpp>      // fiber_carrier
#include <muster/adapt/fiber_thread_options.hpp>      // fiber_thread_options
#include <muster/core/bytes.hpp>                      // KiB
#include <muster/core/concepts.hpp>                   // executor
#include <muster/core/poller.hpp>                     // poller
#include <muster/core/waiter.hpp>                     // waiter_ref
#include <muster/exec/pending.hpp>                    // pending

namespace muster {

/// One thread that carries thousands of calls: each has a small stack of its own (a fiber), and one that waits holds no thread.
///
///     fiber_thread fibers{client};
///     auto answers = map(nodes, on{fibers, 5'000} | retry{} | limit{quota} | post);
///
/// For calls that wait nearly all of their time: one that computes has all others wait. Whatever waits through the context, or at
/// a wait_point, gives the thread to another call: gates, retries, single flights, buffers, `pending::get`, runners, programs,
/// `manual_time`; and so does a verb on another pool that waits for its last items, which it looks for every 100 us.
///
/// Order      items are claimed one by one in the order of the range, jobs in the order of their posts; calls that can go on go on
///            in the order in which they were woken. A call that does not wait keeps the thread until it is over.
/// Default    10'000 calls at once, on 256 KiB of addresses each. Name the width that the other side allows.
/// Waits      what blocks the thread blocks all its calls: a system call, a file, std::mutex, std::condition_variable, std::future,
///            sleep_for, a database, `redis_node`, `tbb_arena`, the first start of a process_pool. Hold no lock across a wait: the call that asks for it
///            next would block the very thread that is to give it back. Thread-local variables are shared by the calls of the thread.
/// Throws     std::invalid_argument for options out of their range; std::bad_alloc and std::system_error where there is no memory or no
///            thread; what `begin_polling` throws where another thread polls already.
/// Threads    any number of callers, from inside and outside. From inside the caller works too, so verbs nest and never deadlock.
/// Lifetime   outlives every stage that names it, and its poller outlives it. The destructor runs out what was posted, then joins;
///            one of its own calls must not end it.
/// Cost       a call that waits: a page of memory and up, half of what a thread takes of its own, and two memory maps; where the machine
///            refuses them fewer calls are under way, and the others wait for their turn. The first call on a stack pays 20 us for it.
///            A wait that another call ends: half a microsecond; one that another thread ends: what it costs to wake a thread, once
///            for all that are woken meanwhile. Stacks that nobody used for a second go back to the machine.
class fiber_thread {
public:
    explicit fiber_thread(fiber_thread_options options = {}) : fiber_thread(detail::any_poller{}, options) {}
    /// While its calls wait, the thread polls `at`, which then needs no thread of its own.
    template <poller P>
    explicit fiber_thread(P& at, fiber_thread_options options = {}) : fiber_thread(detail::any_poller{at}, options) {}

    /// The most calls under way at once.
    [[nodiscard]] std::size_t width() const noexcept { return carrier_.most(); }
    /// How many stacks there are, in use or not.
    [[nodiscard]] std::size_t stacks() const noexcept { return carrier_.stacks(); }
    /// True when the machine refused a stack at some time.
    [[nodiscard]] bool refused() const noexcept { return carrier_.refused(); }

    /// Calls `body(i, i + 1)` for each i below n, at most `width` at a time, and returns when all have returned.
    template <class Body>
    void bulk(std::size_t n, std::size_t width, Body const& body) { carrier_.bulk(n, width, body); }

    /// Calls `job()` on a fiber, later; it must not throw.
    template <class Job>
    void post(Job job) { carrier_.add(*new detail::fiber_job<Job>(std::move(job))); }

    /// Calls `task()` on a fiber; the handle gives its outcome.
    template <class F>
    auto submit(F task) { return detail::submit_to(*this, std::move(task)); }

    [[nodiscard]] waiter_ref waiting() noexcept { return waiter_; }

private:
    fiber_thread(detail::any_poller at, fiber_thread_options options) : carrier_(at, checked_stack(options.stack), checked_most(options.most)) {}

    static std::size_t checked_stack(std::uint64_t bytes) {
        auto const page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
        if (bytes >= 16 * KiB && bytes <= GiB) return static_cast<std::size_t>((bytes + page - 1) / page * page);
        throw std::invalid_argument("muster: a fiber_thread's stack of " + std::to_string(bytes) + " bytes is none of 16 KiB to 1 GiB");
    }
    static std::size_t checked_most(std::size_t calls) {
        if (calls >= 1 && calls <= 1'000'000) return calls;
        throw std::invalid_argument("muster: " + std::to_string(calls) + " calls at once on a fiber_thread are none of 1 to 1,000,000");
    }

    thread_waiter waiter_;    // real time; that a wait holds no thread is the doing of the wait_point
    detail::fiber_carrier carrier_;
};

static_assert(executor<fiber_thread> && has_waiter<fiber_thread>);

}  // namespace muster
