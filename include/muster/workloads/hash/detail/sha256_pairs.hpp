#pragma once

#include <algorithm>      // min
#include <array>          // states
#include <cstddef>        // size_t
#include <cstdint>        // uint32_t
#include <cstring>        // memcpy
#include <string_view>    // messages

#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>        // __get_cpuid_count
#include <immintrin.h>    // SHA-NI
#endif

// SHA-256 of two messages at a time. An instruction that does two rounds waits for the one before it; while it does, a second message
// costs nothing. It is for batches of messages, which are public: what is keyed with a secret, as HMAC is, stays with OpenSSL's code.
// (No branch and no address here depends on the bytes of a message, only on their number.)
//
// Measured on a Zen 4 for messages of 64 bytes, millions a second: OpenSSL's state on the stack 10.4 to 14.2, pairs 15 to 22, beside other programs.

namespace muster::hashing::detail {

enum class sha256_route : std::uint8_t { openssl, pairs };

#if defined(__x86_64__) && defined(__GNUC__)

[[nodiscard]] inline bool has(sha256_route which) noexcept {
    static bool const sha = [] {    // no compiler of ours knows "sha" as a name for __builtin_cpu_supports on all versions
        unsigned a = 0, b = 0, c = 0, d = 0;
        auto const extensions = __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b >> 29 & 1) != 0;
        return extensions && __builtin_cpu_supports("sse4.1") != 0;
    }();
    return which == sha256_route::openssl || sha;
}

alignas(16) inline constexpr std::array<std::uint32_t, 64> sha256_constants{
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
    0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
    0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
    0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
    0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

// A message's state as the instructions want it: words a, b, e, f and c, d, g, h; with the 16 words of the schedule that come next.
struct sha256_lane {
    __m128i abef, cdgh;
    __m128i w0, w1, w2, w3;
};

__attribute__((target("sha,sse4.1"), always_inline)) inline __m128i sha256_load(char const* at) noexcept {
    auto const big_endian = _mm_set_epi64x(0x0c0d'0e0f'0809'0a0b, 0x0405'0607'0001'0203);
    return _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<__m128i const*>(at)), big_endian);
}
__attribute__((target("sha,sse4.1"), always_inline)) inline void sha256_take(sha256_lane& lane, char const* block) noexcept {
    lane.w0 = sha256_load(block);
    lane.w1 = sha256_load(block + 16);
    lane.w2 = sha256_load(block + 32);
    lane.w3 = sha256_load(block + 48);
}
__attribute__((target("sha,sse4.1"), always_inline)) inline void sha256_rounds(sha256_lane& lane, __m128i words, __m128i constants) noexcept {
    auto const sum = _mm_add_epi32(words, constants);
    lane.cdgh = _mm_sha256rnds2_epu32(lane.cdgh, lane.abef, sum);
    lane.abef = _mm_sha256rnds2_epu32(lane.abef, lane.cdgh, _mm_shuffle_epi32(sum, 0x0e));
}
// The four words of the schedule that stand 16 after `w0`.
__attribute__((target("sha,sse4.1"), always_inline)) inline __m128i sha256_schedule(__m128i w0, __m128i w1, __m128i w2, __m128i w3) noexcept {
    return _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8(w3, w2, 4)), w3);
}
__attribute__((target("sha,sse4.1"), always_inline)) inline __m128i sha256_constant(std::size_t four) noexcept {
    return _mm_load_si128(reinterpret_cast<__m128i const*>(sha256_constants.data()) + four);
}

/// One block of each of two messages.
__attribute__((target("sha,sse4.1"), always_inline)) inline void sha256_block(sha256_lane& a, char const* block_a, sha256_lane& b,
                                                                             char const* block_b) noexcept {
    auto const before_a = a, before_b = b;
    sha256_take(a, block_a);
    sha256_take(b, block_b);
    for (std::size_t four = 0; four < 16; four += 4) {
        auto const k0 = sha256_constant(four), k1 = sha256_constant(four + 1), k2 = sha256_constant(four + 2), k3 = sha256_constant(four + 3);
        sha256_rounds(a, a.w0, k0);
        sha256_rounds(b, b.w0, k0);
        sha256_rounds(a, a.w1, k1);
        sha256_rounds(b, b.w1, k1);
        sha256_rounds(a, a.w2, k2);
        sha256_rounds(b, b.w2, k2);
        sha256_rounds(a, a.w3, k3);
        sha256_rounds(b, b.w3, k3);
        if (four == 12) break;
        a.w0 = sha256_schedule(a.w0, a.w1, a.w2, a.w3);
        b.w0 = sha256_schedule(b.w0, b.w1, b.w2, b.w3);
        a.w1 = sha256_schedule(a.w1, a.w2, a.w3, a.w0);
        b.w1 = sha256_schedule(b.w1, b.w2, b.w3, b.w0);
        a.w2 = sha256_schedule(a.w2, a.w3, a.w0, a.w1);
        b.w2 = sha256_schedule(b.w2, b.w3, b.w0, b.w1);
        a.w3 = sha256_schedule(a.w3, a.w0, a.w1, a.w2);
        b.w3 = sha256_schedule(b.w3, b.w0, b.w1, b.w2);
    }
    a.abef = _mm_add_epi32(a.abef, before_a.abef);
    a.cdgh = _mm_add_epi32(a.cdgh, before_a.cdgh);
    b.abef = _mm_add_epi32(b.abef, before_b.abef);
    b.cdgh = _mm_add_epi32(b.cdgh, before_b.cdgh);
}
__attribute__((target("sha,sse4.1"), always_inline)) inline void sha256_put(sha256_lane const& lane, std::uint8_t* digest) noexcept {
    auto const feba = _mm_shuffle_epi32(lane.abef, 0x1b), dchg = _mm_shuffle_epi32(lane.cdgh, 0xb1);
    auto const big_endian = _mm_set_epi64x(0x0c0d'0e0f'0809'0a0b, 0x0405'0607'0001'0203);
    auto* const to = reinterpret_cast<__m128i*>(digest);
    _mm_storeu_si128(to, _mm_shuffle_epi8(_mm_blend_epi16(feba, dchg, 0xf0), big_endian));
    _mm_storeu_si128(to + 1, _mm_shuffle_epi8(_mm_alignr_epi8(dchg, feba, 8), big_endian));
}

// The end of a message: what is left of it, a one, zeros, and its length in bits; one block or two.
struct sha256_end {
    alignas(16) std::array<char, 128> bytes{};
    std::size_t blocks = 0;

    explicit sha256_end(std::string_view message) noexcept {
        auto const rest = message.size() % 64;
        if (rest != 0) std::memcpy(bytes.data(), message.data() + (message.size() - rest), rest);
        bytes[rest] = static_cast<char>(0x80);
        blocks = rest < 56 ? 1 : 2;
        auto const bits = __builtin_bswap64(static_cast<std::uint64_t>(message.size()) * 8);
        std::memcpy(bytes.data() + blocks * 64 - 8, &bits, 8);
    }
};

// Reads a message block by block, its end included.
struct sha256_blocks {
    std::string_view message;
    sha256_end end;
    explicit sha256_blocks(std::string_view of) noexcept : message(of), end(of) {}
    [[nodiscard]] std::size_t count() const noexcept { return message.size() / 64 + end.blocks; }
    [[nodiscard]] char const* operator[](std::size_t i) const noexcept {
        auto const whole = message.size() / 64;
        return i < whole ? message.data() + i * 64 : end.bytes.data() + (i - whole) * 64;
    }
};

/// The digests of two messages. The longer one's last blocks are done beside blocks that nobody wants.
__attribute__((target("sha,sse4.1"))) inline void sha256_pair(std::string_view first, std::string_view second, std::uint8_t* digest_first,
                                                             std::uint8_t* digest_second) noexcept {
    sha256_blocks const of_a{first}, of_b{second};
    // FIPS 180-4, 5.3.3, in the order of the instructions
    sha256_lane a{};
    a.abef = _mm_set_epi32(0x6a09e667, static_cast<int>(0xbb67ae85), 0x510e527f, static_cast<int>(0x9b05688c));
    a.cdgh = _mm_set_epi32(0x3c6ef372, static_cast<int>(0xa54ff53a), 0x1f83d9ab, 0x5be0cd19);
    auto b = a;
    auto const common = std::min(of_a.count(), of_b.count());
    for (std::size_t i = 0; i < common; ++i) sha256_block(a, of_a[i], b, of_b[i]);
    sha256_put(a, digest_first);
    sha256_put(b, digest_second);
    if (of_a.count() == of_b.count()) return;
    auto const& longer = of_a.count() > common ? of_a : of_b;
    auto& lane = of_a.count() > common ? a : b;
    auto spare = lane;
    for (auto i = common; i < longer.count(); ++i) sha256_block(lane, longer[i], spare, longer[i]);
    sha256_put(lane, of_a.count() > common ? digest_first : digest_second);
}

#else

[[nodiscard]] inline bool has(sha256_route which) noexcept { return which == sha256_route::openssl; }

#endif

[[nodiscard]] inline sha256_route sha256_best() noexcept {
    return has(sha256_route::pairs) ? sha256_route::pairs : sha256_route::openssl;
}

}  // namespace muster::hashing::detail
