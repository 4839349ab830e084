#pragma once

#include <cstdint>    // uint64_t

namespace muster {

/// Sizes in powers of two, to multiply with: `512 * MiB`.
///
/// Units      bytes. `std::uint64_t`, so that 8 * GiB is no overflow.
inline constexpr std::uint64_t KiB = 1'024;
inline constexpr std::uint64_t MiB = 1'024 * KiB;
inline constexpr std::uint64_t GiB = 1'024 * MiB;

}  // namespace muster
