#include "problem.hpp"

#include <array>     // sums
#include <memory>    // make_shared

#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>

namespace bench::skynet {
namespace {

std::uint64_t add(std::uint64_t first, std::uint64_t leaves) {
    if (leaves == 1) return first;
    auto const below = leaves / 10;
    std::array<std::uint64_t, 9> sums;
    tbb::task_group forks;
    for (std::uint64_t child = 0; child < 9; ++child)
        forks.run([&sums, child, first, below] { sums[child] = add(first + child * below, below); });
    auto total = add(first + 9 * below, below);
    forks.wait();
    for (auto const each : sums) total += each;
    return total;
}

fork_join::solver start(std::size_t workers) {
    return [arena = std::make_shared<tbb::task_arena>(static_cast<int>(workers))](std::size_t leaves) {
        return arena->execute([leaves] { return add(0, leaves); });
    };
}

entered<fork_join::rival> const task_group{{"skynet", "onetbb", full, little, {1, 2}, start}};

}  // namespace
}  // namespace bench::skynet
