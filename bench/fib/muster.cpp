#include "problem.hpp"

#include <memory>    // make_shared

#include <muster/exec/join.hpp>
#include <muster/exec/thread_pool.hpp>

namespace bench::fib {
namespace {

using namespace muster;

// With a worker handed along, or with none: then every join finds its own. What ends the recursion is a function of its own that the
// compiler puts into the caller: a call that would only return costs as much as a fork.
template <class... Worker>
std::uint64_t fork(std::size_t n, Worker... at);

template <class... Worker>
inline std::uint64_t fib(std::size_t n, Worker... at) {
    return n < 2 ? n : fork(n, at...);
}
template <class... Worker>
inline std::uint64_t fork(std::size_t n, Worker... at) {
    auto const [a, b] = join(at..., [n](Worker... here) { return fib(n - 1, here...); }, [n](Worker... here) { return fib(n - 2, here...); });
    return a + b;
}

fork_join::solver start(std::size_t workers) {
    return [pool = std::make_shared<thread_pool>(workers)](std::size_t n) { return pool->run([n] { return fib(n); }).value(); };
}
fork_join::solver start_handing(std::size_t workers) {
    return [pool = std::make_shared<thread_pool>(workers)](std::size_t n) { return pool->run([n](worker at) { return fib(n, at); }).value(); };
}

entered<fork_join::rival> const finding{{"fib", "muster", 36, 20, {1, 2}, start}};
entered<fork_join::rival> const handing{{"fib", "muster_worker", 37, 20, {1, 2, 4, 8, 16, 64}, start_handing}};

}  // namespace
}  // namespace bench::fib
