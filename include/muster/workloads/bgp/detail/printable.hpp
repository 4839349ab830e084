#pragma once

#include <cstddef>        // size_t
#include <string>         // string
#include <string_view>    // string_view

namespace muster::bgp::detail {

/// Text from outside, quoted for a message: what a terminal would interpret is written as \xNN, long text is cut.
[[nodiscard]] inline std::string printable(std::string_view text, std::size_t most = 48) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out{'"'};
    for (char const c : text.substr(0, most)) {
        auto const byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (byte >= 0x20 && byte < 0x7f) {
            out += c;
        } else {
            out += "\\x";
            out += digits[byte >> 4];
            out += digits[byte & 15];
        }
    }
    out += '"';
    if (text.size() > most) out += "... (" + std::to_string(text.size()) + " bytes)";
    return out;
}

}  // namespace muster::bgp::detail
