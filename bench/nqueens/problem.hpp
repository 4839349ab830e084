#pragma once

#include <array>      // columns
#include <cstddef>    // size_t
#include <cstdint>    // uint64_t

#include <fork_join.hpp>    // rival, solver

// In how many ways n queens stand on n rows without a threat. A task places one row: it looks at every column, copies the board for
// each that is safe, and forks the next row on it. Nothing is cut off; the work between two forks is some hundred nanoseconds.

namespace bench::nqueens {

inline constexpr std::size_t most = 16;    // rows

struct board {
    std::array<signed char, most> queens;    // the columns of those that are placed

    [[nodiscard]] bool safe(std::size_t row, signed char column) const noexcept {
        for (std::size_t above = 0; above < row; ++above) {
            auto const aside = queens[above] - column, down = static_cast<int>(row - above);
            if (aside == 0 || aside == down || aside == -down) return false;
        }
        return true;
    }
    /// The same board with one more queen.
    [[nodiscard]] board with(std::size_t row, signed char column) const noexcept {
        auto next = *this;
        next.queens[row] = column;
        return next;
    }
};

/// The columns that are safe in one row.
struct columns {
    std::array<signed char, most> at;
    std::size_t count = 0;

    columns(board const& on, std::size_t row, std::size_t n) noexcept {
        for (std::size_t i = 0; i < n; ++i)
            if (auto const column = static_cast<signed char>(i); on.safe(row, column)) at[count++] = column;
    }
};

inline std::uint64_t place(board const& on, std::size_t row, std::size_t n) {
    if (row == n) return 1;
    columns const safe{on, row, n};
    std::uint64_t ways = 0;
    for (std::size_t i = 0; i < safe.count; ++i) ways += place(on.with(row, safe.at[i]), row + 1, n);
    return ways;
}

inline std::uint64_t serial(std::size_t n) { return place({}, 0, n); }

/// How many boards that makes, the empty one among them: times are given for one of them.
inline std::uint64_t boards(board const& on, std::size_t row, std::size_t n) {
    std::uint64_t all = 1;
    if (row == n) return all;
    columns const safe{on, row, n};
    for (std::size_t i = 0; i < safe.count; ++i) all += boards(on.with(row, safe.at[i]), row + 1, n);
    return all;
}
inline double units(std::size_t n) { return static_cast<double>(boards({}, 0, n)); }

inline constexpr std::size_t full = 13, little = 8;

}  // namespace bench::nqueens
