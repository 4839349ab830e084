#pragma once

#include <cstddef>     // size_t
#include <cstdint>     // uint64_t
#include <optional>    // what can be prepared
#include <string>      // texts
#include <utility>     // move

#include <muster/adapt/pcre2.hpp>                               // pcre2_pattern
#include <muster/core/failure.hpp>                              // cause, failure
#include <muster/core/outcome.hpp>                              // outcome
#include <muster/workloads/search/detail/line_bound.hpp>        // bind_to_line
#include <muster/workloads/search/detail/literal_core.hpp>      // literal_core
#include <muster/workloads/search/detail/regex_tree.hpp>        // regex_tree
#include <muster/workloads/search/detail/trimmed_pattern.hpp>   // trim
#include <muster/workloads/search/engine.hpp>                   // line_pattern

namespace muster::searching::detail {

/// A pattern as an engine may look for it in a text of lines: on the lines on which the pattern matches it does too.
struct prepared_pattern {
    regex_tree regex{};
    bool ignore_case = false;
    bool in_line = false;    ///< no match goes over a line end
    bool letters = false;    ///< of a regex that must have them, in place of it: see literal_core
};

/// None for a pattern that is tried alone: one that is not read alike by all engines, that may match nothing at all and so everywhere,
/// or whose repetitions, written out, are more than `most_positions`: engines that make automata of them take seconds to.
///
/// Fails      cause::invalid_input for a regex that PCRE2 refuses.
[[nodiscard]] outcome<std::optional<prepared_pattern>> prepared(line_pattern const& pattern, std::size_t index);

inline constexpr std::uint64_t most_positions = 3'000;

// Implementation

inline outcome<std::optional<prepared_pattern>> prepared(line_pattern const& pattern, std::size_t index) {
    using result = std::optional<prepared_pattern>;
    auto const compiled = pcre2_pattern::compile(pattern.regex, {.ignore_case = pattern.ignore_case});
    if (!compiled)
        return failure{compiled.error().code(), "the regex of pattern " + std::to_string(index) + " is wrong " + compiled.error().text()};
    if (compiled->matches_empty()) return result{};
    auto tree = regex_tree::read(pattern.regex);
    if (!tree) return result{};
    auto core = literal_core(*tree);
    bool const letters = core.has_value();
    if (letters) tree = std::move(core);
    else trim(*tree);
    if (tree->positions() > most_positions) return result{};
    prepared_pattern out{.regex = std::move(*tree), .ignore_case = pattern.ignore_case, .in_line = false, .letters = letters};
    out.in_line = bind_to_line(out.regex);
    return result{std::move(out)};
}

}  // namespace muster::searching::detail
