#include "problem.hpp"

namespace bench::matmul {
namespace {

void multiply(product const& all) {
    if (all.is_block()) return add_block(all);
    for (std::size_t step = 0; step < 2; ++step) {
        for (std::size_t which = 0; which < 3; ++which) {
#pragma omp task shared(all) firstprivate(step, which)
            multiply(all.quarter(step, which));
        }
        multiply(all.quarter(step, 3));
#pragma omp taskwait
    }
}

fork_join::solver start(std::size_t workers) {
    return [workers](std::size_t size) {
        return of_size(size).run([&](product const& all) {
#pragma omp parallel num_threads(static_cast<int>(workers))
#pragma omp single
            multiply(all);
        });
    };
}

entered<fork_join::rival> const tasks{{"matmul", "openmp", full, little, {1, 2}, start}};

}  // namespace
}  // namespace bench::matmul
