#pragma once

#include <atomic>     // children
#include <cstddef>    // size_t
#include <cstdint>    // uint64_t
#include <future>     // the answer
#include <memory>     // unique_ptr

#include <boost/asio/post.hpp>           // post
#include <boost/asio/thread_pool.hpp>    // thread_pool

namespace bench {

/// Waits for children without a thread that waits, which Boost.Asio's pool could not spare: the last child to end adds up the sums
/// of all and is, from there, its parent's child.
class asio_join {
public:
    asio_join(asio_join* parent, int children, std::uint64_t own = 0) noexcept : parent_(parent), left_(children), sum_(own) {}

    /// One child has ended, with this sum; deletes every join that this completes.
    static void finish(asio_join* join, std::uint64_t sum) {
        while (join) {
            join->sum_.fetch_add(sum, std::memory_order_relaxed);                    // relaxed: the count below orders it
            if (join->left_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;    // pairs with itself: the last sees all sums
            std::unique_ptr<asio_join> const complete{join};
            sum = join->sum_.load(std::memory_order_relaxed);
            if (join->answer_) join->answer_->set_value(sum);
            join = join->parent_;
        }
    }

    /// Calls `start(root)` on a thread of the pool; what is finished with at the root is the answer.
    template <class Start>
    static std::uint64_t run(boost::asio::thread_pool& pool, Start const& start) {
        std::promise<std::uint64_t> answer;
        auto* const root = new asio_join{nullptr, 1};
        root->answer_ = &answer;
        boost::asio::post(pool, [&start, root] { start(root); });
        return answer.get_future().get();
    }

private:
    asio_join* const parent_;
    std::atomic<int> left_;
    std::atomic<std::uint64_t> sum_;
    std::promise<std::uint64_t>* answer_ = nullptr;    // of the root alone
};

}  // namespace bench
