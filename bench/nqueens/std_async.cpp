#include "problem.hpp"

#include <future>    // async
#include <vector>    // children

namespace bench::nqueens {
namespace {

std::uint64_t place_all(board on, std::size_t row, std::size_t n) {
    if (row == n) return 1;
    columns const safe{on, row, n};
    std::vector<std::future<std::uint64_t>> children;
    for (std::size_t i = 0; i < safe.count; ++i)
        children.push_back(std::async(std::launch::async, place_all, on.with(row, safe.at[i]), row + 1, n));
    std::uint64_t total = 0;
    for (auto& each : children) total += each.get();
    return total;
}

fork_join::solver start(std::size_t) {
    return [](std::size_t n) { return place_all({}, 0, n); };
}

// A thread a fork: 550 of them for 7 queens.
entered<fork_join::rival> const threads{{"nqueens", "std_async", 7, 5, {0}, start}};

}  // namespace
}  // namespace bench::nqueens
