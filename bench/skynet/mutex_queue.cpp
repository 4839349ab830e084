#include <mutex_queue.hpp>

#include "problem.hpp"

#include <memory>    // make_shared

namespace bench::skynet {
namespace {

std::uint64_t add(mutex_queue& on, std::uint64_t first, std::uint64_t leaves, std::uint64_t children) {
    if (children == 1) return leaves == 1 ? first : add(on, first, leaves / 10, 10);
    auto const [a, b] = on.join([&on, first, leaves] { return add(on, first, leaves, 1); },
                                [&on, first, leaves, children] { return add(on, first + leaves, leaves, children - 1); });
    return a + b;
}

fork_join::solver start(std::size_t workers) {
    return [pool = std::make_shared<mutex_queue>(workers)](std::size_t leaves) {
        return pool->run([&, leaves] { return add(*pool, 0, leaves, 1); });
    };
}

entered<fork_join::rival> const queue{{"skynet", "mutex_queue", 100'000, 1'000, {1, 2}, start}};

}  // namespace
}  // namespace bench::skynet
