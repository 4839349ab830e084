#pragma once

#include <algorithm>             // max, min
#include <atomic>                // items claimed
#include <chrono>                // a moment
#include <condition_variable>    // the last job
#include <cstddef>               // size_t
#include <deque>                 // jobs
#include <functional>            // jobs
#include <memory>                // shared records
#include <mutex>                 // mutex
#include <utility>               // move

#include <oneapi/tbb/parallel_for.h>    // parallel_for
#include <oneapi/tbb/partitioner.h>     // simple_partitioner
#include <oneapi/tbb/task_arena.h>      // task_arena, isolate

#include <muster/core/concepts.hpp>    // executor
#include <muster/core/settings.hpp>    // settings
#include <muster/os/cpus.hpp>          // granted_cpus

namespace muster {

/// oneTBB as an executor: for programs that have its threads anyway, so that they are not joined by as many of ours.
///
/// Order      none between items; the caller of a verb works too.
/// Waits      a thread that waits is lost to oneTBB until it goes on: for work that waits take a blocking_pool. While a verb
///            waits for its last items, its thread runs only work that those items started (an isolated region): nested
///            verbs never deadlock, also under a lock the item holds.
/// Default    as wide as the settings and the machine grant (affinity, quota), at least 1.
/// Threads    any number of callers. The threads are oneTBB's, shared by all its arenas in the process: as many as it has may be
///            fewer than `width()`; where it has none the callers do the work. It does not say whether one was refused.
/// Lifetime   outlives every stage that names it. The destructor runs out what was posted, then waits for what still runs.
/// Cost       about 1 us to open a loop, and one atomic step a chunk of items.
class tbb_arena {
public:
    explicit tbb_arena(std::size_t width = 0)
        : width_(width != 0 ? width : default_width()), arena_(static_cast<int>(width_)), jobs_(std::make_shared<jobs>()) {}
    tbb_arena(tbb_arena const&) = delete;
    tbb_arena& operator=(tbb_arena const&) = delete;
    ~tbb_arena() { jobs_->run_out(); }

    [[nodiscard]] std::size_t width() const noexcept { return width_; }

    /// Calls `body(first, last)` on ranges that cover [0, n), at most `width` at a time, and returns when all have returned.
    template <class Body>
    void bulk(std::size_t n, std::size_t width, Body const& body);

    /// Runs `job()` on some thread, later; it must not throw.
    template <class Job>
    void post(Job job);

private:
    // What was posted and has not begun; shared with oneTBB's queue, which may look for it when the arena is gone.
    struct jobs {
        std::mutex mutex;
        std::condition_variable ended;
        std::deque<std::function<void()>> waiting;
        std::size_t running = 0;
        std::size_t looks = 0;    // that oneTBB will still take for a job

        bool run_one();
        void look();
        void run_out();
    };
    static std::size_t default_width() {
        auto const now = settings{}.snapshot();
        return now.parallel_disabled() ? 1 : now.workers_or(granted_cpus());
    }

    std::size_t const width_;
    tbb::task_arena arena_;
    std::shared_ptr<jobs> const jobs_;
};

// Implementation

template <class Body>
void tbb_arena::bulk(std::size_t n, std::size_t width, Body const& body) {
    auto const lanes = std::min({n, width, width_});
    if (lanes <= 1) {
        if (n != 0) body(std::size_t{0}, n);
        return;
    }
    // Each lane claims chunks until none is left: so no more than `lanes` run at once, and a slow item holds up its own lane.
    std::atomic<std::size_t> next{0};
    auto const chunk = std::max<std::size_t>(1, n / (64 * lanes));
    auto const lane = [&](std::size_t) {
        for (;;) {
            auto const first = next.fetch_add(chunk, std::memory_order_relaxed);    // relaxed: oneTBB hands over what we wrote
            if (first >= n) return;
            body(first, std::min(n, first + chunk));
        }
    };
    arena_.execute([&] {
        tbb::this_task_arena::isolate([&] { tbb::parallel_for(std::size_t{0}, lanes, lane, tbb::simple_partitioner{}); });
    });
}

template <class Job>
void tbb_arena::post(Job job) {
    auto shared = std::make_shared<Job>(std::move(job));    // std::function copies, a job need not
    {
        std::lock_guard lock(jobs_->mutex);
        jobs_->waiting.push_back([shared = std::move(shared)] { (*shared)(); });
        ++jobs_->looks;
    }
    arena_.enqueue([from = jobs_] { from->look(); });
}

inline bool tbb_arena::jobs::run_one() {
    std::unique_lock lock(mutex);
    if (waiting.empty()) return false;
    auto job = std::move(waiting.front());
    waiting.pop_front();
    ++running;
    lock.unlock();
    job();
    job = nullptr;    // gone before it counts as ended
    lock.lock();
    if (--running == 0) ended.notify_all();
    return true;
}

inline void tbb_arena::jobs::look() {
    run_one();
    std::lock_guard lock(mutex);
    if (--looks == 0) ended.notify_all();
}

inline void tbb_arena::jobs::run_out() {
    for (;;) {
        while (run_one()) {}
        std::unique_lock lock(mutex);
        ended.wait(lock, [this] { return running == 0 || !waiting.empty(); });
        if (!waiting.empty()) continue;
        // The looks that are left find nothing. They are given a moment, so that none is left over when the program ends; no
        // more, for this may be the only thread that could take them.
        ended.wait_for(lock, std::chrono::milliseconds{200}, [this] { return looks == 0; });
        return;
    }
}

static_assert(executor<tbb_arena>);

}  // namespace muster
