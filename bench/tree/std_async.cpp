#include "problem.hpp"

#include <future>    // async

namespace bench::tree {
namespace {

std::uint64_t add(node const* at) {
    if (!at->left) return at->value;
    auto right = std::async(std::launch::async, add, at->right);
    auto const left = add(at->left);
    return at->value + left + right.get();
}

fork_join::solver start(std::size_t) {
    return [](std::size_t levels) { return add(trees->tree(levels)); };
}
fork_join::solver start_small(std::size_t) {
    return [](std::size_t times) { return repeat(times, add); };
}

// A thread a fork: 511 of them for ten levels.
entered<fork_join::rival> const threads{{"large", "std_async", 10, 6, {0}, start}};
entered<fork_join::rival> const small_threads{{"small", "std_async", 1, 1, {0}, start_small}};

}  // namespace
}  // namespace bench::tree
