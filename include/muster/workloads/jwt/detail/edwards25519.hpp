#pragma once

#include <array>       // bytes
#include <cstddef>     // size_t
#include <optional>    // not every text is a point

#include <muster/workloads/jwt/detail/field25519.hpp>    // field25519

// Points of -x^2 + y^2 = 1 + d x^2 y^2 mod 2^255 - 19, the curve of Ed25519. For public data only.
//
// Source: RFC 8032, section 5.1; coordinates and the addition: H. Hisil, K. Wong, G. Carter, E. Dawson, Twisted Edwards Curves
// Revisited (2008), section 3.1. -1 is a square mod p and d is none, so that the addition holds for any two points: the same point
// twice, its negative, those of small order.

namespace muster::jwt::detail {

inline constexpr field25519 edwards_d{{0x34dca135978a3, 0x1a8283b156ebd, 0x5e7a26001c029, 0x739c663a03cbb, 0x52036cee2b6ff}};
inline constexpr field25519 edwards_2d{{0x69b9426b2f159, 0x35050762add7a, 0x3cf44c0038052, 0x6738cc7407977, 0x2406d9dc56dff}};
inline constexpr field25519 root_of_minus_one{{0x61b274a0ea0b0, 0x0d5a5fc8f189d, 0x7ef5e9cbd0c60, 0x78595a6804c9e, 0x2b8324804fc1d}};

// x = X / Z, y = Y / Z, T = XY / Z; Z is never 0.
struct extended_point {
    field25519 x, y, z, t;
};

// A point that is added often: y - x and y + x, so that its negative has them the other way round; and 2dxy. Two lines of cache.
struct alignas(64) affine_point {
    field25519 ends[2];
    field25519 product;
};

inline constexpr extended_point neutral_point{zero25519, one25519, one25519, zero25519};
inline constexpr extended_point base_point{
    {{0x62d608f25d51a, 0x412a4b4f6592a, 0x75b7171a4b31d, 0x1ff60527118fe, 0x216936d3cd6e5}},
    {{0x6666666666658, 0x4cccccccccccc, 0x1999999999999, 0x3333333333333, 0x6666666666666}},
    one25519,
    {{0x68ab3a5b7dda3, 0x00eea2a5eadbb, 0x2af8df483c27e, 0x332b375274732, 0x67875f0fd78b7}}};

// p + q, or p - q, into p: seven products. `minus` chooses places, not a branch: half of the branches would be guessed wrong.
constexpr void add_to(extended_point& p, affine_point const& q, bool minus) noexcept {
    auto const a = multiply(subtract(p.y, p.x), q.ends[minus]);
    auto const b = multiply(add(p.y, p.x), q.ends[!minus]);
    auto const c = multiply(p.t, q.product);
    auto const d = add(p.z, p.z);
    limbs25519<54> sides[2]{};
    sides[minus] = subtract(d, c);
    sides[!minus] = add(d, c);
    auto const& f = sides[0];
    auto const& g = sides[1];
    auto const e = subtract(b, a);
    auto const h = add(b, a);
    p.x = multiply(e, f);
    p.y = multiply(g, h);
    p.z = multiply(f, g);
    p.t = multiply(e, h);
}

[[nodiscard]] constexpr extended_point negative(extended_point const& p) noexcept {
    return {carried(subtract(zero25519, p.x)), p.y, p.z, carried(subtract(zero25519, p.t))};
}

// With 1 / Z, which many points may have found together.
[[nodiscard]] constexpr affine_point affine(extended_point const& p, field25519 const& inverse_of_z) noexcept {
    auto const x = multiply(p.x, inverse_of_z), y = multiply(p.y, inverse_of_z);
    return {{carried(subtract(y, x)), carried(add(y, x))}, multiply(multiply(x, y), edwards_2d)};
}

// y with the lowest bit of x above it: the one text of a point.
[[nodiscard]] constexpr std::array<unsigned char, 32> bytes_of(extended_point const& p, field25519 const& inverse_of_z) noexcept {
    auto bytes = bytes_of(multiply(p.y, inverse_of_z));
    bytes[31] = static_cast<unsigned char>(bytes[31] | (bytes_of(multiply(p.x, inverse_of_z))[0] & 1) << 7);
    return bytes;
}

// Whether the y of a text is below p.
[[nodiscard]] constexpr bool is_canonical(std::array<unsigned char, 32> const& text) noexcept {
    if ((text[31] & 0x7f) != 0x7f || text[0] < 0xed) return true;
    for (std::size_t i = 1; i < 31; ++i)
        if (text[i] != 0xff) return true;
    return false;
}

// Whether the y of a canonical text is that of a point of order 1, 2, 4 or 8: 1, -1, 0 and the two of those that double to 0.
[[nodiscard]] constexpr bool has_small_order(std::array<unsigned char, 32> const& text) noexcept {
    constexpr std::array<unsigned char, 32> of_order_8[2] = {
        {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
         0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
        {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
         0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05}};
    auto y = text;
    y[31] &= 0x7f;
    if (y == of_order_8[0] || y == of_order_8[1]) return true;
    auto const all_between = [&](unsigned char of) {
        for (std::size_t i = 1; i < 31; ++i)
            if (y[i] != of) return false;
        return true;
    };
    return y[31] == 0 ? y[0] <= 1 && all_between(0) : y[31] == 0x7f && y[0] == 0xec && all_between(0xff);
}

// The point of a text as libsodium 1.0.18 takes it for a public key: canonical, on the curve, not of small order. It may have a part
// of small order.
[[nodiscard]] constexpr std::optional<extended_point> point_of(std::array<unsigned char, 32> const& text) noexcept {
    if (!is_canonical(text) || has_small_order(text)) return std::nullopt;
    auto const y = field_of(text);
    auto const y2 = square(y);
    auto const u = carried(subtract(y2, one25519));
    auto const v = carried(add(multiply(edwards_d, y2), one25519));
    // x^2 = u / v. The root, if there is one, is u v^3 (u v^7)^((p - 5) / 8), or that times the root of -1.
    auto const uv3 = multiply(u, multiply(square(v), v));
    auto x = multiply(uv3, power_for_root(multiply(uv3, square(square(v)))));
    auto const vx2 = multiply(v, square(x));
    if (!same_number(vx2, u)) {
        if (!same_number(vx2, subtract(zero25519, u))) return std::nullopt;
        x = multiply(x, root_of_minus_one);
    }
    if ((bytes_of(x)[0] & 1) != text[31] >> 7) x = carried(subtract(zero25519, x));
    return extended_point{x, y, one25519, multiply(x, y)};
}

}  // namespace muster::jwt::detail
