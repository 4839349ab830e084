#pragma once

#include <cstddef>        // ptrdiff_t
#include <cstdint>        // uint64_t
#include <iterator>       // default_sentinel, input_iterator_tag
#include <memory>         // unique_ptr
#include <optional>       // what comes next
#include <stdexcept>      // invalid_argument
#include <utility>        // move

#include <muster/core/outcome.hpp>                         // outcome
#include <muster/workloads/formats/detail/xml_scan.hpp>    // scan
#include <muster/workloads/formats/xml_document.hpp>       // document
#include <muster/workloads/formats/xml_id_index.hpp>       // id_index
#include <muster/workloads/formats/xml_limits.hpp>         // limits
#include <muster/workloads/formats/xml_node.hpp>           // node
#include <muster/workloads/formats/xml_split_rule.hpp>     // split_rule

namespace muster::xml {

/// What a `splitter` has seen so far.
struct splitter_stats {
    std::uint64_t bytes = 0;
    std::uint64_t elements = 0;
    std::uint64_t nodes = 0;    ///< also those that nobody asked for, and that failed
    friend bool operator==(splitter_stats const&, splitter_stats const&) = default;
};

/// Goes through a document of any size once, and gives its nodes one at a time.
///
/// `for (auto& each : split) if (each) use(*each);` or `while (auto each = split.next())`.
///
/// Shape      nodes in the order of the document.
/// Fails      a node alone with cause::exhausted, where it is larger than `limits::max_node`, with its path and line; the next follows.
///            Anything else ends the document: exhausted for a limit; invalid_input for what is no XML, has a DOCTYPE, so that no entity can
///            be declared and nothing outside be named, or an encoding other than UTF-8, UTF-16, ISO-8859-1, US-ASCII and windows-1252;
///            those of `document::read`; out_of_memory. Texts have the file, the line, the column and the rule. `is_complete` tells
///            whether all was read.
/// Throws     the constructor, std::invalid_argument for limits of 0 that must not be, std::bad_alloc.
/// Threads    one at a time.
/// Cost       one pass; memory for a block of 64 KiB, the largest node, and the ids.
/// Source     XML 1.0, fifth edition; Namespaces in XML 1.0, third edition.
class splitter {
public:
    class iterator;

    explicit splitter(document from, split_rule rule = {}, limits by = {});

    /// None at the end.
    [[nodiscard]] std::optional<outcome<node>> next() { return scan_->next(); }
    [[nodiscard]] iterator begin();
    [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

    /// Whether the end of the document was reached; a node that failed alone does not matter.
    [[nodiscard]] bool is_complete() const noexcept { return scan_->is_complete(); }
    [[nodiscard]] splitter_stats stats() const noexcept { return {.bytes = scan_->bytes(), .elements = scan_->elements(), .nodes = scan_->nodes()}; }

    /// The ids of all that was read.
    [[nodiscard]] id_index const& ids() const noexcept { return scan_->ids(); }
    /// Takes them out; for when all was read.
    [[nodiscard]] id_index take_ids() noexcept { return scan_->take_ids(); }

private:
    std::unique_ptr<detail::scan> scan_;    // the parser knows where it lies
};

/// Of a `splitter`: moving on takes the next node.
class splitter::iterator {
public:
    using value_type = outcome<node>;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::input_iterator_tag;

    explicit iterator(splitter& of) : of_(&of), now_(of.next()) {}
    [[nodiscard]] outcome<node>& operator*() const noexcept { return *now_; }
    iterator& operator++() {
        now_ = of_->next();
        return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(iterator const& a, std::default_sentinel_t) noexcept { return !a.now_; }

private:
    splitter* of_;
    mutable std::optional<outcome<node>> now_;    // who looks at it may take it
};

/// The ids of a document, without its nodes; fails as a `splitter` does.
[[nodiscard]] outcome<id_index> read_ids(document const& from, limits const& by = {});

// Implementation

inline splitter::splitter(document from, split_rule rule, limits by) {
    if (by.max_node == 0 || by.max_depth == 0 || by.max_name == 0 || by.max_names == 0 || by.max_token == 0)
        throw std::invalid_argument("muster: xml::limits needs max_node, max_depth, max_name, max_names and max_token above 0");
    scan_ = std::make_unique<detail::scan>(std::move(from), std::move(rule), by);
}

inline splitter::iterator splitter::begin() { return iterator{*this}; }

inline outcome<id_index> read_ids(document const& from, limits const& by) {
    splitter all{from, split_rule::nothing(), by};
    while (auto each = all.next())
        if (!*each) return std::move(*each).error();
    return all.take_ids();
}

}  // namespace muster::xml
