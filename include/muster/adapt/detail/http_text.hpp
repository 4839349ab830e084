#pragma once

#include <cstddef>        // size_t
#include <string>         // string
#include <string_view>    // text from outside

#include <muster/adapt/http_headers.hpp>    // http_headers

namespace muster::detail {

/// How many bytes the letter has that `text` begins with; 0 for control characters and for what is no UTF-8.
[[nodiscard]] inline std::size_t utf8_letter(std::string_view text) noexcept {
    auto const at = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
    auto const first = at(0);
    if (first < 0x80) return first < 0x20 || first == 0x7f ? 0 : 1;
    std::size_t const size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4) return 0;
    for (std::size_t i = 1; i < size; ++i)
        if ((at(i) & 0xc0) != 0x80) return 0;
    return first == 0xc2 && at(1) < 0xa0 ? 0 : size;    // U+0080 to U+009F
}

/// Text from outside as part of a failure's: at most 200 bytes, and what a terminal or a log would interpret written as \xNN. Letters of
/// UTF-8 stay, for servers answer in every language.
[[nodiscard]] inline std::string plain_text(std::string_view text, std::size_t most = 200) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    auto shown = text.substr(0, most);
    // Not in the middle of a character.
    if (shown.size() < text.size())
        for (int back = 0; back < 3 && !shown.empty() && (static_cast<unsigned char>(text[shown.size()]) & 0xc0) == 0x80; ++back)
            shown.remove_suffix(1);
    while (!shown.empty()) {
        auto const byte = static_cast<unsigned char>(shown.front());
        auto const letter = utf8_letter(shown);
        if (byte == '\n' || byte == '\r' || byte == '\t') {
            if (!out.empty() && out.back() != ' ') out += ' ';    // lines become one
        } else if (letter == 0) {
            out += "\\x";
            out += digits[byte >> 4];
            out += digits[byte & 15];
        } else {
            out += shown.substr(0, letter);
        }
        shown.remove_prefix(letter == 0 ? 1 : letter);
    }
    if (text.size() > most) out += "... (" + std::to_string(text.size()) + " bytes)";
    return out;
}

/// True for headers whose values nobody may see: by their names, since every provider has its own.
[[nodiscard]] inline bool is_secret(std::string_view header) noexcept {
    for (std::string_view const part : {"auth", "key", "token", "secret", "cookie", "password", "credential", "signature"})
        for (std::size_t i = 0; i + part.size() <= header.size(); ++i)
            if (http_headers::same_name(header.substr(i, part.size()), part)) return true;
    return false;
}

/// `text` without the secrets that were sent: some servers repeat in their answer what they do not like.
[[nodiscard]] inline std::string without_secrets(std::string text, http_headers const& sent) {
    auto const hide = [&text](std::string_view secret) {
        if (secret.size() < 4) return;    // so short that it is part of other words
        for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at)) text.replace(at, secret.size(), "***");
    };
    for (auto const& each : sent) {
        if (!is_secret(each.name)) continue;
        std::string_view const value = each.value;
        hide(value);
        if (auto const space = value.rfind(' '); space != value.npos) hide(value.substr(space + 1));    // "Bearer ..."
    }
    return text;
}

}  // namespace muster::detail
