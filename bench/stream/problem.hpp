#pragma once

#include <cstddef>    // size_t
#include <cstdint>    // uint64_t

#include <entered.hpp>    // entered
#include <measure.hpp>    // keep

// Numbers go through three stages, each with two workers, and 64 of them wait in front of each: what a runtime takes for an item
// whose stages do next to nothing, and for one whose stages compute for a while. The sum of what comes out has to be right.

namespace bench::stream {

inline constexpr std::size_t workers = 2, room = 64;

/// What stages do beside their step, in steps of a generator: about a nanosecond each.
struct work {
    std::size_t steps = 0;
    std::uint64_t operator()(std::uint64_t from) const noexcept {
        auto value = from;
        for (std::size_t i = 0; i < steps; ++i) value = value * 6'364'136'223'846'793'005 + 1'442'695'040'888'963'407;
        keep(value);
        return from;
    }
};

inline std::uint64_t first(std::uint64_t n) noexcept { return n * 3; }
inline std::uint64_t second(std::uint64_t n) noexcept { return n ^ 5; }
inline std::uint64_t third(std::uint64_t n) noexcept { return n + 1; }

inline std::uint64_t expected(std::size_t items) noexcept {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < items; ++i) sum += third(second(first(i)));
    return sum;
}

/// A way to do it; gives the sum.
struct rival {
    char const* name;
    std::uint64_t (*run)(std::size_t items, work each);
};

}  // namespace bench::stream
