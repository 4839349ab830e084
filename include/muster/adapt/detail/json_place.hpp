#pragma once

#include <cstddef>        // size_t
#include <string>         // text
#include <string_view>    // text

#include <muster/core/json.hpp>    // json_text

namespace muster::detail {

// What is shown of a text that nobody trusts.
inline constexpr std::size_t most_quoted = 200;

// Its first bytes, whole characters.
inline std::string_view cut(std::string_view text, std::size_t most = most_quoted) noexcept {
    if (text.size() <= most) return text;
    auto end = most;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    return text.substr(0, end);
}

// In quotes, on one line, as UTF-8; "..." where there was more.
inline std::string cut_and_quoted(std::string_view text) {
    auto const shown = cut(text);
    auto out = json_text(shown);
    if (shown.size() < text.size()) out += "...";
    return out;
}

// The same without quotes, for a sentence that holds some of it.
inline std::string cleaned(std::string_view text) {
    auto const shown = cut(text);
    auto const quoted = json_text(shown);
    std::string out;
    for (std::size_t i = 1; i + 1 < quoted.size(); ++i) {
        if (quoted[i] == '\\' && (quoted[i + 1] == '"' || quoted[i + 1] == '\\')) ++i;
        out += quoted[i];
    }
    if (shown.size() < text.size()) out += "...";
    return out;
}

// One part of a JSON pointer.
inline std::string pointer_part(std::string_view name) {
    std::string out;
    for (char const c : name) {
        if (c == '~') out += "~0";
        else if (c == '/') out += "~1";
        else out += c;
    }
    return out;
}

inline std::string json_place(std::string_view pointer) { return pointer.empty() ? "at the root" : "at " + cleaned(pointer); }

}  // namespace muster::detail
