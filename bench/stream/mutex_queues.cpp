#include "problem.hpp"

#include <condition_variable>    // condition_variable
#include <deque>                 // deque
#include <mutex>                 // mutex
#include <optional>              // the end
#include <thread>                // jthread
#include <vector>                // threads

namespace bench::stream {

namespace {

// What one writes first: a bounded queue between threads.
class queue {
public:
    void put(std::uint64_t one) {
        std::unique_lock lock(mutex_);
        not_full_.wait(lock, [&] { return items_.size() < room; });
        items_.push_back(one);
        not_empty_.notify_one();
    }
    void end() {
        std::lock_guard lock(mutex_);
        ended_ = true;
        not_empty_.notify_all();
    }
    std::optional<std::uint64_t> take() {
        std::unique_lock lock(mutex_);
        not_empty_.wait(lock, [&] { return !items_.empty() || ended_; });
        if (items_.empty()) return std::nullopt;
        auto const one = items_.front();
        items_.pop_front();
        not_full_.notify_one();
        return one;
    }

private:
    std::mutex mutex_;
    std::condition_variable not_full_, not_empty_;
    std::deque<std::uint64_t> items_;
    bool ended_ = false;
};

// Two threads that bring what is in one queue to the next.
template <class Step>
void stage(queue& from, queue& to, Step const& step) {
    {
        std::vector<std::jthread> threads;
        for (std::size_t i = 0; i < workers; ++i)
            threads.emplace_back([&] {
                while (auto const one = from.take()) to.put(step(*one));
            });
    }
    to.end();
}

std::uint64_t mutex_queues(std::size_t items, work each) {
    queue before, after_first, after_second, after_third;
    std::jthread const source([&] {
        for (std::size_t i = 0; i < items; ++i) before.put(i);
        before.end();
    });
    std::jthread const a([&] { stage(before, after_first, [&](std::uint64_t n) { return first(each(n)); }); });
    std::jthread const b([&] { stage(after_first, after_second, [&](std::uint64_t n) { return second(each(n)); }); });
    std::jthread const c([&] { stage(after_second, after_third, [&](std::uint64_t n) { return third(each(n)); }); });
    std::uint64_t sum = 0;
    while (auto const one = after_third.take()) sum += *one;
    return sum;
}

entered<rival> const entry{{"mutex_queues", mutex_queues}};

}  // namespace

}  // namespace bench::stream
