#include "problem.hpp"

#include <future>    // async

namespace bench::fib {
namespace {

std::uint64_t fib(std::size_t n) {
    if (n < 2) return n;
    auto a = std::async(std::launch::async, fib, n - 1);
    auto const b = fib(n - 2);
    return a.get() + b;
}

fork_join::solver start(std::size_t) { return fib; }

// A thread a fork: 600 of them for the 14th number.
entered<fork_join::rival> const threads{{"fib", "std_async", 14, 8, {0}, start}};

}  // namespace
}  // namespace bench::fib
