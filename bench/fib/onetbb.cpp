#include "problem.hpp"

#include <memory>    // make_shared

#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>

namespace bench::fib {
namespace {

std::uint64_t fib(std::size_t n) {
    if (n < 2) return n;
    std::uint64_t a = 0;
    tbb::task_group forks;
    forks.run([&a, n] { a = fib(n - 1); });
    auto const b = fib(n - 2);
    forks.wait();
    return a + b;
}

fork_join::solver start(std::size_t workers) {
    return [arena = std::make_shared<tbb::task_arena>(static_cast<int>(workers))](std::size_t n) {
        return arena->execute([n] { return fib(n); });
    };
}

entered<fork_join::rival> const task_group{{"fib", "onetbb", 30, 20, {1, 2}, start}};

}  // namespace
}  // namespace bench::fib
