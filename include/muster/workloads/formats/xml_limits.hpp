#pragma once

#include <cstddef>    // size_t
#include <cstdint>    // uint64_t

#include <muster/core/bytes.hpp>    // MiB

namespace muster::xml {

/// What reading a document is bounded by; 0 is no value but where it says so.
///
/// Over `max_node` and `max_refs` the node alone is told of; over any other the document is given up there.
struct limits {
    std::size_t max_node = 1 * MiB;        ///< 1 MiB: of a node's text
    std::size_t max_depth = 128;           ///< of elements in elements; the root has 1
    std::size_t max_attributes = 256;      ///< of one element, with declarations of namespaces
    std::size_t max_name = 1'024;          ///< bytes of a name with its prefix
    std::size_t max_names = 20'000;        ///< different ones: the parser keeps each to the end
    std::size_t max_token = 1 * MiB;       ///< 1 MiB: of one tag, comment or processing instruction, which are read as one
    std::size_t max_refs = 1'000;          ///< ids that one node refers to; those beyond are counted
    std::size_t max_ids = 1'000'000;       ///< remembered, 150 bytes each; those beyond are counted
    std::uint64_t max_document = 0;        ///< bytes; 0: none, for a stream needs none
    std::uint64_t max_elements = 0;        ///< 0: none
    friend bool operator==(limits const&, limits const&) = default;
};

}  // namespace muster::xml
