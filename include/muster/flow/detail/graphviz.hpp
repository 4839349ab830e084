#pragma once

#include <cstddef>        // size_t
#include <string>         // string
#include <string_view>    // string_view

#include <muster/core/json.hpp>    // utf8_length

namespace muster::detail {

/// `text` as a quoted string of the DOT language that reads as it is written here, whatever it holds.
///
/// Shape      quotes, backslashes and ampersands escaped (Graphviz reads \N and &lt; in labels); a line break stays one; other
///            control characters, which end a string or are not drawn, and bytes that are no UTF-8 become U+FFFD.
/// Source     graphviz.org: "DOT Language", "escString".
[[nodiscard]] inline std::string dot_text(std::string_view text) {
    std::string out = "\"";
    for (std::size_t at = 0; at < text.size();) {
        std::size_t bad = 0;
        auto const length = utf8_length(text, at, bad);
        auto const c = text[at];
        if (length == 0 || (static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == '\x7f') out += "\xef\xbf\xbd";
        else if (c == '\n') out += "\\n";
        else if (c == '"') out += "\\\"";
        else if (c == '\\') out += "\\\\";
        else if (c == '&') out += "&amp;";
        else out += text.substr(at, length);
        at += length != 0 ? length : bad;
    }
    return out += '"';
}

/// Writes a directed graph in the DOT language. Nodes are numbered: no name can be taken for anything else.
///
/// Shape      solid edges hand something on, dashed ones say the order alone.
class graphviz_writer {
public:
    /// `label` and `tooltip` may hold any text; `colour` is a name that Graphviz knows.
    void node(std::size_t number, std::string_view label, std::string_view colour, std::string_view tooltip) {
        text_ += "    n" + std::to_string(number) + " [label=" + dot_text(label) + ", fillcolor=";
        text_ += colour;
        if (!tooltip.empty()) text_ += ", tooltip=" + dot_text(tooltip);
        text_ += "];\n";
    }
    void edge(std::size_t from, std::size_t to, bool data) {
        text_ += "    n" + std::to_string(from) + " -> n" + std::to_string(to) + (data ? ";\n" : " [style=dashed];\n");
    }
    [[nodiscard]] std::string text() const { return text_ + "}\n"; }

private:
    std::string text_ = "digraph {\n    rankdir=LR;\n    node [shape=box, style=\"rounded,filled\"];\n";
};

}  // namespace muster::detail
