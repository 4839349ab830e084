#include <mutex_queue.hpp>

#include "problem.hpp"

#include <memory>    // make_shared

namespace bench::fib {
namespace {

std::uint64_t fib(mutex_queue& on, std::size_t n) {
    if (n < 2) return n;
    auto const [a, b] = on.join([&on, n] { return fib(on, n - 1); }, [&on, n] { return fib(on, n - 2); });
    return a + b;
}

fork_join::solver start(std::size_t workers) {
    return [pool = std::make_shared<mutex_queue>(workers)](std::size_t n) { return pool->run([&, n] { return fib(*pool, n); }); };
}

entered<fork_join::rival> const queue{{"fib", "mutex_queue", 23, 16, {1, 2}, start}};

}  // namespace
}  // namespace bench::fib
