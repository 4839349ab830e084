#pragma once

#include <atomic>     // the inbox
#include <cstddef>    // size_t
#include <cstdint>    // uint64_t
#include <mutex>      // mutex
#include <thread>     // thread
#include <utility>    // exchange

#include <muster/core/intrusive_list.hpp>     // intrusive_list
#include <muster/exec/detail/estimate.hpp>    // run_items
#include <muster/exec/detail/fork_stack.hpp>  // scope, shared_fork

// What a crew keeps its work in: a queue for each thread and one for callers from outside, and an inbox for jobs from outside.

namespace muster::detail {

class job_block;
struct work_queue;

/// A loop with open seats, on the stack of its caller.
struct loop : scope {
    run_items run;
    void const* body;
    std::size_t n;
    std::size_t width;
    std::size_t clock_every = 1;             // items
    std::size_t seats;                       // guarded by the mutex of the queue that offers it
    work_queue* home;                        // of its caller; `offered` is set once, by it or by a helper below that waits
    loop* before = nullptr;                  // in the queue
    loop* after = nullptr;
    std::atomic<std::size_t> next{0};        // items claimed
    std::atomic<std::size_t> inside{0};      // helpers at work; raised under the queue's mutex
};

/// A job that was posted; it belongs to the list that it is in, then to whoever runs it.
struct posted_job {
    virtual ~posted_job() = default;
    virtual void run() = 0;    // does not throw
    posted_job* after = nullptr;
    job_block* memory = nullptr;    // that it is made in
};

/// Jobs, first in, first out. Whoever takes a list apart owns it.
struct job_list {
    posted_job* first = nullptr;
    posted_job* last = nullptr;
    std::size_t size = 0;

    void push_back(posted_job& one) noexcept { append({&one, &one, 1}); }
    void append(job_list more) noexcept {
        if (!more.first) return;
        (last ? last->after : first) = more.first;
        last = more.last;
        size += more.size;
    }
    /// Takes the oldest out, at most so many.
    job_list cut(std::size_t most) noexcept {
        if (most >= size) return std::exchange(*this, {});
        job_list front{first, first, most};
        for (auto i = most; i > 1; --i) front.last = front.last->after;
        first = std::exchange(front.last->after, nullptr);
        size -= most;
        return front;
    }
};

struct alignas(64) work_queue {
    std::mutex mutex;
    intrusive_list<loop> loops;
    intrusive_list<shared_fork> forks;
    job_list jobs;
    // What the thread has taken and not begun: a job and those behind it. It lies here while the thread runs the one before, and
    // whoever is idle takes it all. Taken and put by exchange alone, so that nobody looks into a job that another one runs.
    alignas(64) std::atomic<posted_job*> hand{nullptr};
    std::thread thread;    // whose queue it is
    // What it did.
    std::atomic<std::uint64_t> shared{0}, taken{0}, parks{0}, wakes{0};
    std::atomic<std::int64_t> busy{0};    // ns
};

/// Where callers from outside leave jobs: a list that anybody adds to, and that is taken whole. Whoever leaves the first one tells
/// somebody; those who come after it find that done, and pay for nothing but their place in the list.
///
/// Source     R. K. Treiber, "Systems programming: coping with parallelism", 1986; nobody takes a single one, so no place is mistaken
///            for an older one.
class alignas(64) job_inbox {
public:
    [[nodiscard]] bool empty() const noexcept { return newest_.load() == nullptr; }    // seq_cst: looked at before a thread sleeps

    /// True when it was empty.
    bool put(posted_job& one) noexcept {
        auto* older = newest_.load(std::memory_order_relaxed);    // only compared, by the exchange
        do one.after = older;
        while (!newest_.compare_exchange_weak(older, &one));    // seq_cst: before the look at who sleeps
        return older == nullptr;    // `one` is somebody else's by now
    }
    job_list take_all() noexcept {
        job_list all;
        all.last = newest_.exchange(nullptr);
        for (auto* each = all.last; each; ++all.size) {
            auto* const older = std::exchange(each->after, all.first);
            all.first = std::exchange(each, older);
        }
        return all;
    }

private:
    std::atomic<posted_job*> newest_{nullptr};
};

}  // namespace muster::detail
