#pragma once

#include <array>      // places
#include <cstddef>    // size_t
#include <cstdint>    // uint64_t, uint8_t

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>    // AVX-512 IFMA
#endif

#include <muster/workloads/jwt/detail/edwards25519.hpp>    // extended_point, affine_point

// The addition of edwards25519.hpp with its products side by side, four and four: a register holds one limb of four numbers, and an
// instruction multiplies 52 bits of each. Where the processor has AVX-512 IFMA, which is asked when the program runs. For public data
// only. What it takes stands in ed25519_table.hpp.
//
// Source: as edwards25519.hpp, and section 4.2 of the paper that it names, for the order of the products.

namespace muster::jwt::detail {

enum class point_route : std::uint8_t { portable, lanes };

#if defined(__x86_64__) && defined(__GNUC__)

[[nodiscard]] inline bool has(point_route which) noexcept {
    static bool const lanes = __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
                              __builtin_cpu_supports("avx512ifma") != 0;
    return which == point_route::portable || lanes;
}

// Four numbers, with limbs below 2^52: of a limb no more is multiplied. As a point they are x, y, t, z.
struct lanes25519 {
    __m256i limb[5];
};

[[gnu::target("avx512f,avx512vl,avx512ifma"), gnu::always_inline]] inline __m256i in_each_lane(std::uint64_t word) noexcept {
    return _mm256_set1_epi64x(static_cast<long long>(word));
}

// The low 52 bits of a product, and those above, added to a sum.
[[gnu::target("avx512f,avx512vl,avx512ifma"), gnu::always_inline]] inline __m256i add_low(__m256i to, __m256i a, __m256i b) noexcept {
    return _mm256_madd52lo_epu64(to, a, b);
}
[[gnu::target("avx512f,avx512vl,avx512ifma"), gnu::always_inline]] inline __m256i add_high(__m256i to, __m256i a, __m256i b) noexcept {
    return _mm256_madd52hi_epu64(to, a, b);
}

// The same numbers with what is above 51 bits in the next limb, and from the last, times 19, in the first. Limbs of less than 2^61
// become less than 2^51 + 19 * 2^10, where the last is less than 2^61 too; nothing that carries is above the 52 bits of a product.
[[gnu::target("avx512f,avx512vl,avx512ifma"), gnu::always_inline]] inline lanes25519 carried(lanes25519 const& a) noexcept {
    auto const low = in_each_lane(low_51_bits);
    return {{add_low(_mm256_and_si256(a.limb[0], low), _mm256_srli_epi64(a.limb[4], 51), in_each_lane(19)),
             _mm256_add_epi64(_mm256_and_si256(a.limb[1], low), _mm256_srli_epi64(a.limb[0], 51)),
             _mm256_add_epi64(_mm256_and_si256(a.limb[2], low), _mm256_srli_epi64(a.limb[1], 51)),
             _mm256_add_epi64(_mm256_and_si256(a.limb[3], low), _mm256_srli_epi64(a.limb[2], 51)),
             _mm256_add_epi64(_mm256_and_si256(a.limb[4], low), _mm256_srli_epi64(a.limb[3], 51))}};
}

// A column: what is low in it, twice what is high in the one before (52 bits make two of 51), and 19 times the same five columns on.
[[gnu::target("avx512f,avx512vl,avx512ifma"), gnu::always_inline]] inline __m256i column(__m256i low, __m256i high, __m256i low_above,
                                                                                       __m256i high_above) noexcept {
    auto const above = _mm256_add_epi64(low_above, _mm256_add_epi64(high_above, high_above));
    auto const here = _mm256_add_epi64(low, _mm256_add_epi64(high, high));
    auto const times_18 = _mm256_add_epi64(_mm256_slli_epi64(above, 4), _mm256_slli_epi64(above, 1));
    return _mm256_add_epi64(_mm256_add_epi64(here, above), times_18);
}

// a * b in each lane. Column k is the sum of k + 1 low parts, 2k high ones, and 19 times 4 - k low and 10 - 2k high ones, each below
// 2^52: 267 of them at the most, in the first, so it is below 2^61. The last carries below 2^8, the others below 2^10.
[[gnu::target("avx512f,avx512vl,avx512ifma"), gnu::always_inline]] inline lanes25519 multiply(lanes25519 const& a,
                                                                                            lanes25519 const& b) noexcept {
    auto const a0 = a.limb[0], a1 = a.limb[1], a2 = a.limb[2], a3 = a.limb[3], a4 = a.limb[4];
    auto const b0 = b.limb[0], b1 = b.limb[1], b2 = b.limb[2], b3 = b.limb[3], b4 = b.limb[4];
    auto const none = _mm256_setzero_si256();
    auto const low0 = add_low(none, a0, b0);
    auto const low1 = add_low(add_low(none, a0, b1), a1, b0);
    auto const low2 = add_low(add_low(add_low(none, a0, b2), a1, b1), a2, b0);
    auto const low3 = add_low(add_low(add_low(add_low(none, a0, b3), a1, b2), a2, b1), a3, b0);
    auto const low4 = add_low(add_low(add_low(add_low(add_low(none, a0, b4), a1, b3), a2, b2), a3, b1), a4, b0);
    auto const low5 = add_low(add_low(add_low(add_low(none, a1, b4), a2, b3), a3, b2), a4, b1);
    auto const low6 = add_low(add_low(add_low(none, a2, b4), a3, b3), a4, b2);
    auto const low7 = add_low(add_low(none, a3, b4), a4, b3);
    auto const low8 = add_low(none, a4, b4);
    auto const high1 = add_high(none, a0, b0);
    auto const high2 = add_high(add_high(none, a0, b1), a1, b0);
    auto const high3 = add_high(add_high(add_high(none, a0, b2), a1, b1), a2, b0);
    auto const high4 = add_high(add_high(add_high(add_high(none, a0, b3), a1, b2), a2, b1), a3, b0);
    auto const high5 = add_high(add_high(add_high(add_high(add_high(none, a0, b4), a1, b3), a2, b2), a3, b1), a4, b0);
    auto const high6 = add_high(add_high(add_high(add_high(none, a1, b4), a2, b3), a3, b2), a4, b1);
    auto const high7 = add_high(add_high(add_high(none, a2, b4), a3, b3), a4, b2);
    auto const high8 = add_high(add_high(none, a3, b4), a4, b3);
    auto const high9 = add_high(none, a4, b4);
    return carried(lanes25519{{column(low0, none, low5, high5), column(low1, high1, low6, high6), column(low2, high2, low7, high7),
                               column(low3, high3, low8, high8), column(low4, high4, none, high9)}});
}

// Of each pair of lanes a, b that `pairs` names the difference b - a, as 4p - a + b, and the sum.
template <unsigned Pairs>
[[gnu::target("avx512f,avx512vl,avx512ifma"), gnu::always_inline]] inline lanes25519 differences_and_sums(lanes25519 const& a) noexcept {
    constexpr std::uint64_t last = (std::uint64_t{1} << 53) - 76, other = (std::uint64_t{1} << 53) - 4;
    constexpr auto first = static_cast<__mmask8>(Pairs & 0b0101u), both = static_cast<__mmask8>(Pairs);
    lanes25519 made;
#pragma GCC unroll 5    // at -O2 too: numbers stay in registers
    for (std::size_t i = 0; i < 5; ++i) {
        auto const swapped = _mm256_shuffle_epi32(a.limb[i], 0b01'00'11'10);
        auto const signs = _mm256_mask_sub_epi64(a.limb[i], first, in_each_lane(i == 0 ? last : other), a.limb[i]);
        made.limb[i] = _mm256_mask_add_epi64(signs, both, signs, swapped);
    }
    return carried(made);
}

// Where the words of an affine point go: those of one limb to three lanes, and 2 or 0 to the fourth, so that it is a 2 in all.
struct alignas(64) point_places {
    std::array<std::uint64_t, 8> of[2][5];
};
inline constexpr point_places affine_places = [] {
    point_places made{};
    for (std::size_t minus = 0; minus < 2; ++minus)
        for (std::size_t i = 0; i < 5; ++i) made.of[minus][i] = {5 * minus + i, 5 - 5 * minus + i, 10 + i, i == 0 ? 2u : 0u};
    return made;
}();
[[gnu::target("avx512f,avx512vl,avx512ifma"), gnu::always_inline]] inline lanes25519 lanes_of(affine_point const& q, bool minus) noexcept {
    static_assert(sizeof(affine_point) == 128);
    auto const* const words = reinterpret_cast<char const*>(&q);
    auto const front = _mm512_load_si512(words), back = _mm512_load_si512(words + 64);
    lanes25519 made;
#pragma GCC unroll 5
    for (std::size_t i = 0; i < 5; ++i) {
        auto const from = _mm512_load_si512(affine_places.of[minus][i].data());
        made.limb[i] = _mm512_maskz_extracti64x4_epi64(0b1111, _mm512_mask2_permutex2var_epi64(front, from, 0b0111, back), 0);
    }
    return made;
}

[[gnu::target("avx512f,avx512vl,avx512ifma"), gnu::always_inline]] inline lanes25519 lanes_of(extended_point const& p) noexcept {
    lanes25519 made;
    for (std::size_t i = 0; i < 5; ++i)
        made.limb[i] = _mm256_set_epi64x(static_cast<long long>(p.z.limb[i]), static_cast<long long>(p.t.limb[i]),
                                         static_cast<long long>(p.y.limb[i]), static_cast<long long>(p.x.limb[i]));
    return made;
}
[[gnu::target("avx512f,avx512vl,avx512ifma"), gnu::always_inline]] inline extended_point point_of(lanes25519 const& p) noexcept {
    extended_point made;
    for (std::size_t i = 0; i < 5; ++i) {
        alignas(32) std::array<std::uint64_t, 4> lanes;
        _mm256_store_si256(reinterpret_cast<__m256i*>(lanes.data()), p.limb[i]);
        made.x.limb[i] = lanes[0];
        made.y.limb[i] = lanes[1];
        made.t.limb[i] = lanes[2];
        made.z.limb[i] = lanes[3];
    }
    return made;
}

// p + q, or p - q, into p.
[[gnu::target("avx512f,avx512vl,avx512ifma"), gnu::always_inline]] inline void add_to(lanes25519& p, affine_point const& q,
                                                                                     bool minus) noexcept {
    // y - x, y + x, t and z by what lies ready: a, b, c, d; of these e, h, d - c, d + c.
    auto const sums = differences_and_sums<0b1111>(multiply(differences_and_sums<0b0011>(p), lanes_of(q, minus)));
    // e, g, e, g times f, h, h, f are x, y, t, z: f is the difference of d and c and g the sum, or the other way round.
    alignas(32) static constexpr std::uint64_t left[2][4] = {{0, 3, 0, 3}, {0, 2, 0, 2}}, right[2][4] = {{2, 1, 1, 2}, {3, 1, 1, 3}};
    auto const to_left = _mm256_load_si256(reinterpret_cast<__m256i const*>(left[minus]));
    auto const to_right = _mm256_load_si256(reinterpret_cast<__m256i const*>(right[minus]));
    lanes25519 a, b;
#pragma GCC unroll 5
    for (std::size_t i = 0; i < 5; ++i) {
        a.limb[i] = _mm256_permutexvar_epi64(to_left, sums.limb[i]);
        b.limb[i] = _mm256_permutexvar_epi64(to_right, sums.limb[i]);
    }
    p = multiply(a, b);
}

#else

[[nodiscard]] inline bool has(point_route which) noexcept { return which == point_route::portable; }

#endif

[[nodiscard]] inline point_route best_point_route() noexcept {
    return has(point_route::lanes) ? point_route::lanes : point_route::portable;
}

}  // namespace muster::jwt::detail
