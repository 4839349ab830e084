#pragma once

#include <cstddef>    // size_t
#include <cstdint>    // uint64_t
#include <string>     // text
#include <vector>     // refs

namespace muster::xml {

/// A part of a document that can be looked at alone.
///
/// Shape      `text` is well-formed XML in UTF-8 with the declarations of the namespaces that its names and its attributes' values
///            use; comments and processing instructions are left out, CDATA is text like any other, and an element without content
///            is written as one tag.
struct node {
    std::size_t position = 0;            ///< among all that the rule finds in the document, also those that nobody asked for; 0: the first
    std::string path{};                  ///< local names from the root: "OrderViewRS/Response/DataLists/PassengerList/Passenger"
    std::string name{};                  ///< local
    std::string id{};                    ///< empty: none
    std::uint64_t line = 0;              ///< of its start tag; 1: the first
    std::string text{};
    std::vector<std::string> refs{};     ///< ids that it refers to, each once, in order, without its own
    std::size_t more_refs = 0;           ///< beyond `limits::max_refs`
    std::uint64_t begin = 0;             ///< where it stands in the document, in bytes
    std::uint64_t end = 0;
    friend bool operator==(node const&, node const&) = default;
};

}  // namespace muster::xml
