#pragma once

#include <cstddef>          // size_t
#include <cstdint>          // uint64_t
#include <new>              // bad_alloc
#include <string>           // expressions
#include <string_view>      // expressions
#include <unordered_set>    // what was found
#include <utility>          // move
#include <vector>           // numbers

#include <pugixml.hpp>    // xml_document, xpath_query

#include <muster/core/bytes.hpp>                           // MiB
#include <muster/core/json.hpp>                            // json_text
#include <muster/core/outcome.hpp>                         // outcome
#include <muster/workloads/formats/detail/xml_scan.hpp>    // scan
#include <muster/workloads/formats/xml_document.hpp>       // document
#include <muster/workloads/formats/xml_limits.hpp>         // limits
#include <muster/workloads/formats/xml_split_rule.hpp>     // split_rule

namespace muster::xml {

/// What a document is bounded by that is looked at as a whole.
struct path_options {
    std::uint64_t max_document = 64 * MiB;      ///< 64 MiB: as it stands, and as text; takes 5 times as much memory with what is in it
    std::uint64_t max_elements = 1'000'000;     ///< 100 bytes each, and 50 for each attribute
    friend bool operator==(path_options const&, path_options const&) = default;
};

/// The rule whose nodes are the elements that an XPath finds in a document; it is good for that document alone.
///
/// Names are local: prefixes are left out, so `//Order/OrderItem[@refs]` finds the elements in whatever namespace they are.
///
/// Fails      as a `splitter` does, before any tree is made: the document is checked first; cause::exhausted for `path_options`,
///            invalid_input for no XPath, with its offset, one that gives no elements, as `//@id`, or one that finds none.
/// Threads    any number.
/// Cost       the whole document in memory; then a `splitter` goes through it once more. What the XPath costs its writer decides.
/// Source     XPath 1.0.
[[nodiscard]] outcome<split_rule> rule_of_xpath(document const& from, std::string const& xpath, path_options options = {}, limits by = {});

// Implementation

inline outcome<split_rule> rule_of_xpath(document const& from, std::string const& xpath, path_options options, limits by) {
    auto const invalid = [&](std::string const& why) {
        return failure{cause::invalid_input, "the XPath " + json_text(std::string_view{xpath}.substr(0, 200)) + " " + why};
    };
    if (xpath.find('\0') != xpath.npos) return invalid("is none: it has a zero byte");
    pugi::xpath_query query;
    try {
        query = pugi::xpath_query{xpath.c_str()};
    } catch (pugi::xpath_exception const& why) {
        return invalid("is none: at offset " + std::to_string(why.result().offset) + ": " + why.what());
    } catch (std::bad_alloc const&) {
        return failure{cause::out_of_memory, "no memory is left for an XPath"};
    }
    if (query.return_type() != pugi::xpath_type_node_set) return invalid("gives no elements");

    // The other parser believes much; what it gets was written by us, from what the first one has checked.
    by.max_document = options.max_document;
    by.max_elements = options.max_elements;
    by.max_node = static_cast<std::size_t>(options.max_document);
    by.max_refs = by.max_ids = 0;
    detail::scan all{from, split_rule::elements({1}), by, {}, true};
    std::string text;
    while (auto each = all.next()) {
        if (!*each) return std::move(*each).error();
        text = std::move((*each)->text);
    }
    pugi::xml_document tree;
    auto const read = tree.load_buffer_inplace(text.data(), text.size(), pugi::parse_default, pugi::encoding_utf8);
    if (read.status == pugi::status_out_of_memory) return failure{cause::out_of_memory, "cannot read " + from.name() + ": no memory is left"};
    if (!read) return failure{cause::invalid_input, from.name() + ": " + read.description()};

    std::unordered_set<std::size_t> found;
    try {
        for (auto const& each : query.evaluate_node_set(tree)) {
            if (each.node().type() != pugi::node_element) return invalid("finds what is no element");
            found.insert(each.node().hash_value());
        }
    } catch (std::bad_alloc const&) {
        return failure{cause::out_of_memory, "no memory is left for an XPath"};
    }
    if (found.empty()) return invalid("finds nothing in " + from.name());

    // The same elements in the same order: their numbers are those that a splitter counts.
    std::vector<std::uint64_t> numbers;
    std::uint64_t number = 0;
    for (auto at = tree.first_child(); at;) {
        if (at.type() == pugi::node_element) {
            ++number;
            if (found.contains(at.hash_value())) numbers.push_back(number);
        }
        auto next = at.first_child();
        while (!next && at) {
            next = at.next_sibling();
            if (!next) at = at.parent();
        }
        at = next;
    }
    return split_rule::elements(std::move(numbers));
}

}  // namespace muster::xml
