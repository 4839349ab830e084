#pragma once

#include <array>      // bytes
#include <cstddef>    // size_t
#include <cstdint>    // uint64_t

// Numbers mod p = 2^255 - 19, as five limbs of 51 bits: least first, with room above for sums that are not carried yet. How much of
// that room is taken is in the type, so that nothing which compiles can overflow. For public data only: no time is promised.
//
// Small functions are always_inline: GCC at -O2 else copies numbers from call to call by vector registers, which wait for the limbs
// just stored. That, and adding points in place, took a verification by tables from 13.2 us to 10.8.
//
// Source: D. J. Bernstein, Curve25519: new Diffie-Hellman speed records (2006), for the field and its inversion; D. J. Bernstein,
// N. Duif, T. Lange, P. Schwabe, B. Yang, High-speed high-security signatures (2011), for limbs of 51 bits.

namespace muster::jwt::detail {

__extension__ using product25519 = unsigned __int128;

// The sum of limb[i] * 2^(51 i), each limb below 2^Bits. Many of them are the same number mod p.
template <unsigned Bits>
struct limbs25519 {
    static_assert(Bits >= 51 && Bits <= 54, "muster: no sum of numbers mod 2^255 - 19 is let grow beyond 54 bits a limb: multiply first");
    std::uint64_t limb[5];
};

// What a product is, and what is kept.
using field25519 = limbs25519<52>;

inline constexpr std::uint64_t low_51_bits = (std::uint64_t{1} << 51) - 1;

inline constexpr field25519 zero25519{{0, 0, 0, 0, 0}};
inline constexpr field25519 one25519{{1, 0, 0, 0, 0}};

[[nodiscard]] constexpr unsigned bits_of_sum(unsigned a, unsigned b) noexcept { return (a > b ? a : b) + 1; }

// a + b: a limb is below 2^A + 2^B.
template <unsigned A, unsigned B>
[[nodiscard, gnu::always_inline]] constexpr auto add(limbs25519<A> const& a, limbs25519<B> const& b) noexcept
    -> limbs25519<bits_of_sum(A, B)> {
    return {{a.limb[0] + b.limb[0], a.limb[1] + b.limb[1], a.limb[2] + b.limb[2], a.limb[3] + b.limb[3], a.limb[4] + b.limb[4]}};
}

// a - b, as a + 4p - b: the limbs of 4p are 2^53 - 76 and four times 2^53 - 4, none less than one of b, all below 2^53.
template <unsigned A>
[[nodiscard, gnu::always_inline]] constexpr auto subtract(limbs25519<A> const& a, field25519 const& b) noexcept
    -> limbs25519<bits_of_sum(A, 53)> {
    constexpr auto last = (std::uint64_t{1} << 53) - 76, other = (std::uint64_t{1} << 53) - 4;
    return {{a.limb[0] + (last - b.limb[0]), a.limb[1] + (other - b.limb[1]), a.limb[2] + (other - b.limb[2]),
             a.limb[3] + (other - b.limb[3]), a.limb[4] + (other - b.limb[4])}};
}

// The same number with limbs below 2^51 + 2^8: what is above 51 bits, at most 7, goes into the next limb, and from the last, times
// 19, into the first: 2^255 = 19 mod p.
template <unsigned A>
[[nodiscard, gnu::always_inline]] constexpr field25519 carried(limbs25519<A> const& a) noexcept {
    return {{(a.limb[0] & low_51_bits) + 19 * (a.limb[4] >> 51), (a.limb[1] & low_51_bits) + (a.limb[0] >> 51),
             (a.limb[2] & low_51_bits) + (a.limb[1] >> 51), (a.limb[3] & low_51_bits) + (a.limb[2] >> 51),
             (a.limb[4] & low_51_bits) + (a.limb[3] >> 51)}};
}

// The number that five columns of products are. With factors below 2^54 a column is below 77 * 2^108 (one product, and four times
// 19), so what it carries is below 2^64; the last, without a 19, is below 5 * 2^108 + 2^64, so that 19 times what it carries is
// below 95 * 2^57 + 2^18, and with a limb still below 2^64. What then goes from the first limb into the second is below 2^13.
[[nodiscard, gnu::always_inline]] constexpr field25519 carried_columns(product25519 r0, product25519 r1, product25519 r2, product25519 r3,
                                                                           product25519 r4) noexcept {
    r1 += static_cast<std::uint64_t>(r0 >> 51);
    r2 += static_cast<std::uint64_t>(r1 >> 51);
    r3 += static_cast<std::uint64_t>(r2 >> 51);
    r4 += static_cast<std::uint64_t>(r3 >> 51);
    auto const first = (static_cast<std::uint64_t>(r0) & low_51_bits) + 19 * static_cast<std::uint64_t>(r4 >> 51);
    return {{first & low_51_bits, (static_cast<std::uint64_t>(r1) & low_51_bits) + (first >> 51),
             static_cast<std::uint64_t>(r2) & low_51_bits, static_cast<std::uint64_t>(r3) & low_51_bits,
             static_cast<std::uint64_t>(r4) & low_51_bits}};
}

// Two limbs, in full.
[[nodiscard]] constexpr product25519 times(std::uint64_t a, std::uint64_t b) noexcept { return static_cast<product25519>(a) * b; }

// a * b. 19 times a limb is below 2^59.
template <unsigned A, unsigned B>
[[nodiscard, gnu::always_inline]] constexpr field25519 multiply(limbs25519<A> const& a, limbs25519<B> const& b) noexcept {
    auto const a0 = a.limb[0], a1 = a.limb[1], a2 = a.limb[2], a3 = a.limb[3], a4 = a.limb[4];
    auto const b0 = b.limb[0], b1 = b.limb[1], b2 = b.limb[2], b3 = b.limb[3], b4 = b.limb[4];
    auto const c1 = 19 * b1, c2 = 19 * b2, c3 = 19 * b3, c4 = 19 * b4;
    return carried_columns(times(a0, b0) + times(a1, c4) + times(a2, c3) + times(a3, c2) + times(a4, c1),
                           times(a0, b1) + times(a1, b0) + times(a2, c4) + times(a3, c3) + times(a4, c2),
                           times(a0, b2) + times(a1, b1) + times(a2, b0) + times(a3, c4) + times(a4, c3),
                           times(a0, b3) + times(a1, b2) + times(a2, b1) + times(a3, b0) + times(a4, c4),
                           times(a0, b4) + times(a1, b3) + times(a2, b2) + times(a3, b1) + times(a4, b0));
}

// a * a: the columns of a product, with equal ones added. 38 times a limb is below 2^60.
template <unsigned A>
[[nodiscard, gnu::always_inline]] constexpr field25519 square(limbs25519<A> const& a) noexcept {
    auto const a0 = a.limb[0], a1 = a.limb[1], a2 = a.limb[2], a3 = a.limb[3], a4 = a.limb[4];
    auto const d0 = 2 * a0, d1 = 2 * a1, e2 = 38 * a2, e4 = 38 * a4, c3 = 19 * a3, c4 = 19 * a4;
    return carried_columns(times(a0, a0) + times(e4, a1) + times(e2, a3),    //
                           times(d0, a1) + times(e4, a2) + times(c3, a3),    //
                           times(d0, a2) + times(a1, a1) + times(e4, a3),    //
                           times(d0, a3) + times(d1, a2) + times(c4, a4),    //
                           times(d0, a4) + times(d1, a3) + times(a2, a2));
}

[[nodiscard, gnu::always_inline]] constexpr field25519 square(field25519 a, unsigned times) noexcept {
    for (; times > 0; --times) a = square(a);
    return a;
}

// a^(2^250 - 1) and a^11: what both powers below begin with. 249 squarings and 10 products.
struct powers25519 {
    field25519 long_one, eleventh;
};
[[nodiscard]] constexpr powers25519 begin_power(field25519 const& a) noexcept {
    auto const a2 = square(a);
    auto const a9 = multiply(a, square(a2, 2));
    auto const a11 = multiply(a2, a9);
    auto const ones_5 = multiply(a9, square(a11));    // a^(2^5 - 1), and so on
    auto const ones_10 = multiply(ones_5, square(ones_5, 5));
    auto const ones_20 = multiply(ones_10, square(ones_10, 10));
    auto const ones_40 = multiply(ones_20, square(ones_20, 20));
    auto const ones_50 = multiply(ones_10, square(ones_40, 10));
    auto const ones_100 = multiply(ones_50, square(ones_50, 50));
    auto const ones_200 = multiply(ones_100, square(ones_100, 100));
    return {multiply(ones_50, square(ones_200, 50)), a11};
}

// 1 / a, as a^(p - 2) = a^(2^255 - 21); of 0: 0.
[[nodiscard]] constexpr field25519 inverse(field25519 const& a) noexcept {
    auto const begun = begin_power(a);
    return multiply(begun.eleventh, square(begun.long_one, 5));
}

// a^((p - 5) / 8) = a^(2^252 - 3): for square roots.
[[nodiscard]] constexpr field25519 power_for_root(field25519 const& a) noexcept {
    return multiply(a, square(begin_power(a).long_one, 2));
}

// The one number below p that it is, as words of 64 bits, least first.
template <unsigned A>
[[nodiscard]] constexpr std::array<std::uint64_t, 4> words_of(limbs25519<A> const& a) noexcept {
    auto l = carried(a);
    // Below 2p by now: all of the number + 19 that is above 255 bits says whether p is in it. Then p is taken off, as 19 is added
    // and what is above 255 bits left out.
    auto above = (l.limb[0] + 19) >> 51;
    for (std::size_t i = 1; i < 5; ++i) above = (l.limb[i] + above) >> 51;
    auto carry = 19 * above;
    for (auto& limb : l.limb) {
        carry += limb;
        limb = carry & low_51_bits;
        carry >>= 51;
    }
    return {l.limb[0] | l.limb[1] << 51, l.limb[1] >> 13 | l.limb[2] << 38, l.limb[2] >> 26 | l.limb[3] << 25,
            l.limb[3] >> 39 | l.limb[4] << 12};
}

// The same as bytes.
template <unsigned A>
[[nodiscard]] constexpr std::array<unsigned char, 32> bytes_of(limbs25519<A> const& a) noexcept {
    auto const words = words_of(a);
    std::array<unsigned char, 32> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<unsigned char>(words[i / 8] >> (8 * (i % 8)));
    return bytes;
}

// The number of the low 255 of 256 bits, least byte first; it may be p or above. Limbs are below 2^51.
[[nodiscard]] constexpr field25519 field_of(std::array<unsigned char, 32> const& bytes) noexcept {
    std::uint64_t words[4] = {};
    for (std::size_t i = 0; i < bytes.size(); ++i) words[i / 8] |= std::uint64_t{bytes[i]} << (8 * (i % 8));
    return {{words[0] & low_51_bits, (words[0] >> 51 | words[1] << 13) & low_51_bits, (words[1] >> 38 | words[2] << 26) & low_51_bits,
             (words[2] >> 25 | words[3] << 39) & low_51_bits, words[3] >> 12 & low_51_bits}};
}

// Whether two are the same number mod p.
template <unsigned A, unsigned B>
[[nodiscard]] constexpr bool same_number(limbs25519<A> const& a, limbs25519<B> const& b) noexcept {
    return bytes_of(a) == bytes_of(b);
}

}  // namespace muster::jwt::detail
