#include "problem.hpp"

namespace bench::tree {
namespace {

std::uint64_t add(node const* at) {
    if (!at->left) return at->value;
    std::uint64_t left = 0, right = 0;
#pragma omp task shared(right) firstprivate(at)
    right = add(at->right);
    left = add(at->left);
#pragma omp taskwait
    return at->value + left + right;
}

fork_join::solver start(std::size_t workers) {
    return [workers](std::size_t levels) {
        std::uint64_t answer = 0;
#pragma omp parallel num_threads(static_cast<int>(workers))
#pragma omp single
        answer = add(trees->tree(levels));
        return answer;
    };
}
fork_join::solver start_small(std::size_t workers) {
    return [workers](std::size_t times) {
        std::uint64_t answer = 0;
#pragma omp parallel num_threads(static_cast<int>(workers))
#pragma omp single
        answer = repeat(times, add);
        return answer;
    };
}
fork_join::solver start_entering(std::size_t workers) {
    return [workers](std::size_t times) {
        return repeat(times, [&](node const* at) {
            std::uint64_t answer = 0;
#pragma omp parallel num_threads(static_cast<int>(workers))
#pragma omp single
            answer = add(at);
            return answer;
        });
    };
}

entered<fork_join::rival> const tasks{{"large", "openmp", 17, 12, {1, 2}, start}};
entered<fork_join::rival> const small_tasks{{"small", "openmp", 200, 10, {1, 2}, start_small}};
entered<fork_join::rival> const small_entering{{"small_entering", "openmp", 200, 10, {1, 2}, start_entering}};

}  // namespace
}  // namespace bench::tree
