#pragma once

#include <cstddef>    // size_t
#include <cstdint>    // uint64_t

#include <fork_join.hpp>    // rival, solver

// A tree of tens: each node starts ten children, each leaf answers its number, and every node adds up. All ten are forked, or nine
// of them and the tenth called; nothing is cut off.

namespace bench::skynet {

/// The sum of the leaves `first` to `first + leaves - 1`; `leaves` is a power of ten.
inline std::uint64_t sum(std::uint64_t first, std::uint64_t leaves) {
    if (leaves == 1) return first;
    std::uint64_t total = 0;
    for (std::uint64_t child = 0; child < 10; ++child) total += sum(first + child * (leaves / 10), leaves / 10);
    return total;
}

inline std::uint64_t serial(std::size_t leaves) { return sum(0, leaves); }
inline double units(std::size_t leaves) { return static_cast<double>(leaves); }

inline constexpr std::size_t full = 10'000'000, little = 1'000;

}  // namespace bench::skynet
