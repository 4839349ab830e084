#include "problem.hpp"

#include <memory>    // make_shared

#include <muster/exec/join.hpp>
#include <muster/exec/thread_pool.hpp>

namespace bench::skynet {
namespace {

using namespace muster;

// The sum of `children` nodes of so many leaves each; forks one half of them, and of the halves.
template <class... Worker>
inline std::uint64_t add(std::uint64_t first, std::uint64_t leaves, std::uint64_t children, Worker... at) {
    if (children == 1) return leaves == 1 ? first : add(first, leaves / 10, 10, at...);
    auto const half = children / 2;
    auto const [a, b] = join(at..., [=](Worker... here) { return add(first, leaves, half, here...); },
                             [=](Worker... here) { return add(first + half * leaves, leaves, children - half, here...); });
    return a + b;
}

fork_join::solver start(std::size_t workers) {
    return [pool = std::make_shared<thread_pool>(workers)](std::size_t leaves) {
        return pool->run([leaves] { return add(0, leaves, 1); }).value();
    };
}
fork_join::solver start_handing(std::size_t workers) {
    return [pool = std::make_shared<thread_pool>(workers)](std::size_t leaves) {
        return pool->run([leaves](worker at) { return add(0, leaves, 1, at); }).value();
    };
}

entered<fork_join::rival> const finding{{"skynet", "muster", full, little, {1, 2}, start}};
entered<fork_join::rival> const handing{{"skynet", "muster_worker", full, little, {1, 2}, start_handing}};

}  // namespace
}  // namespace bench::skynet
