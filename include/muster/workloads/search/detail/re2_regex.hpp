#pragma once

#include <cstddef>        // size_t
#include <optional>       // what RE2 reads
#include <string>         // regexes
#include <string_view>    // escapes
#include <vector>         // parts

#include <muster/workloads/search/detail/regex_tree.hpp>    // regex_tree

namespace muster::searching::detail {

/// A regex for RE2 that matches on all lines on which this one does: looks around are left out, what they would have forbidden is
/// allowed; a reference back is anything; what gives nothing back may.
///
/// Shape      of a regex that was bound to its line. None where RE2 would read it otherwise, and might miss a line.
[[nodiscard]] std::optional<std::string> re2_regex(regex_tree const& regex, bool ignore_case);

// Implementation

class re2_writer {
public:
    explicit re2_writer(bool ignore_case) : folds_(ignore_case) {}

    std::optional<std::string> written(regex_tree const& regex) {
        auto out = of(regex.branches);
        // RE2 folds the letters above 127 too: [^\xe9] would no longer take an \xc9.
        if (!good_ || (folds_ && high_)) return std::nullopt;
        return out;
    }

private:
    using is = regex_node::is;

    std::string of(std::vector<std::vector<regex_node>> const& branches) {
        std::string out;
        for (auto const& branch : branches) {
            if (&branch != &branches.front()) out += '|';
            for (auto const& node : branch) out += of(node);
        }
        return out;
    }

    std::string of(regex_node node) {
        look_at(node);
        node.manner = node.manner == '+' ? '\0' : node.manner;
        switch (node.kind) {
            case is::look: return {};
            case is::back_reference: return ".*";
            case is::atomic_group: node.text = "(?:"; break;
            case is::group:
                if (node.text.starts_with("(?<") || node.text.starts_with("(?P<") || node.text.starts_with("(?'")) node.text = "(";
                break;
            default: break;
        }
        if (!node.is_group()) return detail::written(node);
        auto quantifier = node;
        quantifier.text.clear();
        quantifier.branches = {{}};
        // What is empty now, for a look was all of it, is so in any number.
        auto inner = of(node.branches);
        if (inner.empty()) return {};
        return node.text + inner + detail::written(quantifier);
    }

    void look_at(regex_node const& node) noexcept {
        folds_ = folds_ || node.text.starts_with("(?i");
        if (node.kind != is::set && node.kind != is::character) return;
        bool const negated = node.text.starts_with("[^");
        for (std::size_t i = 0; i < node.text.size(); ++i) {
            if (static_cast<unsigned char>(node.text[i]) > 127) high_ = true;
            if (node.text[i] != '\\') continue;
            auto const c = node.text[++i];
            if (std::string_view{"hHvVe"}.find(c) != std::string_view::npos) good_ = false;
            if (c == 'S' && negated) good_ = false;    // takes VT for no blank
            if (c == 's') good_ = false;
            if (c == 'x' && node.text[i + 1] > '7') high_ = true;
        }
    }

    bool folds_;
    bool high_ = false;
    bool good_ = true;
};

inline std::optional<std::string> re2_regex(regex_tree const& regex, bool ignore_case) { return re2_writer{ignore_case}.written(regex); }

}  // namespace muster::searching::detail
