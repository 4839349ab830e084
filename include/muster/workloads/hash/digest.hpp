#pragma once

#include <array>      // array
#include <compare>    // strong_ordering
#include <cstddef>    // size_t
#include <cstdint>    // uint8_t

namespace muster::hashing {

/// What a hash of `N` bytes answers. Hashes of 64 bits answer a std::uint64_t.
///
/// Shape      bytes in the order in which they are written as hex; an aggregate that travels to other processes.
/// Default    all zero.
/// Cost       `==` ends at the first difference: what a secret was hashed into is compared by `hmac_sha256::matches`.
template <std::size_t N>
struct digest {
    std::array<std::uint8_t, N> bytes{};
    friend auto operator<=>(digest const&, digest const&) = default;
};

}  // namespace muster::hashing
