#pragma once

#include <concepts>       // same_as
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <string>         // string
#include <string_view>    // string_view

#include <muster/core/json.hpp>                 // json_text
#include <muster/core/outcome.hpp>              // outcome
#include <muster/workloads/hash/digest.hpp>     // digest

namespace muster::hashing {

/// The digest as text: two digits a byte, in lower case. A number has its highest byte first, as xxhsum writes it.
[[nodiscard]] std::string to_hex(std::uint64_t number);
template <std::size_t N>
[[nodiscard]] std::string to_hex(digest<N> const& of);

/// The digest that a text stands for: `parse_hex<digest<32>>(text)`, `parse_hex<std::uint64_t>(text)`.
///
/// Shape      exactly two digits a byte, in either case; no space, no sign, no 0x.
/// Fails      cause::invalid_input, with a text that names the input and the rule.
template <class Digest>
[[nodiscard]] outcome<Digest> parse_hex(std::string_view text);

// Implementation

namespace detail {

template <class Digest>
inline constexpr std::size_t digest_bytes = 0;
template <>
inline constexpr std::size_t digest_bytes<std::uint64_t> = 8;
template <std::size_t N>
inline constexpr std::size_t digest_bytes<digest<N>> = N;

inline void put_hex(std::string& to, std::uint8_t byte) {
    static constexpr char digits[] = "0123456789abcdef";
    to += digits[byte >> 4];
    to += digits[byte & 15];
}

// Its value, or -1.
[[nodiscard]] constexpr int hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

}  // namespace detail

inline std::string to_hex(std::uint64_t number) {
    std::string out;
    out.reserve(16);
    for (int shift = 56; shift >= 0; shift -= 8) detail::put_hex(out, static_cast<std::uint8_t>(number >> shift));
    return out;
}

template <std::size_t N>
std::string to_hex(digest<N> const& of) {
    std::string out;
    out.reserve(2 * N);
    for (auto const byte : of.bytes) detail::put_hex(out, byte);
    return out;
}

template <class Digest>
outcome<Digest> parse_hex(std::string_view text) {
    constexpr auto bytes = detail::digest_bytes<Digest>;
    static_assert(bytes != 0, "muster: parse_hex makes a digest<N> or a std::uint64_t");
    auto const refuse = [text](std::string const& rule) {
        auto const shown = text.size() > 80 ? json_text(text.substr(0, 80)) + "..." : json_text(text);
        return failure{cause::invalid_input, shown + " is no digest in hex: " + rule};
    };
    if (text.size() != 2 * bytes)
        return refuse(std::to_string(2 * bytes) + " digits are wanted, these are " + std::to_string(text.size()));
    Digest out{};
    for (std::size_t i = 0; i < bytes; ++i) {
        auto const high = detail::hex_digit(text[2 * i]), low = detail::hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return refuse("0 to 9 and a to f are allowed, not what stands at position " + std::to_string(2 * i + (high >= 0)));
        auto const byte = static_cast<std::uint8_t>(high * 16 + low);
        if constexpr (std::same_as<Digest, std::uint64_t>) out = out << 8 | byte;
        else out.bytes[i] = byte;
    }
    return out;
}

}  // namespace muster::hashing
