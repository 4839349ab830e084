#include <mutex_queue.hpp>

#include "problem.hpp"

#include <memory>    // make_shared

namespace bench::matmul {
namespace {

void multiply(mutex_queue& on, product const& all) {
    if (all.is_block()) return add_block(all);
    for (std::size_t step = 0; step < 2; ++step) {
        auto const one = [&, step](std::size_t which) {
            multiply(on, all.quarter(step, which));
            return 0;    // a join is of two answers
        };
        on.join([&] { return on.join([&] { return one(0); }, [&] { return one(1); }).first; },
                [&] { return on.join([&] { return one(2); }, [&] { return one(3); }).first; });
    }
}

fork_join::solver start(std::size_t workers) {
    return [pool = std::make_shared<mutex_queue>(workers)](std::size_t size) {
        return of_size(size).run([&](product const& all) {
            pool->run([&] {
                multiply(*pool, all);
                return 0;
            });
        });
    };
}

entered<fork_join::rival> const queue{{"matmul", "mutex_queue", full, little, {1, 2}, start}};

}  // namespace
}  // namespace bench::matmul
