#include "problem.hpp"

namespace bench::tree {

// Where g++ may, it puts the function into itself many levels deep, and most calls are gone; of a small tree that is nearly half the
// time. A fork is to cost no more than a call; how far it is from none at all is said as well.
[[gnu::noinline]] std::uint64_t sum(node const* at) {
    return at->left ? at->value + sum(at->left) + sum(at->right) : at->value;
}

namespace {

std::uint64_t inlined(node const* at) {
    return at->left ? at->value + inlined(at->left) + inlined(at->right) : at->value;
}

fork_join::solver start(std::size_t) {
    return [](std::size_t levels) { return inlined(trees->tree(levels)); };
}
fork_join::solver start_small(std::size_t) {
    return [](std::size_t times) { return repeat(times, inlined); };
}

entered<fork_join::rival> const large_inlined{{"large", "serial_inlined", large, little, {0}, start}};
entered<fork_join::rival> const small_inlined{{"small", "serial_inlined", 10'000, 100, {0}, start_small}};

}  // namespace
}  // namespace bench::tree
