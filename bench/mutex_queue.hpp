#pragma once

#include <atomic>                // done
#include <condition_variable>    // sleeping workers
#include <cstddef>               // size_t
#include <deque>                 // jobs
#include <functional>            // function
#include <future>                // run
#include <mutex>                 // mutex
#include <thread>                // jthread
#include <utility>               // move, pair
#include <vector>                // threads

namespace bench {

/// The pool that everybody writes first: threads, a mutex, a condition variable, and a queue of functions.
class mutex_queue {
public:
    explicit mutex_queue(std::size_t workers) {
        for (std::size_t i = 0; i < workers; ++i) threads_.emplace_back([this] { work(); });
    }
    mutex_queue(mutex_queue const&) = delete;
    ~mutex_queue() {
        {
            std::lock_guard lock(mutex_);
            closing_ = true;
        }
        changed_.notify_all();
    }

    void post(std::function<void()> job) {
        {
            std::lock_guard lock(mutex_);
            jobs_.push_back(std::move(job));
        }
        changed_.notify_one();
    }

    /// Runs the job that came last, if there is one: what a thread does that waits for a job of its own.
    bool run_newest() {
        std::function<void()> job;
        {
            std::lock_guard lock(mutex_);
            if (jobs_.empty()) return false;
            job = std::move(jobs_.back());
            jobs_.pop_back();
        }
        job();
        return true;
    }

    /// Runs `call()` on a worker, and waits for its answer.
    template <class F>
    auto run(F const& call) {
        std::promise<decltype(call())> answer;
        post([&] { answer.set_value(call()); });
        return answer.get_future().get();
    }

    /// Calls both from a worker, the second perhaps on another; their answers.
    template <class F, class G>
    auto join(F const& here, G const& there) {
        decltype(there()) second{};
        std::atomic<bool> done{false};
        post([&] {
            second = there();
            done.store(true, std::memory_order_release);    // pairs with the acquire below: `second` is written
        });
        auto const first = here();
        while (!done.load(std::memory_order_acquire))
            if (!run_newest()) std::this_thread::yield();
        return std::pair{first, second};
    }

private:
    void work() {
        for (std::unique_lock lock(mutex_);;) {
            changed_.wait(lock, [this] { return closing_ || !jobs_.empty(); });
            if (jobs_.empty()) return;
            {
                auto const job = std::move(jobs_.front());
                jobs_.pop_front();
                lock.unlock();
                job();
            }
            lock.lock();
        }
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> jobs_;
    bool closing_ = false;
    std::vector<std::jthread> threads_;    // last: joined before the rest is gone
};

}  // namespace bench
