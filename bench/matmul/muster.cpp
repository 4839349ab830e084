#include "problem.hpp"

#include <memory>    // make_shared

#include <muster/exec/join.hpp>
#include <muster/exec/thread_pool.hpp>

namespace bench::matmul {
namespace {

using namespace muster;

template <class... Worker>
void multiply(product const& all, Worker... at) {
    if (all.is_block()) return add_block(all);
    for (std::size_t step = 0; step < 2; ++step) {
        auto const one = [&all, step](std::size_t which, Worker... here) { multiply(all.quarter(step, which), here...); };
        auto const two = [&one](std::size_t which, Worker... here) {
            join(here..., [&one, which](Worker... on) { one(which, on...); }, [&one, which](Worker... on) { one(which + 1, on...); });
        };
        join(at..., [&two](Worker... here) { two(0, here...); }, [&two](Worker... here) { two(2, here...); });
    }
}

fork_join::solver start(std::size_t workers) {
    return [pool = std::make_shared<thread_pool>(workers)](std::size_t size) {
        return of_size(size).run([&](product const& all) { pool->run([&] { multiply(all); }).value(); });
    };
}
fork_join::solver start_handing(std::size_t workers) {
    return [pool = std::make_shared<thread_pool>(workers)](std::size_t size) {
        return of_size(size).run([&](product const& all) { pool->run([&](worker at) { multiply(all, at); }).value(); });
    };
}

entered<fork_join::rival> const finding{{"matmul", "muster", full, little, {1, 2}, start}};
entered<fork_join::rival> const handing{{"matmul", "muster_worker", full, little, {1, 2}, start_handing}};

}  // namespace
}  // namespace bench::matmul
