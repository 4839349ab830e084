#pragma once

#include <cstdint>        // uint32_t
#include <string_view>    // bytes

#include "problem.hpp"

namespace bench::process {

/// An item of 1 MiB that is not copied: the place of its bytes in memory that both sides have, by hand.
///
/// This stands where `shared_span<std::byte>` belongs. Once a process_pool lends memory, the items of muster's side of
/// `compare_throughput` are such spans, and this is for the raw ring alone.
struct lent_chunk {
    std::uint32_t number;
    [[nodiscard]] std::string_view bytes() const noexcept {
        return {reinterpret_cast<char const*>(common.chunks[number % chunk_count]), chunk_size};
    }
};

}  // namespace bench::process
