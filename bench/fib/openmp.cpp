#include "problem.hpp"

namespace bench::fib {
namespace {

std::uint64_t fib(std::size_t n) {
    if (n < 2) return n;
    std::uint64_t a = 0, b = 0;
#pragma omp task shared(a) firstprivate(n)
    a = fib(n - 1);
    b = fib(n - 2);
#pragma omp taskwait
    return a + b;
}

fork_join::solver start(std::size_t workers) {
    return [workers](std::size_t n) {
        std::uint64_t answer = 0;
#pragma omp parallel num_threads(static_cast<int>(workers))
#pragma omp single
        answer = fib(n);
        return answer;
    };
}

entered<fork_join::rival> const tasks{{"fib", "openmp", 25, 16, {1, 2}, start}};

}  // namespace
}  // namespace bench::fib
