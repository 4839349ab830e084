#include "problem.hpp"

#include <memory>    // make_shared

#include <muster/exec/join.hpp>
#include <muster/exec/thread_pool.hpp>

namespace bench::tree {
namespace {

using namespace muster;

// With a worker handed along, or with none: then every join finds its own. What ends the recursion is a function of its own that the
// compiler puts into the caller: a call that would only return costs as much as a fork.
template <class... Worker>
std::uint64_t fork(node const* at, Worker... on);

template <class... Worker>
inline std::uint64_t add(node const* at, Worker... on) {
    return at->left ? fork(at, on...) : at->value;
}
template <class... Worker>
std::uint64_t fork(node const* at, Worker... on) {
    auto const [left, right] = join(on..., [at](Worker... here) { return add(at->left, here...); },
                                    [at](Worker... here) { return add(at->right, here...); });
    return at->value + left + right;
}

fork_join::solver start(std::size_t workers) {
    return [pool = std::make_shared<thread_pool>(workers)](std::size_t levels) {
        return pool->run([levels] { return add(trees->tree(levels)); }).value();
    };
}
fork_join::solver start_handing(std::size_t workers) {
    return [pool = std::make_shared<thread_pool>(workers)](std::size_t levels) {
        return pool->run([levels](worker on) { return add(trees->tree(levels), on); }).value();
    };
}
fork_join::solver start_small(std::size_t workers) {
    return [pool = std::make_shared<thread_pool>(workers)](std::size_t times) {
        return pool->run([times] { return repeat(times, [](node const* at) { return add(at); }); }).value();
    };
}
fork_join::solver start_small_handing(std::size_t workers) {
    return [pool = std::make_shared<thread_pool>(workers)](std::size_t times) {
        return pool->run([times](worker on) { return repeat(times, [on](node const* at) { return add(at, on); }); }).value();
    };
}
fork_join::solver start_entering(std::size_t workers) {
    return [pool = std::make_shared<thread_pool>(workers)](std::size_t times) {
        return repeat(times, [&](node const* at) { return pool->run([at](worker on) { return add(at, on); }).value(); });
    };
}

entered<fork_join::rival> const large_finding{{"large", "muster", large, little, {1, 2}, start}};
entered<fork_join::rival> const large_handing{{"large", "muster_worker", large, little, {1, 2, 4, 8, 16, 64}, start_handing}};
entered<fork_join::rival> const small_finding{{"small", "muster", 10'000, 100, {1, 2}, start_small}};
entered<fork_join::rival> const small_handing{{"small", "muster_worker", 10'000, 100, {1, 2, 4, 8, 16, 64}, start_small_handing}};
entered<fork_join::rival> const small_entering{{"small_entering", "muster_worker", 1'000, 10, {1, 2}, start_entering}};

}  // namespace
}  // namespace bench::tree
