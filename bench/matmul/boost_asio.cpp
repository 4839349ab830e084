#include "problem.hpp"

#include <atomic>        // products that are left
#include <functional>    // what comes next
#include <future>        // the end
#include <memory>        // make_shared
#include <utility>       // move

#include <boost/asio/post.hpp>           // post
#include <boost/asio/thread_pool.hpp>    // thread_pool

namespace bench::matmul {
namespace {

using next = std::function<void()>;

// One step of a product, and then the other, and then what comes next: no thread of this pool could wait for four others.
class steps {
public:
    steps(boost::asio::thread_pool& on, product const& all, next then) : on_(on), all_(all), then_(std::move(then)) {}
    static void start(std::unique_ptr<steps> both) {
        auto* const self = both.release();    // until the last product has ended
        for (std::size_t which = 0; which < 3; ++which) boost::asio::post(self->on_, [self, which] { self->multiply(which); });
        self->multiply(3);
    }

private:
    void multiply(std::size_t which);
    void ended() {
        if (left_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;    // pairs with itself: the last sees all four products
        std::unique_ptr<steps> self{this};
        if (++step_ == 2) return then_();
        left_.store(4, std::memory_order_relaxed);    // relaxed: posting hands it over
        start(std::move(self));
    }

    boost::asio::thread_pool& on_;
    product all_;
    next then_;
    std::size_t step_ = 0;
    std::atomic<int> left_{4};
};

void multiply(boost::asio::thread_pool& on, product const& all, next then) {
    if (all.is_block()) {
        add_block(all);
        return then();
    }
    steps::start(std::make_unique<steps>(on, all, std::move(then)));
}

void steps::multiply(std::size_t which) {
    matmul::multiply(on_, all_.quarter(step_, which), [this] { ended(); });
}

fork_join::solver start(std::size_t workers) {
    return [pool = std::make_shared<boost::asio::thread_pool>(workers)](std::size_t size) {
        return of_size(size).run([&](product const& all) {
            std::promise<void> end;
            boost::asio::post(*pool, [&] { multiply(*pool, all, [&] { end.set_value(); }); });
            end.get_future().get();
        });
    };
}

entered<fork_join::rival> const post{{"matmul", "boost_asio", full, little, {1, 2}, start}};

}  // namespace
}  // namespace bench::matmul
