#pragma once

#include <cstddef>     // size_t
#include <cstdint>     // uint64_t
#include <memory>      // unique_ptr

#include <fork_join.hpp>    // rival, solver, keep

// The sum of a perfect binary tree, each node where the recursion meets it (preorder), so that a node costs a nanosecond. Each inner
// node forks its right half and sums its left half itself.
//
// "large" is one tree, its size the number of levels. "small" is a tree of 1,023 nodes that is summed again and again, its size the
// number of times: inside one run, or entering the pool for each, where a runtime has to be entered.

namespace bench::tree {

struct node {
    std::uint64_t value;
    node const* left;    // of a leaf: null, and so is the right
    node const* right;
};

/// The baseline: a call for each node.
std::uint64_t sum(node const* at);

/// Trees of every size, for the leftmost part of a tree is one.
class forest {
public:
    explicit forest(std::size_t levels) : levels_(levels), nodes_(std::make_unique<node[]>((std::size_t{1} << levels) - 1)) {
        auto* free = nodes_.get();
        plant(free, levels);
    }
    [[nodiscard]] node const* tree(std::size_t levels) const noexcept { return &nodes_[levels_ - levels]; }

private:
    node const* plant(node*& free, std::size_t levels) {
        auto* const at = free++;
        auto const* const left = levels > 1 ? plant(free, levels - 1) : nullptr;
        auto const* const right = levels > 1 ? plant(free, levels - 1) : nullptr;
        *at = {static_cast<std::uint64_t>(at - nodes_.get()) * 2654435761 % 1000, left, right};
        return at;
    }
    std::size_t levels_;
    std::unique_ptr<node[]> nodes_;
};

inline constexpr std::size_t small = 10;     // levels
inline constexpr std::size_t large = 24;
inline constexpr std::size_t little = 14;    // for --short

/// Planted by main before anybody sums it.
inline std::unique_ptr<forest const> trees;

/// Sums the small tree so many times by `call(tree)`.
template <class Sum>
std::uint64_t repeat(std::size_t times, Sum const& call) {
    std::uint64_t total = 0;
    for (auto const* at = trees->tree(small); times > 0; --times) {
        keep(at);    // or the compiler sums it once
        total += call(at);
    }
    return total;
}

}  // namespace bench::tree
