#pragma once

#include <cstddef>        // size_t
#include <string>         // what is written
#include <string_view>    // what was given

#include <muster/core/json.hpp>    // utf8_length

namespace muster::detail::xlsx {

// What became of a text on its way into a cell.
struct cell_text_result {
    bool cut = false;
    std::size_t replaced = 0;    // characters that XML cannot hold, or bytes that are no UTF-8
};

// One character of a text, as a cell holds it.
struct cell_piece {
    std::string_view written;    // what is to be written
    std::size_t bytes;           // of the text
    std::size_t units;           // UTF-16 code units of what is written: the limit of a cell counts those; 7 for an escape
    bool replaced;
};

inline constexpr std::string_view replacement_mark = "\xef\xbf\xbd";    // U+FFFD

constexpr bool is_plain(char c) noexcept { return (c >= 0x20 && c < 0x7f && c != '_') || c == '\t' || c == '\n'; }

constexpr bool is_hex(char c) noexcept { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

// "_x0041_" in a cell is read as "A" (ECMA-376, part 1, 22.9.2.19), so that a "_" before such a form is itself written as "_x005F_".
constexpr bool is_escape(std::string_view text, std::size_t at) noexcept {
    return text.size() - at >= 7 && text[at] == '_' && text[at + 1] == 'x' && is_hex(text[at + 2]) && is_hex(text[at + 3]) &&
           is_hex(text[at + 4]) && is_hex(text[at + 5]) && text[at + 6] == '_';
}

inline cell_piece next_piece(std::string_view text, std::size_t at) {
    auto const c = text[at];
    if (is_plain(c)) return {text.substr(at, 1), 1, 1, false};
    if (c == '_') return is_escape(text, at) ? cell_piece{"_x005F_", 1, 7, false} : cell_piece{text.substr(at, 1), 1, 1, false};
    if (c == '\r') return {"\r", 1, 7, false};    // the library writes it as _x000D_: a bare one would be read as a line feed
    if (static_cast<unsigned char>(c) < 0x20) return {replacement_mark, 1, 1, true};
    std::size_t bad = 1;
    auto const length = utf8_length(text, at, bad);
    if (length == 0) return {replacement_mark, bad, 1, true};
    auto const character = text.substr(at, length);
    // U+FFFE and U+FFFF are no characters of XML 1.0 (section 2.2)
    if (character == "\xef\xbf\xbe" || character == "\xef\xbf\xbf") return {replacement_mark, length, 1, true};
    return {character, length, length == 4 ? std::size_t{2} : std::size_t{1}, false};
}

// UTF-16 code units of a text: as it is shown, and as it is written.
struct text_units {
    std::size_t shown = 0;
    std::size_t written = 0;
};

inline text_units units_of(std::string_view text) {
    text_units sum;
    for (std::size_t at = 0; at < text.size();) {
        auto const piece = next_piece(text, at);
        sum.shown += piece.units == 7 ? 1 : piece.units;
        sum.written += piece.units;
        at += piece.bytes;
    }
    return sum;
}

// Puts into `out` what a cell is given for `text`: at most `most` UTF-16 code units of characters that XML can hold.
inline cell_text_result cell_text(std::string_view text, std::string& out, std::size_t most) {
    cell_text_result result;
    out.clear();
    auto left = most;
    std::string mark;
    // No text has more units than bytes, but for underscores and carriage returns.
    if (text.size() > most / 7) {
        if (auto const units = units_of(text); units.written > most) {
            mark = "... [cut, " + std::to_string(units.shown) + " characters]";
            left = most - mark.size();
            result.cut = true;
        }
    }
    for (std::size_t at = 0; at < text.size();) {
        auto run = at;
        auto const furthest = text.size() - at > left ? at + left : text.size();
        while (run < furthest && is_plain(text[run])) ++run;
        out.append(text, at, run - at);
        left -= run - at;
        at = run;
        if (at == text.size()) break;
        auto const piece = next_piece(text, at);
        if (piece.units > left) break;
        out += piece.written;
        result.replaced += piece.replaced;
        left -= piece.units;
        at += piece.bytes;
    }
    out += mark;
    return result;
}

}  // namespace muster::detail::xlsx
