#pragma once

#include <cstddef>    // size_t
#include <cstdint>    // uint64_t

#include <muster/core/bytes.hpp>    // KiB

namespace muster {

/// How deep and how many the calls of a fiber_thread may be.
struct fiber_thread_options {
    std::uint64_t stack = 256 * KiB;    ///< 256 KiB: of addresses for each call, of which the touched pages become memory; 16 KiB to 1 GiB
    std::size_t most = 10'000;          ///< 10'000: calls that are under way at once, 1 to 1'000'000; two memory maps each, of which Linux allows 65'530
    friend bool operator==(fiber_thread_options const&, fiber_thread_options const&) = default;
};

}  // namespace muster
