#pragma once

#include <algorithm>    // min
#include <array>        // limbs
#include <bit>          // countr_zero
#include <cstddef>      // size_t
#include <cstdint>      // int64_t, uint64_t
#include <utility>      // exchange

#include <muster/workloads/jwt/detail/field25519.hpp>    // field25519

// 1 / a mod p by division steps: a greatest common divisor of p and a, found from their lowest bits. For public data only: how long
// it takes depends on the number. `inverse` of field25519.hpp finds the same by a power, in three times as long.
//
// A step takes odd f and any g. Where delta is above 0 and g is odd, (delta, f, g) becomes (1 - delta, g, (g - f) / 2); else
// (1 + delta, f, (g + (g mod 2) f) / 2). After 741 of them at the most g is 0 and f is 1 or -1, for numbers below 2^256. What 62 steps
// do to f and g depends on their lowest 62 bits alone, and is a matrix over 2^62: it is found on two words, then done to the numbers
// in full, and mod p to d and e, which keep d a = f and e a = g. Then d is 1 / a, or -1 / a.
//
// Source: D. J. Bernstein, B. Yang, Fast constant-time gcd computation and modular inversion (2019), for the steps and their number.

namespace muster::jwt::detail {

__extension__ using signed_product25519 = __int128;

// The sum of limb[i] * 2^(62 i); limbs but the last are below 2^62 and not negative, but for p as it stands here.
struct signed_limbs25519 {
    std::array<std::int64_t, 5> limb;
};

inline constexpr std::uint64_t low_62_bits = (std::uint64_t{1} << 62) - 1;

inline constexpr signed_limbs25519 prime25519{{-19, 0, 0, 0, 128}};    // 2^255 - 19, and 255 = 4 * 62 + 7

// 1 / p mod 2^64: each turn doubles the bits that are right, from 3.
inline constexpr std::uint64_t inverse_of_prime25519 = [] {
    constexpr auto p = static_cast<std::uint64_t>(prime25519.limb[0]);
    auto made = p;
    for (int i = 0; i < 5; ++i) made *= 2 - p * made;
    return made;
}();
static_assert(inverse_of_prime25519 * static_cast<std::uint64_t>(-19) == 1);

// What 62 steps do, times 2^62: f becomes u f + v g, and g becomes q f + r g. Neither |u| + |v| nor |q| + |r| is above 2^62.
struct steps25519 {
    std::int64_t u, v, q, r;
};

// 62 steps from the lowest bits of f and g. Steps in which g is even are done together; so are those in which multiples of f make the
// lowest bits of g zero, as many as come before the next exchange, and six at the most.
[[nodiscard]] inline steps25519 take_steps(std::int64_t& delta, std::uint64_t f, std::uint64_t g) noexcept {
    std::uint64_t u = 1, v = 0, q = 0, r = 1;    // numbers with a sign, which may be shifted and multiplied all the same
    for (unsigned left = 62;;) {
        auto const even = static_cast<unsigned>(std::countr_zero(g | ~std::uint64_t{0} << left));
        g >>= even;
        u <<= even;
        v <<= even;
        delta += even;
        left -= even;
        if (left == 0) break;
        if (delta > 0) {
            delta = -delta;
            f = std::exchange(g, 0 - f);
            u = std::exchange(q, 0 - u);
            v = std::exchange(r, 0 - v);
        }
        // Until delta is above 0 again f stays. f is its own inverse mod 8, so f (2 - f^2) is that mod 64.
        auto const bits = std::min(static_cast<unsigned>(std::min<std::int64_t>(1 - delta, 6)), left);
        auto const times = (f * g * (f * f - 2)) & ((std::uint64_t{1} << bits) - 1);
        g += f * times;
        q += u * times;
        r += v * times;
    }
    return {static_cast<std::int64_t>(u), static_cast<std::int64_t>(v), static_cast<std::int64_t>(q), static_cast<std::int64_t>(r)};
}

// f and g after those steps, of as many limbs as they still have.
inline void apply(steps25519 const& by, signed_limbs25519& f, signed_limbs25519& g, std::size_t limbs) noexcept {
    signed_product25519 of_f = 0, of_g = 0;
    for (std::size_t i = 0; i < limbs; ++i) {
        auto const a = f.limb[i], b = g.limb[i];
        of_f += static_cast<signed_product25519>(by.u) * a + static_cast<signed_product25519>(by.v) * b;
        of_g += static_cast<signed_product25519>(by.q) * a + static_cast<signed_product25519>(by.r) * b;
        if (i > 0) {    // the lowest 62 bits of both are 0
            f.limb[i - 1] = static_cast<std::int64_t>(static_cast<std::uint64_t>(of_f) & low_62_bits);
            g.limb[i - 1] = static_cast<std::int64_t>(static_cast<std::uint64_t>(of_g) & low_62_bits);
        }
        of_f >>= 62;
        of_g >>= 62;
    }
    f.limb[limbs - 1] = static_cast<std::int64_t>(of_f);
    g.limb[limbs - 1] = static_cast<std::int64_t>(of_g);
}

// d and e after those steps, mod p. Both stay above -2p and below p: where one is negative p is added to it before, and then as much
// of p, less than 2^62 times, is taken off as makes the lowest 62 bits 0.
inline void apply_mod_p(steps25519 const& by, signed_limbs25519& d, signed_limbs25519& e) noexcept {
    auto const d_sign = d.limb[4] >> 63, e_sign = e.limb[4] >> 63;
    auto primes_d = (by.u & d_sign) + (by.v & e_sign), primes_e = (by.q & d_sign) + (by.r & e_sign);
    auto of_d = static_cast<signed_product25519>(by.u) * d.limb[0] + static_cast<signed_product25519>(by.v) * e.limb[0];
    auto of_e = static_cast<signed_product25519>(by.q) * d.limb[0] + static_cast<signed_product25519>(by.r) * e.limb[0];
    auto const off = [](signed_product25519 const& sum, std::int64_t primes) {
        auto const low = inverse_of_prime25519 * static_cast<std::uint64_t>(sum) + static_cast<std::uint64_t>(primes);
        return primes - static_cast<std::int64_t>(low & low_62_bits);
    };
    primes_d = off(of_d, primes_d);
    primes_e = off(of_e, primes_e);
    of_d += static_cast<signed_product25519>(prime25519.limb[0]) * primes_d;
    of_e += static_cast<signed_product25519>(prime25519.limb[0]) * primes_e;
    of_d >>= 62;
    of_e >>= 62;
    for (std::size_t i = 1; i < 5; ++i) {
        auto const a = d.limb[i], b = e.limb[i];
        of_d += static_cast<signed_product25519>(by.u) * a + static_cast<signed_product25519>(by.v) * b;
        of_e += static_cast<signed_product25519>(by.q) * a + static_cast<signed_product25519>(by.r) * b;
        if (i == 4) {    // the limbs of p between are 0
            of_d += static_cast<signed_product25519>(prime25519.limb[4]) * primes_d;
            of_e += static_cast<signed_product25519>(prime25519.limb[4]) * primes_e;
        }
        d.limb[i - 1] = static_cast<std::int64_t>(static_cast<std::uint64_t>(of_d) & low_62_bits);
        e.limb[i - 1] = static_cast<std::int64_t>(static_cast<std::uint64_t>(of_e) & low_62_bits);
        of_d >>= 62;
        of_e >>= 62;
    }
    d.limb[4] = static_cast<std::int64_t>(of_d);
    e.limb[4] = static_cast<std::int64_t>(of_e);
}

// 1 / a; of 0: 0.
[[nodiscard]] inline field25519 quick_inverse(field25519 const& a) noexcept {
    auto const words = words_of(a);
    auto const part = [](std::uint64_t word) { return static_cast<std::int64_t>(word & low_62_bits); };
    auto f = prime25519;
    signed_limbs25519 g{{part(words[0]), part(words[0] >> 62 | words[1] << 2), part(words[1] >> 60 | words[2] << 4),
                         part(words[2] >> 58 | words[3] << 6), part(words[3] >> 56)}};
    signed_limbs25519 d{}, e{{1, 0, 0, 0, 0}};
    std::int64_t delta = 1;
    std::size_t limbs = 5;
    for (;;) {
        auto const steps = take_steps(delta, static_cast<std::uint64_t>(f.limb[0]), static_cast<std::uint64_t>(g.limb[0]));
        apply_mod_p(steps, d, e);
        apply(steps, f, g, limbs);
        std::int64_t left = 0;
        for (std::size_t i = 0; i < limbs; ++i) left |= g.limb[i];
        if (left == 0) break;
        // A last limb that is only a sign goes: the one below takes the sign.
        auto const f_last = f.limb[limbs - 1], g_last = g.limb[limbs - 1];
        if (limbs > 1 && f_last == f_last >> 63 && g_last == g_last >> 63) {
            --limbs;
            f.limb[limbs - 1] |= static_cast<std::int64_t>(static_cast<std::uint64_t>(f_last) << 62);
            g.limb[limbs - 1] |= static_cast<std::int64_t>(static_cast<std::uint64_t>(g_last) << 62);
        }
    }
    // d, or where f is -1 the negative, and 2p: above 0 and below 4p.
    auto const sign = f.limb[limbs - 1] >> 63;
    std::array<std::uint64_t, 5> made;
    std::int64_t carry = 0;
    for (std::size_t i = 0; i < 5; ++i) {
        carry += (d.limb[i] ^ sign) - sign + 2 * prime25519.limb[i];
        made[i] = static_cast<std::uint64_t>(carry) & low_62_bits;
        carry >>= 62;
    }
    return carried(limbs25519<53>{{made[0] & low_51_bits, (made[0] >> 51 | made[1] << 11) & low_51_bits,
                                   (made[1] >> 40 | made[2] << 22) & low_51_bits, (made[2] >> 29 | made[3] << 33) & low_51_bits,
                                   made[3] >> 18 | made[4] << 44}});
}

}  // namespace muster::jwt::detail
