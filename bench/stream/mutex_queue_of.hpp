#pragma once

#include <condition_variable>    // condition_variable
#include <cstddef>               // size_t
#include <deque>                 // deque
#include <mutex>                 // mutex
#include <optional>              // the end
#include <thread>                // jthread
#include <vector>                // threads

#include "problem.hpp"    // room, workers

namespace bench::stream {

/// What one writes first: a bounded queue between threads.
template <class Item>
class mutex_queue_of {
public:
    void put(Item one) {
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
    std::optional<Item> take() {
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
    std::deque<Item> items_;
    bool ended_ = false;
};

/// Two threads that bring what is in one queue to the next.
template <class Item, class Step>
void stage(mutex_queue_of<Item>& from, mutex_queue_of<Item>& to, Step const& step) {
    {
        std::vector<std::jthread> threads;
        for (std::size_t i = 0; i < workers; ++i)
            threads.emplace_back([&] {
                while (auto const one = from.take()) to.put(step(*one));
            });
    }
    to.end();
}

}  // namespace bench::stream
