#pragma once

#include <array>          // letters
#include <cstddef>        // size_t
#include <cstdint>        // uint32_t
#include <optional>       // what is no base64
#include <string>         // bytes
#include <string_view>    // letters

namespace muster::detail {

inline constexpr std::string_view base64_letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Bytes as letters, with padding.
///
/// Source     RFC 4648, section 4.
[[nodiscard]] inline std::string to_base64(std::string_view bytes) {
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        auto const here = bytes.substr(at, 3);
        std::uint32_t word = 0;
        for (std::size_t i = 0; i < 3; ++i) word = word << 8 | (i < here.size() ? static_cast<unsigned char>(here[i]) : 0u);
        for (std::size_t i = 0; i < 4; ++i) out += i <= here.size() ? base64_letters[word >> (18 - 6 * i) & 63] : '=';
    }
    return out;
}

/// Those bytes again; nothing for a text that `to_base64` would not have written.
[[nodiscard]] inline std::optional<std::string> from_base64(std::string_view text) {
    static constexpr auto values = [] {
        std::array<std::uint8_t, 256> all{};
        all.fill(64);
        for (std::uint8_t i = 0; i < 64; ++i) all[static_cast<unsigned char>(base64_letters[i])] = i;
        return all;
    }();
    if (text.size() % 4 != 0) return std::nullopt;
    std::string out;
    out.reserve(text.size() / 4 * 3);
    for (std::size_t at = 0; at < text.size(); at += 4) {
        std::size_t letters = 4;
        if (at + 4 == text.size())
            while (letters > 2 && text[at + letters - 1] == '=') --letters;
        std::uint32_t word = 0;
        for (std::size_t i = 0; i < 4; ++i) {
            auto const value = i < letters ? values[static_cast<unsigned char>(text[at + i])] : std::uint8_t{0};
            if (value == 64) return std::nullopt;
            word = word << 6 | value;
        }
        if ((word & (0xff'ffffu >> (8 * (letters - 1)))) != 0) return std::nullopt;    // spare bits: a second text for the same bytes
        for (std::size_t i = 0; i + 1 < letters; ++i) out += static_cast<char>(word >> (16 - 8 * i) & 0xff);
    }
    return out;
}

}  // namespace muster::detail
