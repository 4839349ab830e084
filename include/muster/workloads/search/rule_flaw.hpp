#pragma once

#include <cstddef>    // size_t
#include <string>     // texts

namespace muster::searching {

/// Where a rule stands: its name in its file.
struct rule_place {
    std::string file{};        ///< as it was named; one that was included, behind the folder of the file that names it
    std::size_t line = 0;      ///< from 1; 0: the file as a whole
    std::size_t column = 0;    ///< from 1, in bytes
    friend bool operator==(rule_place const&, rule_place const&) = default;
};

/// What is wrong with a rule, or with a file of them.
struct rule_flaw {
    rule_place at{};
    std::string rule{};    ///< its name; empty where the flaw is none of a rule
    std::string text{};    ///< a sentence with the text that is wrong in it, quoted
    friend bool operator==(rule_flaw const&, rule_flaw const&) = default;
};

/// "rules/sshd.yaml:12:5: sshd_root: there is no option "regx"; did you mean "regex"?", as compilers write it.
[[nodiscard]] std::string to_string(rule_flaw const& flaw);

// Implementation

inline std::string to_string(rule_flaw const& flaw) {
    auto out = flaw.at.file;
    if (flaw.at.line != 0) out += ':' + std::to_string(flaw.at.line) + ':' + std::to_string(flaw.at.column);
    if (!out.empty()) out += ": ";
    if (!flaw.rule.empty()) out += flaw.rule + ": ";
    return out + flaw.text;
}

}  // namespace muster::searching
