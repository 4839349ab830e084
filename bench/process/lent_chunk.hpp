#pragma once

#include <cstdint>        // uint32_t
#include <string_view>    // bytes

#include "problem.hpp"

namespace bench::process {

/// An item of 1 MiB that is not copied: the place of its bytes in memory that both sides of the raw ring have, by hand.
struct lent_chunk {
    std::uint32_t number;
    [[nodiscard]] std::string_view bytes() const noexcept {
        return {reinterpret_cast<char const*>(common.chunks[number % chunk_count]), chunk_size};
    }
};

}  // namespace bench::process
