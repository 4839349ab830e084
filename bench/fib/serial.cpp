#include "problem.hpp"

namespace bench::fib {

// Where g++ may, it puts the function into itself many levels deep, and most calls are gone: 0.4 ns a call, not 0.7. A fork is to
// cost no more than a call; how far it is from none at all is said as well.
[[gnu::noinline]] std::uint64_t serial(std::size_t n) { return n < 2 ? n : serial(n - 1) + serial(n - 2); }

namespace {

std::uint64_t inlined(std::size_t n) { return n < 2 ? n : inlined(n - 1) + inlined(n - 2); }

entered<fork_join::rival> const serial_inlined{{"fib", "serial_inlined", 37, 20, {0}, [](std::size_t) -> fork_join::solver { return inlined; }}};

}  // namespace
}  // namespace bench::fib
