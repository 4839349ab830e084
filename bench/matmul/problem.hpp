#pragma once

#include <algorithm>    // fill
#include <cstddef>      // size_t
#include <cstdint>      // int32_t, uint64_t
#include <map>          // matrices by size
#include <vector>       // elements

#include <fork_join.hpp>    // rival, solver

// The product of two square matrices of integers by quarters: four products of quarters at once, then, where those are added to, the
// other four. Blocks of 32 x 32 are multiplied by three loops. A size is a power of two, 32 or more.

namespace bench::matmul {

using element = std::int32_t;

inline constexpr std::size_t block = 32;
inline constexpr std::size_t full = 1024, little = 128;

/// A square part of a matrix whose rows are `stride` elements apart.
template <class Element>
struct part {
    Element* at;
    std::size_t size;
    std::size_t stride;

    [[nodiscard]] part quarter(std::size_t down, std::size_t right) const noexcept {
        auto const half = size / 2;
        return {at + down * half * stride + right * half, half, stride};
    }
};
/// To be done: c += a b.
struct product {
    part<element> c;
    part<element const> a, b;

    /// What quarter 0 to 3 of the result gets in a step, 0 or 1. The four of a step may be done at once; the second step comes
    /// after the first.
    [[nodiscard]] product quarter(std::size_t step, std::size_t which) const noexcept {
        auto const down = which / 2, right = which % 2;
        return {c.quarter(down, right), a.quarter(down, step), b.quarter(step, right)};
    }
    [[nodiscard]] bool is_block() const noexcept { return c.size <= block; }
};

inline void add_block(product const& of) noexcept {
    auto const& [c, a, b] = of;
    for (std::size_t i = 0; i < c.size; ++i)
        for (std::size_t k = 0; k < c.size; ++k)
            for (std::size_t j = 0; j < c.size; ++j) c.at[i * c.stride + j] += a.at[i * a.stride + k] * b.at[k * b.stride + j];
}

inline void add(product const& of) {
    if (of.is_block()) return add_block(of);
    for (std::size_t step = 0; step < 2; ++step)
        for (std::size_t which = 0; which < 4; ++which) add(of.quarter(step, which));
}

/// Two factors and room for the product.
class matrices {
public:
    explicit matrices(std::size_t size) : size_(size), a_(size * size), b_(size * size), c_(size * size) {
        for (std::size_t i = 0; i < a_.size(); ++i) {
            a_[i] = static_cast<element>(i * 7919 % 17) - 8;
            b_[i] = static_cast<element>(i * 104'729 % 13) - 6;
        }
    }

    /// Clears the result, has it filled by `multiply(product)`, and answers a sum by which it is known: every element with a
    /// weight of its own. Clearing and summing take less than a hundredth of the time.
    template <class Multiply>
    std::uint64_t run(Multiply const& multiply) {
        std::fill(c_.begin(), c_.end(), element{0});
        multiply(product{{c_.data(), size_, size_}, {a_.data(), size_, size_}, {b_.data(), size_, size_}});
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < c_.size(); ++i) sum += static_cast<std::uint64_t>(static_cast<std::int64_t>(c_[i])) * (i * 2 + 1);
        return sum;
    }

private:
    std::size_t size_;
    std::vector<element> a_, b_, c_;
};

/// One of each size that is asked for; runs come one after another, from one thread.
inline matrices& of_size(std::size_t size) {
    static std::map<std::size_t, matrices> all;
    return all.try_emplace(size, size).first->second;
}

inline std::uint64_t serial(std::size_t size) { return of_size(size).run(add); }
inline double units(std::size_t size) { return static_cast<double>(size * size * size) / (block * block * block); }

}  // namespace bench::matmul
