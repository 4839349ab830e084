#pragma once

#include <cstddef>        // size_t
#include <string>         // text
#include <string_view>    // names

namespace muster::xml::detail {

// Whether `text` is as `pattern` says, in which * stands for any characters. Takes the product of the lengths at most.
inline bool glob(std::string_view pattern, std::string_view text) noexcept {
    std::size_t p = 0, t = 0, star = pattern.npos, from = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            from = t;
        } else if (p < pattern.size() && pattern[p] == text[t]) {
            ++p;
            ++t;
        } else if (star != pattern.npos) {
            p = star + 1;
            t = ++from;
        } else return false;
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

// How an order of either shape names what refers: refs, PaxRefID, SegmentReferences, OriginDestinationRef. Of elements and attributes.
inline bool is_reference(std::string_view name) noexcept {
    if (name == "ref" || name == "refs") return true;
    for (std::string_view const end : {"Ref", "Refs", "RefID", "RefId", "RefIDs", "Reference", "References"})
        if (name.ends_with(end)) return true;
    return false;
}

inline bool is_own(std::string_view of, std::string_view element, std::string_view end) noexcept {
    return of.size() == element.size() + end.size() && of.starts_with(element) && of.ends_with(end);
}

// Whether an attribute of an element with this name says the element's id: ObjectKey, ID, PassengerID of a Passenger, SegmentKey.
inline bool is_id_attribute(std::string_view name, std::string_view element) noexcept {
    if (is_reference(name)) return false;
    return name == "ObjectKey" || name == "ID" || name == "Id" || name == "id" || is_own(name, element, "ID") || name.ends_with("Key");
}

// Whether an element is named like one that says the id of its parent.
inline bool is_id_element(std::string_view name) noexcept { return (name.ends_with("ID") || name.ends_with("Id")) && !is_reference(name); }

// Whether it says the id of a parent with this name and of no other thing: PaxID in a Pax.
inline bool is_own_id_element(std::string_view name, std::string_view parent) noexcept {
    return is_own(name, parent, "ID") || is_own(name, parent, "Id") || name == "ID";
}

constexpr std::string_view blanks = " \t\r\n";

// The next word, which is taken from `text`; empty: there is none.
inline std::string_view take_word(std::string_view& text) noexcept {
    auto const begin = text.find_first_not_of(blanks);
    if (begin == text.npos) return text = {};
    text.remove_prefix(begin);
    auto const word = text.substr(0, text.find_first_of(blanks));
    text.remove_prefix(word.size());
    return word;
}

// Text, or the value of an attribute, as XML has it; always the same characters when it is read again.
inline void put_escaped(std::string& to, std::string_view text, bool attribute) {
    std::size_t done = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        std::string_view as;
        switch (text[i]) {
            case '&': as = "&amp;"; break;
            case '<': as = "&lt;"; break;
            case '>': as = "&gt;"; break;
            case '\r': as = "&#13;"; break;
            case '"': as = attribute ? "&quot;" : ""; break;
            case '\t': as = attribute ? "&#9;" : ""; break;
            case '\n': as = attribute ? "&#10;" : ""; break;
            default: break;
        }
        if (as.empty()) continue;
        to.append(text.substr(done, i - done)).append(as);
        done = i + 1;
    }
    to.append(text.substr(done));
}

}  // namespace muster::xml::detail
