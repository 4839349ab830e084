#pragma once

#include <cstdint>    // uint64_t
#include <string>     // texts

namespace muster::llm {

/// A part of a document that a model is asked about.
struct asked_node {
    std::uint64_t number = 0;    ///< its place in the document: the same each time the document is split; below 2^63
    std::string name{};          ///< what a reader calls it: a path, an ID
    std::string text{};          ///< what is asked about: the longest go first, for they take longest
    friend bool operator==(asked_node const&, asked_node const&) = default;
};

/// About how many tokens its text is: a quarter of its bytes.
[[nodiscard]] inline double tokens_of(asked_node const& of) { return static_cast<double>(of.text.size()) / 4; }

}  // namespace muster::llm
