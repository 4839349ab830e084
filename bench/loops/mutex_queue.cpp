#include <mutex_queue.hpp>

#include "problem.hpp"

#include <latch>    // the end

namespace bench::loops {
namespace {

struct with_mutex_queue {
    std::size_t workers;
    mutex_queue pool;
    explicit with_mutex_queue(std::size_t many) : workers(many), pool{many} {}
    template <class Call>
    void enter(Call const& call) { call(); }
    template <class Body>
    void loop(std::size_t n, Body const& body) {
        std::latch left{static_cast<std::ptrdiff_t>(n)};
        cut(n, workers * ranges_a_worker, [&](std::size_t first, std::size_t last) {
            pool.post([&body, &left, first, last] {
                for (auto i = first; i < last; ++i) body(i);
                left.count_down(static_cast<std::ptrdiff_t>(last - first));
            });
        });
        left.wait();
    }
};

entered<rival> const queue{{"mutex_queue", every_width(), on<with_mutex_queue>}};

}  // namespace
}  // namespace bench::loops
