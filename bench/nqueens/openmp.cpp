#include "problem.hpp"

namespace bench::nqueens {
namespace {

std::uint64_t place_all(board const& on, std::size_t row, std::size_t n) {
    if (row == n) return 1;
    columns const safe{on, row, n};
    if (safe.count == 0) return 0;
    std::array<std::uint64_t, most> ways;
    for (std::size_t i = 0; i + 1 < safe.count; ++i) {
#pragma omp task shared(on, safe, ways) firstprivate(i, row, n)
        ways[i] = place_all(on.with(row, safe.at[i]), row + 1, n);
    }
    auto total = place_all(on.with(row, safe.at[safe.count - 1]), row + 1, n);
#pragma omp taskwait
    for (std::size_t i = 0; i + 1 < safe.count; ++i) total += ways[i];
    return total;
}

fork_join::solver start(std::size_t workers) {
    return [workers](std::size_t n) {
        std::uint64_t answer = 0;
#pragma omp parallel num_threads(static_cast<int>(workers))
#pragma omp single
        answer = place_all({}, 0, n);
        return answer;
    };
}

entered<fork_join::rival> const tasks{{"nqueens", "openmp", 10, 7, {1, 2}, start}};

}  // namespace
}  // namespace bench::nqueens
