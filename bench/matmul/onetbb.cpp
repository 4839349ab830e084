#include "problem.hpp"

#include <memory>    // make_shared

#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>

namespace bench::matmul {
namespace {

void multiply(product const& all) {
    if (all.is_block()) return add_block(all);
    for (std::size_t step = 0; step < 2; ++step) {
        tbb::task_group forks;
        for (std::size_t which = 0; which < 3; ++which) forks.run([&all, step, which] { multiply(all.quarter(step, which)); });
        multiply(all.quarter(step, 3));
        forks.wait();
    }
}

fork_join::solver start(std::size_t workers) {
    return [arena = std::make_shared<tbb::task_arena>(static_cast<int>(workers))](std::size_t size) {
        return of_size(size).run([&](product const& all) { arena->execute([&] { multiply(all); }); });
    };
}

entered<fork_join::rival> const task_group{{"matmul", "onetbb", full, little, {1, 2}, start}};

}  // namespace
}  // namespace bench::matmul
