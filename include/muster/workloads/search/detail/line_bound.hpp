#pragma once

#include <string>         // regexes
#include <string_view>    // regexes
#include <vector>         // parts

#include <muster/adapt/pcre2.hpp>                           // pcre2_pattern, pcre2_matcher
#include <muster/workloads/search/detail/regex_tree.hpp>    // regex_tree

namespace muster::searching::detail {

/// Keeps what a regex matches within a line, where it is looked for in a text of many: `[^:]` becomes `[^\n:]`. On a line both mean the
/// same. Answers whether all of it could be kept so.
///
/// Shape      `\s` is written out, with its VT, so that an engine that reads it otherwise does not.
[[nodiscard]] bool bind_to_line(regex_tree& regex);

// Implementation

class line_binder {
public:
    bool bind(std::vector<std::vector<regex_node>>& branches) {
        bool out = true;
        for (auto& branch : branches)
            for (auto& node : branch) {
                if (node.kind == regex_node::is::set) node.text = bound_set(node.text);
                else if (node.kind == regex_node::is::character) node.text = bound_character(node.text);
                if (node.kind == regex_node::is::set || node.kind == regex_node::is::character) out = !takes_line_end(node.text) && out;
                else out = bind(node.branches) && out;
            }
        return out;
    }

private:
    static constexpr std::string_view blanks = "\\t\\x0b-\\r ";    // \s but LF

    static std::string bound_character(std::string const& text) {
        if (text == "\\s") return '[' + std::string{blanks} + ']';
        if (text == "\\W") return "[^\\w\\n]";
        if (text == "\\D") return "[^\\d\\n]";
        if (text == "\\H") return "[^\\h\\n]";
        if (text == "\\v") return "[\\x0b-\\r\\x85]";
        return text;
    }

    static std::string bound_set(std::string_view text) {
        bool const negated = text.starts_with("[^");
        auto const open = std::size_t{negated ? 2u : 1u};
        auto const inner = text.substr(open, text.size() - open - 1);
        std::string out;
        for (std::size_t i = 0; i < inner.size(); ++i) {
            if (inner[i] != '\\') {
                out += inner[i];
            } else if (++i; inner[i] == 's') {
                out += blanks;
            } else {
                (out += '\\') += inner[i];
            }
        }
        if (!negated) return '[' + out + ']';
        // Where it makes no range of a hyphen, and leaves a bracket that stands first alone.
        if (!out.starts_with(']') && !out.starts_with('-')) return "[^\\n" + out + ']';
        if (!out.ends_with('-')) return "[^" + out + "\\n]";
        return "[^" + out + ']';
    }

    bool takes_line_end(std::string const& text) {
        if (text.size() == 1) return text == "\n";
        if (text.size() == 2 && std::string_view{"dwShtrfaeV"}.find(text[1]) != std::string_view::npos) return false;
        auto const one = pcre2_pattern::compile(text);
        return !one || by_.match(*one, "\n") != false;
    }

    pcre2_matcher by_;
};

inline bool bind_to_line(regex_tree& regex) { return line_binder{}.bind(regex.branches); }

}  // namespace muster::searching::detail
