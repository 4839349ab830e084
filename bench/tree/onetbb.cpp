#include "problem.hpp"

#include <memory>    // make_shared

#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>

namespace bench::tree {
namespace {

std::uint64_t add(node const* at) {
    if (!at->left) return at->value;
    std::uint64_t right = 0;
    tbb::task_group forks;
    forks.run([&right, at] { right = add(at->right); });
    auto const left = add(at->left);
    forks.wait();
    return at->value + left + right;
}

fork_join::solver start(std::size_t workers) {
    return [arena = std::make_shared<tbb::task_arena>(static_cast<int>(workers))](std::size_t levels) {
        return arena->execute([levels] { return add(trees->tree(levels)); });
    };
}
fork_join::solver start_small(std::size_t workers) {
    return [arena = std::make_shared<tbb::task_arena>(static_cast<int>(workers))](std::size_t times) {
        return arena->execute([times] { return repeat(times, add); });
    };
}
fork_join::solver start_entering(std::size_t workers) {
    return [arena = std::make_shared<tbb::task_arena>(static_cast<int>(workers))](std::size_t times) {
        return repeat(times, [&](node const* at) { return arena->execute([at] { return add(at); }); });
    };
}

entered<fork_join::rival> const task_group{{"large", "onetbb", large, little, {1, 2}, start}};
entered<fork_join::rival> const small_task_group{{"small", "onetbb", 1'000, 10, {1, 2}, start_small}};
entered<fork_join::rival> const small_entering{{"small_entering", "onetbb", 1'000, 10, {1, 2}, start_entering}};

}  // namespace
}  // namespace bench::tree
