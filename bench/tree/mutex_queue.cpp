#include <mutex_queue.hpp>

#include "problem.hpp"

#include <memory>    // make_shared

namespace bench::tree {
namespace {

std::uint64_t add(mutex_queue& on, node const* at) {
    if (!at->left) return at->value;
    auto const [left, right] = on.join([&on, at] { return add(on, at->left); }, [&on, at] { return add(on, at->right); });
    return at->value + left + right;
}

fork_join::solver start(std::size_t workers) {
    return [pool = std::make_shared<mutex_queue>(workers)](std::size_t levels) {
        return pool->run([&, levels] { return add(*pool, trees->tree(levels)); });
    };
}
fork_join::solver start_small(std::size_t workers) {
    return [pool = std::make_shared<mutex_queue>(workers)](std::size_t times) {
        return pool->run([&, times] { return repeat(times, [&](node const* at) { return add(*pool, at); }); });
    };
}
fork_join::solver start_entering(std::size_t workers) {
    return [pool = std::make_shared<mutex_queue>(workers)](std::size_t times) {
        return repeat(times, [&](node const* at) { return pool->run([&, at] { return add(*pool, at); }); });
    };
}

entered<fork_join::rival> const queue{{"large", "mutex_queue", 16, 12, {1, 2}, start}};
entered<fork_join::rival> const small_queue{{"small", "mutex_queue", 100, 10, {1, 2}, start_small}};
entered<fork_join::rival> const small_entering{{"small_entering", "mutex_queue", 100, 10, {1, 2}, start_entering}};

}  // namespace
}  // namespace bench::tree
