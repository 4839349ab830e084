#pragma once

#include <algorithm>    // min
#include <cstddef>      // size_t
#include <cstdint>      // uint64_t
#include <cstring>      // memcpy

namespace muster::searching::detail {

// What a text is made of, as far as its lines go.
struct line_ends {
    std::uint64_t feeds = 0;          // LF
    bool has_returns = false;         // CR
};

// 32 bytes at a time, counted in bytes of their own for 255 steps: a loop over single bytes took as long as an eighth of the search, and
// a pass for each of the two as long as reading the file.
inline line_ends find_line_ends(char const* text, std::size_t size) noexcept {
    using lanes = unsigned char __attribute__((vector_size(32)));
    line_ends out;
    lanes returns{};
    while (size >= sizeof(lanes)) {
        auto const steps = std::min<std::size_t>(size / sizeof(lanes), 255);
        lanes sums{};
        for (std::size_t i = 0; i < steps; ++i, text += sizeof(lanes)) {
            lanes bytes;
            std::memcpy(&bytes, text, sizeof bytes);
            sums -= reinterpret_cast<lanes>(bytes == '\n');    // true is -1
            returns |= reinterpret_cast<lanes>(bytes == '\r');
        }
        size -= steps * sizeof(lanes);
        for (std::size_t i = 0; i < sizeof(lanes); ++i) out.feeds += sums[i];
    }
    for (std::size_t i = 0; i < sizeof(lanes); ++i) out.has_returns = out.has_returns || returns[i] != 0;
    for (; size != 0; --size, ++text) {
        out.feeds += *text == '\n';
        out.has_returns = out.has_returns || *text == '\r';
    }
    return out;
}

inline std::uint64_t count_lines(char const* text, std::size_t size) noexcept { return find_line_ends(text, size).feeds; }

}  // namespace muster::searching::detail
