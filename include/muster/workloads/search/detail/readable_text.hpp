#pragma once

#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <cstring>        // memcpy
#include <string>         // string
#include <string_view>    // bytes

namespace muster::searching::detail {

// Whether the bytes are well-formed UTF-8 (Unicode 15, table 3-7).
inline bool is_utf8(std::string_view text) noexcept {
    auto const byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
    for (std::size_t at = 0; at < text.size();) {
        if (at + 8 <= text.size()) {
            std::uint64_t eight = 0;
            std::memcpy(&eight, text.data() + at, 8);
            if ((eight & 0x8080808080808080u) == 0) {
                at += 8;
                continue;
            }
        }
        auto const lead = byte(at);
        if (lead < 0x80) {
            ++at;
            continue;
        }
        std::size_t const more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
        if (lead < 0xc2 || lead > 0xf4) return false;
        unsigned const low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;     // shorter forms exist
        unsigned const high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;    // surrogates; beyond Unicode
        if (byte(at + 1) < low || byte(at + 1) > high) return false;
        for (std::size_t i = 2; i <= more; ++i)
            if ((byte(at + i) & 0xc0) != 0x80) return false;
        at += more + 1;
    }
    return true;
}

// The bytes as UTF-8: as they are where they are a part of a line that is UTF-8 and are it themselves, else read as Latin-1.
inline std::string readable_text(std::string_view bytes, bool line_is_utf8 = true) {
    if (line_is_utf8 && is_utf8(bytes)) return std::string{bytes};
    std::string out;
    out.reserve(bytes.size() + bytes.size() / 4);
    for (char const c : bytes) {
        auto const byte = static_cast<unsigned char>(c);
        if (byte < 0x80) {
            out += c;
        } else {
            out += static_cast<char>(0xc0 | byte >> 6);
            out += static_cast<char>(0x80 | (byte & 0x3f));
        }
    }
    return out;
}

}  // namespace muster::searching::detail
