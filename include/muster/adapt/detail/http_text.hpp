#pragma once

#include <cstddef>        // size_t
#include <string>         // string
#include <string_view>    // text from outside

#include <muster/adapt/http_headers.hpp>    // http_headers

namespace muster::detail {

/// Text from outside as part of a failure's: at most 200 bytes, and what a terminal or a log would interpret written as \xNN. Bytes of
/// UTF-8 stay, for providers answer in every language; those of the C1 control characters do not.
[[nodiscard]] inline std::string plain_text(std::string_view text, std::size_t most = 200) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    auto shown = text.substr(0, most);
    // Not in the middle of a character.
    if (shown.size() < text.size())
        for (int back = 0; back < 3 && !shown.empty() && (static_cast<unsigned char>(text[shown.size()]) & 0xc0) == 0x80; ++back)
            shown.remove_suffix(1);
    for (std::size_t i = 0; i < shown.size(); ++i) {
        auto const byte = static_cast<unsigned char>(shown[i]);
        auto const next = i + 1 < shown.size() ? static_cast<unsigned char>(shown[i + 1]) : 0U;
        bool const control = byte < 0x20 || byte == 0x7f || (byte == 0xc2 && next >= 0x80 && next < 0xa0);    // U+0080 to U+009F
        if (byte == '\n' || byte == '\r' || byte == '\t') {
            if (!out.empty() && out.back() != ' ') out += ' ';    // lines become one
        } else if (control) {
            out += "\\x";
            out += digits[byte >> 4];
            out += digits[byte & 15];
        } else {
            out += shown[i];
        }
    }
    if (shown.size() < text.size()) out += "... (" + std::to_string(text.size()) + " bytes)";
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
