#pragma once

#include <cstddef>        // size_t
#include <string>         // texts
#include <string_view>    // texts

#include <muster/workloads/llm/node_result.hpp>    // node_result

namespace muster::llm::detail {

struct text_limits {
    std::size_t answer = 0;    // bytes; also of all facts of a node together
    std::size_t text = 0;      // bytes of any other
};

// At most so many bytes, and no half of a character at the end.
inline std::string_view cut(std::string_view text, std::size_t most) noexcept {
    if (text.size() <= most) return text;
    auto end = most;
    for (int back = 0; back < 3 && end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80; ++back) --end;
    if (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) end = most;    // no UTF-8 anyway
    return text.substr(0, end);
}

// True when something was cut.
inline bool cut_in_place(std::string& text, std::size_t most) {
    auto const kept = cut(text, most).size();
    bool const less = kept < text.size();
    text.resize(kept);
    return less;
}

inline std::size_t bytes_of(node_result const& what) noexcept {
    auto bytes = what.kind.size() + what.text.size() + what.finish_reason.size() + what.answer.size();
    for (auto const& each : what.facts) bytes += sizeof(fact) + each.name.size() + each.value.size();
    return bytes;
}

/// Brings a result within its bounds; what is then no longer whole is marked partial.
inline void cut_result(node_result& what, text_limits limits) {
    for (auto* const text : {&what.kind, &what.text, &what.finish_reason}) (void)cut_in_place(*text, limits.text);
    if (cut_in_place(what.answer, limits.answer)) what.partial = true;
    std::size_t bytes = 0, whole = 0;
    for (; whole < what.facts.size(); ++whole) {
        auto const& each = what.facts[whole];
        if (each.name.size() > limits.text) break;
        bytes += sizeof(fact) + each.name.size() + each.value.size();
        if (bytes > limits.answer) break;
    }
    if (whole < what.facts.size()) {
        what.facts.resize(whole);
        what.partial = true;
    }
}

}  // namespace muster::llm::detail
