#pragma once

#include <algorithm>      // find
#include <array>          // windows-1252
#include <cctype>         // tolower
#include <cstddef>        // size_t
#include <cstdint>        // uint32_t
#include <string>         // text
#include <string_view>    // text

namespace muster::xml::detail {

// The characters of 0x80 to 0x9f; the others are as in ISO-8859-1. -1: none.
inline constexpr std::array<int, 32> windows_1252{0x20ac, -1,     0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
                                                  0x2039, 0x0152, -1,     0x017d, -1,     -1,     0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
                                                  0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, -1,     0x017e, 0x0178};

inline std::string in_small(std::string_view name) {
    std::string out{name};
    for (auto& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return out;
}
inline bool is_windows_1252(std::string_view name) {
    auto const small = in_small(name);
    return small == "windows-1252" || small == "cp1252";
}

// The next character of good UTF-8, which is taken from it.
inline std::uint32_t take_character(std::string_view& text) noexcept {
    auto const first = static_cast<unsigned char>(text[0]);
    std::size_t const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    std::uint32_t out = length == 1 ? first : first & (0xffu >> (length + 1));
    for (std::size_t i = 1; i < length && i < text.size(); ++i) out = out << 6 | (static_cast<unsigned char>(text[i]) & 0x3fu);
    text.remove_prefix(std::min(length, text.size()));
    return out;
}

// Text that XML reads as the same in every encoding.
inline void put_ascii(std::string& to, std::string_view text) {
    while (!text.empty()) {
        auto const c = take_character(text);
        if (c < 0x80) to += static_cast<char>(c);
        else ((to += "&#") += std::to_string(c)) += ';';
    }
}

// UTF-8 in another encoding that a document may have; its characters are some of that encoding.
inline std::string encoded(std::string_view text, std::string_view encoding) {
    auto const name = in_small(encoding);
    auto const big = name == "utf-16be", wide = big || name == "utf-16le";
    auto const one_byte = name == "iso-8859-1" || is_windows_1252(name);
    std::string out;
    if (!wide && !one_byte) return out = text;
    auto const unit = [&](std::uint32_t of) {
        auto const high = static_cast<char>(of >> 8), low = static_cast<char>(of & 0xff);
        (out += big ? high : low) += big ? low : high;
    };
    while (!text.empty()) {
        auto const c = take_character(text);
        if (wide && c >= 0x10000) {
            unit(0xd800 + ((c - 0x10000) >> 10));
            unit(0xdc00 + ((c - 0x10000) & 0x3ff));
        } else if (wide) unit(c);
        else if (c < 0x100) out += static_cast<char>(c);
        else out += static_cast<char>(0x80 + (std::find(windows_1252.begin(), windows_1252.end(), static_cast<int>(c)) - windows_1252.begin()));
    }
    return out;
}

}  // namespace muster::xml::detail
