#include "problem.hpp"

#include <array>     // children
#include <future>    // async

namespace bench::skynet {
namespace {

std::uint64_t add(std::uint64_t first, std::uint64_t leaves) {
    if (leaves == 1) return first;
    auto const below = leaves / 10;
    std::array<std::future<std::uint64_t>, 9> children;
    for (std::uint64_t child = 0; child < 9; ++child) children[child] = std::async(std::launch::async, add, first + child * below, below);
    auto total = add(first + 9 * below, below);
    for (auto& each : children) total += each.get();
    return total;
}

fork_join::solver start(std::size_t) {
    return [](std::size_t leaves) { return add(0, leaves); };
}

// A thread a fork: 999 of them for 1,000 leaves.
entered<fork_join::rival> const threads{{"skynet", "std_async", 1'000, 100, {0}, start}};

}  // namespace
}  // namespace bench::skynet
