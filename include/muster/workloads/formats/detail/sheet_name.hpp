#pragma once

#include <cstddef>          // size_t
#include <string>           // names
#include <string_view>      // what is wished
#include <unordered_set>    // names that are taken

#include <muster/core/json.hpp>                            // utf8_length
#include <muster/workloads/formats/detail/cell_text.hpp>    // next_piece

namespace muster::detail::xlsx {

// The names of a workbook's sheets: each legal, no two alike but for case.
class sheet_names {
public:
    static constexpr std::size_t longest = 31;    // UTF-16 code units

    // A legal name near the wished one, and from now on taken.
    std::string take(std::string_view wished) {
        auto const name = legal(wished);
        auto found = name;
        for (std::size_t number = 2; !taken_.insert(folded(found)).second; ++number) {
            auto const behind = " (" + std::to_string(number) + ')';
            found = first_units(name, longest - behind.size()) + behind;
        }
        return found;
    }

private:
    static std::string legal(std::string_view wished) {
        std::string name;
        for (std::size_t at = 0; at < wished.size();) {
            bool const control = static_cast<unsigned char>(wished[at]) < 0x20 || wished[at] == 0x7f;
            auto const piece = next_piece(wished, at);
            if (control || std::string_view{"[]:*?/\\"}.find(wished[at]) != std::string_view::npos) name += '_';
            else name += piece.replaced ? piece.written : wished.substr(at, piece.bytes);
            at += piece.bytes;
        }
        name = first_units(name, longest);
        if (name.empty()) return "Sheet";
        for (auto* const edge : {&name.front(), &name.back()})
            if (*edge == '\'') *edge = '_';
        if (folded(name) == "history") name += '_';    // spreadsheets keep that one for themselves
        return name;
    }

    static std::string first_units(std::string_view text, std::size_t units) {
        std::size_t at = 0;
        while (at < text.size()) {
            std::size_t bad = 0;
            auto const length = utf8_length(text, at, bad);
            auto const needs = length == 4 ? std::size_t{2} : std::size_t{1};
            if (needs > units) break;
            units -= needs;
            at += length;
        }
        return std::string{text.substr(0, at)};
    }

    // As small letters: of ASCII, and of what two bytes hold of Latin, Greek and Cyrillic. Others have no case, or are rare: two names
    // that a spreadsheet takes for one are then repaired by it.
    static std::string folded(std::string_view name) {
        std::string out;
        for (std::size_t at = 0; at < name.size(); ++at) {
            auto const c = static_cast<unsigned char>(name[at]);
            if (c >= 'A' && c <= 'Z') {
                out += static_cast<char>(c + 32);
            } else if (c >= 0xc3 && c <= 0xd1 && at + 1 < name.size()) {
                auto const letter = small(((c & 0x1fu) << 6) | (static_cast<unsigned char>(name[++at]) & 0x3fu));
                out += static_cast<char>(0xc0 | (letter >> 6));
                out += static_cast<char>(0x80 | (letter & 0x3f));
            } else {
                out += static_cast<char>(c);
            }
        }
        return out;
    }
    static constexpr unsigned small(unsigned letter) {
        if ((letter >= 0xc0 && letter <= 0xde && letter != 0xd7) || (letter >= 0x391 && letter <= 0x3ab) || (letter >= 0x410 && letter <= 0x42f))
            return letter + 32;
        if (letter >= 0x400 && letter <= 0x40f) return letter + 80;
        if ((letter >= 0x100 && letter <= 0x137) || (letter >= 0x14a && letter <= 0x177)) return letter | 1;
        if ((letter >= 0x139 && letter <= 0x148) || (letter >= 0x179 && letter <= 0x17e)) return letter + (letter & 1);
        return letter;
    }

    std::unordered_set<std::string> taken_;
};

}  // namespace muster::detail::xlsx
