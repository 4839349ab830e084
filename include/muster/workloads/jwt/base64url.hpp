#pragma once

#include <array>          // the tables
#include <cassert>        // room that is too small
#include <cstddef>        // size_t
#include <cstdint>        // uint32_t
#include <optional>       // what is no base64url
#include <span>           // where to
#include <string_view>    // string_view

namespace muster::jwt {

/// Bytes as letters that need no escaping in a URL, and back: without padding, as tokens are written.
///
/// Shape      decoding is strict, so that no two texts are the same bytes: padding, white space, `+`, `/`, spare bits that are
///            not zero and a length of 1 mod 4 are refused.
/// Units      sizes are bytes; the room is the caller's, at least what `encoded_size` or `decoded_size` says (asserted).
/// Fails      `decode` answers nothing for a text that is none; what it has written by then means nothing.
/// Cost       one look into a table for each letter; no allocation. The tables are looked up by what is decoded: this is for
///            tokens, and for keys where they are read once.
/// Source     RFC 4648, section 5; RFC 7515, section 2.
struct base64url {
    /// How many letters `bytes` bytes become.
    [[nodiscard]] static constexpr std::size_t encoded_size(std::size_t bytes) noexcept {
        return bytes / 3 * 4 + (bytes % 3 == 0 ? 0 : bytes % 3 + 1);
    }
    /// How many bytes `letters` letters become.
    [[nodiscard]] static constexpr std::size_t decoded_size(std::size_t letters) noexcept {
        return letters / 4 * 3 + (letters % 4 == 0 ? 0 : letters % 4 - 1);
    }

    /// What was written, at the start of `into`.
    static constexpr std::string_view encode(std::string_view bytes, std::span<char> into) noexcept;
    /// What was written, at the start of `into`; nothing where the text is not base64url.
    [[nodiscard]] static constexpr std::optional<std::string_view> decode(std::string_view text, std::span<char> into) noexcept;
};

// Implementation

namespace detail {

inline constexpr std::string_view base64url_letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
inline constexpr std::uint32_t no_letter = 0x8000'0000;    // stays visible when four values are put together

// The value of each letter, shifted to where it goes in a group of 24 bits.
constexpr auto base64url_values(unsigned shift) {
    std::array<std::uint32_t, 256> values{};
    values.fill(no_letter);
    for (std::uint32_t i = 0; i < 64; ++i) values[static_cast<unsigned char>(base64url_letters[i])] = i << shift;
    return values;
}
inline constexpr auto base64url_first = base64url_values(18);
inline constexpr auto base64url_second = base64url_values(12);
inline constexpr auto base64url_third = base64url_values(6);
inline constexpr auto base64url_fourth = base64url_values(0);

}  // namespace detail

constexpr std::string_view base64url::encode(std::string_view bytes, std::span<char> into) noexcept {
    assert(into.size() >= encoded_size(bytes.size()));
    auto const byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])); };
    std::size_t out = 0;
    auto const put = [&](std::uint32_t group, unsigned shift) { into[out++] = detail::base64url_letters[(group >> shift) & 63]; };
    std::size_t at = 0;
    for (; at + 3 <= bytes.size(); at += 3) {
        auto const group = byte(at) << 16 | byte(at + 1) << 8 | byte(at + 2);
        put(group, 18);
        put(group, 12);
        put(group, 6);
        put(group, 0);
    }
    if (auto const left = bytes.size() - at; left != 0) {
        auto const group = byte(at) << 16 | (left == 2 ? byte(at + 1) << 8 : 0);
        put(group, 18);
        put(group, 12);
        if (left == 2) put(group, 6);
    }
    return {into.data(), out};
}

constexpr std::optional<std::string_view> base64url::decode(std::string_view text, std::span<char> into) noexcept {
    if (text.size() % 4 == 1) return std::nullopt;
    assert(into.size() >= decoded_size(text.size()));
    auto const letter = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    std::size_t out = 0;
    auto const put = [&](std::uint32_t group, unsigned shift) { into[out++] = static_cast<char>((group >> shift) & 255); };
    std::uint32_t seen = 0;    // all that was put together, for one look at the end
    std::size_t at = 0;
    for (; at + 4 <= text.size(); at += 4) {
        auto const group = detail::base64url_first[letter(at)] | detail::base64url_second[letter(at + 1)] |
                           detail::base64url_third[letter(at + 2)] | detail::base64url_fourth[letter(at + 3)];
        seen |= group;
        put(group, 16);
        put(group, 8);
        put(group, 0);
    }
    if (auto const left = text.size() - at; left != 0) {
        auto group = detail::base64url_first[letter(at)] | detail::base64url_second[letter(at + 1)];
        if (left == 3) group |= detail::base64url_third[letter(at + 2)];
        seen |= group;
        if ((group & (left == 3 ? 0xffu : 0xffffu)) != 0) return std::nullopt;    // spare bits
        put(group, 16);
        if (left == 3) put(group, 8);
    }
    if ((seen & detail::no_letter) != 0) return std::nullopt;
    return std::string_view{into.data(), out};
}

}  // namespace muster::jwt
