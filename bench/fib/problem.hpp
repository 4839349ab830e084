#pragma once

#include <cstddef>    // size_t
#include <cstdint>    // uint64_t

#include <fork_join.hpp>    // rival, solver

// The n-th Fibonacci number by plain recursion, with no cutoff: a call is a branch and an addition, so that what is measured is
// the fork and the join.

namespace bench::fib {

/// The baseline: a call is a call.
std::uint64_t serial(std::size_t n);

/// How many calls that makes: 2 F(n + 1) - 1.
inline double calls(std::size_t n) {
    double one = 0, next = 1;    // F(i), F(i + 1)
    for (std::size_t i = 0; i <= n; ++i) {
        auto const sum = one + next;
        one = next;
        next = sum;
    }
    return 2 * one - 1;
}

}  // namespace bench::fib
