#pragma once

#include <algorithm>      // min
#include <array>          // lanes
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <cstring>        // memcpy
#include <utility>        // index_sequence

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>    // AVX-512
#endif

// FNV-1a of several keys at a time. One byte of one key takes an exclusive or and a multiplication that wait for each other: 4 cycles,
// in which a processor could do as much for several others. So each key has a lane, and a byte is taken of each in turn.
//
// Measured on a Zen 4 for keys of 64 bytes, millions a second: one at a time 15 to 20, which is 2.8 cycles a byte, since the processor
// begins a key before it has ended the last; portable lanes 44 to 55, 1.06 cycles; AVX2, which has no multiplication of 64 bits and puts
// it together from two of 32, 63 to 87, 0.7 cycles; AVX-512 131 to 181.
//
// One 64-bit multiplication a cycle is the bound of portable lanes, so that they are 2.8 times as fast as one at a time and not more.
// Six and eight lanes, eight bytes a turn, and words of eight bytes with shifts were all between 1.00 and 1.36 cycles a byte at -O2;
// tables for what the lowest byte becomes, with two multiplications for four or eight bytes, 1.7 and more; SSE2 alone 1.2 to 1.4, and
// two or four keys of it beside four lanes 0.73 to 0.89, by compiler, for processors that have no AVX2.

namespace muster::hashing::detail {

inline constexpr std::uint64_t fnv1a_prime = 0x100'0000'01b3, fnv1a_basis = 0xcbf2'9ce4'8422'2325;

[[nodiscard]] constexpr std::uint64_t fnv1a_step(std::uint64_t hash, char byte) noexcept {
    return (hash ^ static_cast<unsigned char>(byte)) * fnv1a_prime;
}
[[nodiscard]] constexpr std::uint64_t fnv1a_from(std::uint64_t hash, char const* at, std::size_t size) noexcept {
    for (std::size_t i = 0; i < size; ++i) hash = fnv1a_step(hash, at[i]);
    return hash;
}

enum class fnv1a_route : std::uint8_t { portable, avx2, avx512 };

/// The keys that are hashed at a time; what was not used is empty.
struct fnv1a_block {
    static constexpr std::size_t most = 32;
    alignas(64) std::array<char const*, most> at{};
    alignas(64) std::array<std::uint64_t, most> size{};
    alignas(64) std::array<std::uint64_t, most> hash{};
};

// Portable

// Four keys and their hashes fit into the registers of any 64-bit processor. Written out by a fold: no optimiser has to unroll it.
inline constexpr std::size_t fnv1a_portable_lanes = 4;

template <std::size_t... I>
inline void fnv1a_portable(fnv1a_block& keys, std::size_t first, std::index_sequence<I...>) noexcept {
    std::array<char const*, sizeof...(I)> const at{keys.at[first + I]...};
    std::array<std::uint64_t, sizeof...(I)> hash{((void)I, fnv1a_basis)...};
    auto const common = std::min({keys.size[first + I]...});
    for (std::size_t i = 0; i < common; ++i) ((hash[I] = fnv1a_step(hash[I], at[I][i])), ...);
    ((keys.hash[first + I] = fnv1a_from(hash[I], at[I] + common, keys.size[first + I] - common)), ...);
}

#if defined(__x86_64__) && defined(__GNUC__)

// AVX2: four keys a register. A hash is kept in two halves, each in the lower part of 64 bits; what stands above is never looked at:
//   prime = 2^40 + 435, so (2^32 h + l) * prime = 2^32 (435 h + 2^8 l + what 435 l carries) + the lower half of 435 l.

struct fnv1a_halves {
    __m256i low, high;
};

__attribute__((target("avx2"), always_inline)) inline void fnv1a_step(fnv1a_halves& hash, __m256i byte) noexcept {
    auto const factor = _mm256_set1_epi64x(435);
    auto const low = _mm256_xor_si256(hash.low, byte);
    auto const product = _mm256_mul_epu32(low, factor);
    hash.high = _mm256_add_epi64(_mm256_add_epi64(_mm256_mul_epu32(hash.high, factor), _mm256_slli_epi64(low, 8)),
                                 _mm256_srli_epi64(product, 32));
    hash.low = product;
}
__attribute__((target("avx2"), always_inline)) inline __m256i fnv1a_words(char const* const* at, std::size_t offset) noexcept {
    std::array<long long, 4> words;
    for (std::size_t lane = 0; lane < 4; ++lane) std::memcpy(&words[lane], at[lane] + offset, 8);
    return _mm256_setr_epi64x(words[0], words[1], words[2], words[3]);
}
__attribute__((target("avx2"), always_inline)) inline void fnv1a_put(fnv1a_halves const& hash, std::uint64_t* to) noexcept {
    auto const whole = _mm256_blend_epi32(hash.low, _mm256_slli_epi64(hash.high, 32), 0b10101010);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), whole);
}

// Sixteen keys from `first`: eight bytes of each at a time while all have them, the rest one key after another.
__attribute__((target("avx2"))) inline void fnv1a_avx2(fnv1a_block& keys, std::size_t first) noexcept {
    auto const* const at = keys.at.data() + first;
    auto const basis_low = _mm256_set1_epi64x(0x8422'2325), basis_high = _mm256_set1_epi64x(0xcbf2'9ce4);
    fnv1a_halves a{basis_low, basis_high}, b = a, c = a, d = a;
    auto common = keys.size[first];
    for (std::size_t i = 1; i < 16; ++i) common = std::min(common, keys.size[first + i]);
    common -= common % 8;
    for (std::size_t offset = 0; offset < common; offset += 8) {
        auto const wa = fnv1a_words(at, offset), wb = fnv1a_words(at + 4, offset);
        auto const wc = fnv1a_words(at + 8, offset), wd = fnv1a_words(at + 12, offset);
        // a shuffle takes one byte of each word, and zeros: first the lowest byte, then the one above
        auto choose = _mm256_broadcastsi128_si256(_mm_set_epi64x(-0x7f7f'7f7f'7f7f'7ff8, -0x7f7f'7f7f'7f7f'8000));
        for (int byte = 0; byte < 8; ++byte) {
            fnv1a_step(a, _mm256_shuffle_epi8(wa, choose));
            fnv1a_step(b, _mm256_shuffle_epi8(wb, choose));
            fnv1a_step(c, _mm256_shuffle_epi8(wc, choose));
            fnv1a_step(d, _mm256_shuffle_epi8(wd, choose));
            choose = _mm256_add_epi64(choose, _mm256_set1_epi64x(1));
        }
    }
    auto* const to = keys.hash.data() + first;
    fnv1a_put(a, to);
    fnv1a_put(b, to + 4);
    fnv1a_put(c, to + 8);
    fnv1a_put(d, to + 12);
    for (std::size_t i = 0; i < 16; ++i) to[i] = fnv1a_from(to[i], at[i] + common, keys.size[first + i] - common);
}

// AVX-512: eight keys a register, and a multiplication of 64 bits. A mask says which keys still have bytes, so that the lengths of
// a block may differ; it takes as long as its longest key.

struct fnv1a_eight {
    __m512i at, size, hash;
};

__attribute__((target("avx512f,avx512dq"), always_inline)) inline fnv1a_eight fnv1a_load(fnv1a_block const& keys,
                                                                                        std::size_t first) noexcept {
    return {_mm512_loadu_si512(keys.at.data() + first), _mm512_loadu_si512(keys.size.data() + first),
            _mm512_set1_epi64(static_cast<long long>(fnv1a_basis))};
}
// One byte of each key that the mask names: the lowest of its word.
__attribute__((target("avx512f,avx512dq"), always_inline)) inline __m512i fnv1a_step(__m512i hash, __mmask8 has, __m512i word) noexcept {
    auto const mixed = _mm512_ternarylogic_epi64(hash, word, _mm512_set1_epi64(0xff), 0x78);    // hash ^ (word & 0xff)
    return _mm512_mask_mullo_epi64(hash, has, mixed, _mm512_set1_epi64(static_cast<long long>(fnv1a_prime)));
}
__attribute__((target("avx512f,avx512dq"), always_inline)) inline __m512i fnv1a_step(__m512i hash, __m512i word) noexcept {
    auto const mixed = _mm512_ternarylogic_epi64(hash, word, _mm512_set1_epi64(0xff), 0x78);    // hash ^ (word & 0xff)
    return _mm512_mullo_epi64(mixed, _mm512_set1_epi64(static_cast<long long>(fnv1a_prime)));
}
// The next eight bytes of eight keys that all have them. On a Zen 4 a gather takes three times as long.
__attribute__((target("avx512f,avx512dq"), always_inline)) inline __m512i fnv1a_eight_words(char const* const* at,
                                                                                           std::size_t offset) noexcept {
    std::array<long long, 8> words;
    for (std::size_t lane = 0; lane < 8; ++lane) std::memcpy(&words[lane], at[lane] + offset, 8);
    return _mm512_setr_epi64(words[0], words[1], words[2], words[3], words[4], words[5], words[6], words[7]);
}
// The next eight bytes of each key that has them, and which keys those are.
struct fnv1a_masked {
    __m512i word;
    __mmask8 has;
};
__attribute__((target("avx512f,avx512dq"), always_inline)) inline fnv1a_masked fnv1a_next(fnv1a_eight const& keys,
                                                                                         long long offset) noexcept {
    auto const has = _mm512_cmpge_epi64_mask(keys.size, _mm512_set1_epi64(offset + 8));
    auto const at = _mm512_add_epi64(keys.at, _mm512_set1_epi64(offset));
    return {_mm512_mask_i64gather_epi64(_mm512_setzero_si512(), has, at, nullptr, 1), has};
}

// The last bytes of a key, fewer than eight: nothing behind its end is read.
[[nodiscard]] inline std::uint64_t fnv1a_rest(char const* at, std::uint64_t size) noexcept {
    auto const rest = size % 8;
    std::uint64_t word = 0;
    if (rest == 0) return word;
    if (size >= 8) {
        std::memcpy(&word, at + size - 8, 8);
        return word >> (64 - 8 * rest);
    }
    for (std::uint64_t i = 0; i < rest; ++i) word |= static_cast<std::uint64_t>(static_cast<unsigned char>(at[i])) << (8 * i);
    return word;
}

__attribute__((target("avx512f,avx512dq"))) inline void fnv1a_avx512(fnv1a_block& keys) noexcept {
    auto a = fnv1a_load(keys, 0), b = fnv1a_load(keys, 8), c = fnv1a_load(keys, 16), d = fnv1a_load(keys, 24);
    std::uint64_t shortest = keys.size[0], longest = 0, rests = 0;
    for (auto const size : keys.size) {
        shortest = std::min(shortest, size);
        longest = std::max(longest, size);
        rests = std::max(rests, size % 8);
    }
    auto const common = shortest - shortest % 8;
    for (std::size_t offset = 0; offset < common; offset += 8) {
        auto const* const at = keys.at.data();
        auto wa = fnv1a_eight_words(at, offset), wb = fnv1a_eight_words(at + 8, offset);
        auto wc = fnv1a_eight_words(at + 16, offset), wd = fnv1a_eight_words(at + 24, offset);
        for (int byte = 0; byte < 8; ++byte) {
            a.hash = fnv1a_step(a.hash, wa);
            b.hash = fnv1a_step(b.hash, wb);
            c.hash = fnv1a_step(c.hash, wc);
            d.hash = fnv1a_step(d.hash, wd);
            wa = _mm512_maskz_srli_epi64(0xff, wa, 8);
            wb = _mm512_maskz_srli_epi64(0xff, wb, 8);
            wc = _mm512_maskz_srli_epi64(0xff, wc, 8);
            wd = _mm512_maskz_srli_epi64(0xff, wd, 8);
        }
    }
    auto const words = static_cast<long long>(longest - longest % 8);
    for (auto offset = static_cast<long long>(common); offset < words; offset += 8) {
        auto [wa, ma] = fnv1a_next(a, offset);
        auto [wb, mb] = fnv1a_next(b, offset);
        auto [wc, mc] = fnv1a_next(c, offset);
        auto [wd, md] = fnv1a_next(d, offset);
        for (int byte = 0; byte < 8; ++byte) {
            a.hash = fnv1a_step(a.hash, ma, wa);
            b.hash = fnv1a_step(b.hash, mb, wb);
            c.hash = fnv1a_step(c.hash, mc, wc);
            d.hash = fnv1a_step(d.hash, md, wd);
            wa = _mm512_maskz_srli_epi64(0xff, wa, 8);
            wb = _mm512_maskz_srli_epi64(0xff, wb, 8);
            wc = _mm512_maskz_srli_epi64(0xff, wc, 8);
            wd = _mm512_maskz_srli_epi64(0xff, wd, 8);
        }
    }
    if (rests != 0) {
        alignas(64) std::array<std::uint64_t, fnv1a_block::most> last;
        for (std::size_t i = 0; i < last.size(); ++i) last[i] = fnv1a_rest(keys.at[i], keys.size[i]);
        auto wa = _mm512_loadu_si512(last.data()), wb = _mm512_loadu_si512(last.data() + 8);
        auto wc = _mm512_loadu_si512(last.data() + 16), wd = _mm512_loadu_si512(last.data() + 24);
        auto const seven = _mm512_set1_epi64(7);
        auto const ra = _mm512_and_epi64(a.size, seven), rb = _mm512_and_epi64(b.size, seven);
        auto const rc = _mm512_and_epi64(c.size, seven), rd = _mm512_and_epi64(d.size, seven);
        for (long long byte = 0; byte < static_cast<long long>(rests); ++byte) {
            auto const position = _mm512_set1_epi64(byte);
            a.hash = fnv1a_step(a.hash, _mm512_cmpgt_epi64_mask(ra, position), wa);
            b.hash = fnv1a_step(b.hash, _mm512_cmpgt_epi64_mask(rb, position), wb);
            c.hash = fnv1a_step(c.hash, _mm512_cmpgt_epi64_mask(rc, position), wc);
            d.hash = fnv1a_step(d.hash, _mm512_cmpgt_epi64_mask(rd, position), wd);
            wa = _mm512_maskz_srli_epi64(0xff, wa, 8);
            wb = _mm512_maskz_srli_epi64(0xff, wb, 8);
            wc = _mm512_maskz_srli_epi64(0xff, wc, 8);
            wd = _mm512_maskz_srli_epi64(0xff, wd, 8);
        }
    }
    _mm512_storeu_si512(keys.hash.data(), a.hash);
    _mm512_storeu_si512(keys.hash.data() + 8, b.hash);
    _mm512_storeu_si512(keys.hash.data() + 16, c.hash);
    _mm512_storeu_si512(keys.hash.data() + 24, d.hash);
}

[[nodiscard]] inline bool has(fnv1a_route which) noexcept {
    switch (which) {
        case fnv1a_route::portable: return true;
        case fnv1a_route::avx2: return __builtin_cpu_supports("avx2") != 0;
        case fnv1a_route::avx512: return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512dq") != 0;
    }
    return false;
}

#else

[[nodiscard]] inline bool has(fnv1a_route which) noexcept { return which == fnv1a_route::portable; }

#endif

/// The fastest that this processor has; asked once.
[[nodiscard]] inline fnv1a_route fnv1a_best() noexcept {
    static auto const best = has(fnv1a_route::avx512) ? fnv1a_route::avx512 : has(fnv1a_route::avx2) ? fnv1a_route::avx2 : fnv1a_route::portable;
    return best;
}

/// Hashes the first `count` keys of the block; of the others `size` is 0, or they are not looked at.
inline void fnv1a_hash(fnv1a_block& keys, std::size_t count, fnv1a_route route) noexcept {
    std::size_t done = 0;
#if defined(__x86_64__) && defined(__GNUC__)
    if (route == fnv1a_route::avx512 && count >= 8) return fnv1a_avx512(keys);
    if (route == fnv1a_route::avx2)
        for (; done + 16 <= count; done += 16) fnv1a_avx2(keys, done);
#endif
    (void)route;
    for (; done + fnv1a_portable_lanes <= count; done += fnv1a_portable_lanes)
        fnv1a_portable(keys, done, std::make_index_sequence<fnv1a_portable_lanes>{});
    for (; done < count; ++done) keys.hash[done] = fnv1a_from(fnv1a_basis, keys.at[done], keys.size[done]);
}

}  // namespace muster::hashing::detail
