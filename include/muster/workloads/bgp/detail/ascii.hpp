#pragma once

#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <optional>       // optional
#include <string>         // string
#include <string_view>    // string_view

namespace muster::bgp::detail {

// Of ASCII alone, whatever the locale: what these call a letter is one on every router.

[[nodiscard]] constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
[[nodiscard]] constexpr bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
[[nodiscard]] constexpr bool is_alphanumeric(char c) noexcept { return is_digit(c) || is_letter(c); }
[[nodiscard]] constexpr bool is_name_character(char c) noexcept { return is_alphanumeric(c) || c == '-' || c == '_'; }
[[nodiscard]] constexpr char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

[[nodiscard]] inline std::string lower(std::string_view text) {
    std::string out{text};
    for (char& c : out) c = lower(c);
    return out;
}

[[nodiscard]] constexpr bool starts_like(std::string_view text, std::string_view prefix) noexcept {
    if (text.size() < prefix.size()) return false;
    for (std::size_t i = 0; i < prefix.size(); ++i)
        if (lower(text[i]) != lower(prefix[i])) return false;
    return true;
}

/// Decimal digits alone, at most `most`; no sign, no space, no leading zero.
[[nodiscard]] constexpr std::optional<std::uint64_t> decimal(std::string_view text, std::uint64_t most) noexcept {
    if (text.empty() || text.size() > 19 || (text.size() > 1 && text.front() == '0')) return std::nullopt;
    std::uint64_t value = 0;
    for (char const c : text) {
        if (!is_digit(c)) return std::nullopt;
        value = value * 10 + static_cast<std::uint64_t>(c - '0');
    }
    return value <= most ? std::optional{value} : std::nullopt;
}

}  // namespace muster::bgp::detail
