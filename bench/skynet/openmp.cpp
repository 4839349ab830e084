#include "problem.hpp"

#include <array>    // sums

namespace bench::skynet {
namespace {

std::uint64_t add(std::uint64_t first, std::uint64_t leaves) {
    if (leaves == 1) return first;
    auto const below = leaves / 10;
    std::array<std::uint64_t, 9> sums;
    for (std::uint64_t child = 0; child < 9; ++child) {
#pragma omp task shared(sums) firstprivate(child, first, below)
        sums[child] = add(first + child * below, below);
    }
    auto total = add(first + 9 * below, below);
#pragma omp taskwait
    for (auto const each : sums) total += each;
    return total;
}

fork_join::solver start(std::size_t workers) {
    return [workers](std::size_t leaves) {
        std::uint64_t answer = 0;
#pragma omp parallel num_threads(static_cast<int>(workers))
#pragma omp single
        answer = add(0, leaves);
        return answer;
    };
}

entered<fork_join::rival> const tasks{{"skynet", "openmp", 100'000, 1'000, {1, 2}, start}};

}  // namespace
}  // namespace bench::skynet
