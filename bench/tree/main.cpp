#include "problem.hpp"

using namespace bench;

int main(int argc, char** argv) {
    report const to{argc, argv};
    tree::trees = std::make_unique<tree::forest const>(to.size(tree::large, tree::little));

    auto const one = [](std::size_t levels) { return tree::sum(tree::trees->tree(levels)); };
    auto const many = [](std::size_t times) { return tree::repeat(times, tree::sum); };
    auto const nodes = [](std::size_t levels) { return static_cast<double>((std::size_t{1} << levels) - 1); };
    auto const nodes_of_all = [](std::size_t times) { return static_cast<double>(times) * 1023; };
    fork_join::compare(to, {"large", "node", tree::large, tree::little, one, nodes, "large_"}, 40);
    fork_join::compare(to, {"small", "node", 10'000, 100, many, nodes_of_all, "small_"}, 15);
    fork_join::compare(to, {"small_entering", "node", 10'000, 100, many, nodes_of_all, "small_entering_"}, 15);
}
