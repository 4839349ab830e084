#pragma once

#include <array>      // numbers, digits
#include <cstddef>    // size_t
#include <cstdint>    // int16_t

#include <sodium.h>    // crypto_core_ed25519_scalar_reduce

// Numbers mod L = 2^252 + 27742317777372353535851937790883648493, the order of the base point of Ed25519: 32 bytes, least first.
// For public data only.

namespace muster::jwt::detail {

using scalar25519 = std::array<unsigned char, 32>;

// Whether the 32 bytes at `number` are less than L.
[[nodiscard]] constexpr bool below_order(unsigned char const* number) noexcept {
    constexpr scalar25519 order{0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
                                0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};
    for (std::size_t i = order.size(); i-- > 0;)
        if (number[i] != order[i]) return number[i] < order[i];
    return false;
}

// The number of 64 bytes mod L.
[[nodiscard]] inline scalar25519 reduced(std::array<unsigned char, 64> const& hash) noexcept {
    scalar25519 to;
    crypto_core_ed25519_scalar_reduce(to.data(), hash.data());
    return to;
}

// A number as the sum of digit[i] * 256^i, where -128 <= digit[i] < 128; the last is not negative, and below 18 where the number is
// below L.
using digits25519 = std::array<std::int16_t, 32>;

[[nodiscard]] constexpr digits25519 signed_digits(scalar25519 const& number) noexcept {
    digits25519 digits{};
    int carry = 0;
    for (std::size_t i = 0; i < digits.size(); ++i) {
        auto const digit = number[i] + carry;
        carry = digit >= 128 && i + 1 < digits.size();
        digits[i] = static_cast<std::int16_t>(digit - 256 * carry);
    }
    return digits;
}

}  // namespace muster::jwt::detail
