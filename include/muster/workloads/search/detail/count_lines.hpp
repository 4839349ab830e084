#pragma once

#include <algorithm>    // min
#include <cstddef>      // size_t
#include <cstdint>      // uint64_t
#include <cstring>      // memcpy

namespace muster::searching::detail {

// How many line feeds there are: 32 bytes at a time, counted in bytes of their own for 255 steps. A loop over single bytes took as
// long as an eighth of the search.
inline std::uint64_t count_lines(char const* text, std::size_t size) noexcept {
    using lanes = unsigned char __attribute__((vector_size(32)));
    std::uint64_t found = 0;
    while (size >= sizeof(lanes)) {
        auto const steps = std::min<std::size_t>(size / sizeof(lanes), 255);
        lanes sums{};
        for (std::size_t i = 0; i < steps; ++i, text += sizeof(lanes)) {
            lanes bytes;
            std::memcpy(&bytes, text, sizeof bytes);
            sums -= reinterpret_cast<lanes>(bytes == '\n');    // true is -1
        }
        size -= steps * sizeof(lanes);
        for (std::size_t i = 0; i < sizeof(lanes); ++i) found += sums[i];
    }
    for (; size != 0; --size) found += *text++ == '\n';
    return found;
}

}  // namespace muster::searching::detail
