#include "problem.hpp"

#include <memory>    // make_shared

#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>

namespace bench::nqueens {
namespace {

std::uint64_t place_all(board const& on, std::size_t row, std::size_t n) {
    if (row == n) return 1;
    columns const safe{on, row, n};
    if (safe.count == 0) return 0;
    std::array<std::uint64_t, most> ways;
    tbb::task_group forks;
    for (std::size_t i = 0; i + 1 < safe.count; ++i)
        forks.run([&, i, row, n] { ways[i] = place_all(on.with(row, safe.at[i]), row + 1, n); });
    auto total = place_all(on.with(row, safe.at[safe.count - 1]), row + 1, n);
    forks.wait();
    for (std::size_t i = 0; i + 1 < safe.count; ++i) total += ways[i];
    return total;
}

fork_join::solver start(std::size_t workers) {
    return [arena = std::make_shared<tbb::task_arena>(static_cast<int>(workers))](std::size_t n) {
        return arena->execute([n] { return place_all({}, 0, n); });
    };
}

entered<fork_join::rival> const task_group{{"nqueens", "onetbb", full, little, {1, 2}, start}};

}  // namespace
}  // namespace bench::nqueens
