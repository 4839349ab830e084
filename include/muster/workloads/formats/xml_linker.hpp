#pragma once

#include <algorithm>        // any_of
#include <cstddef>          // size_t
#include <cstdint>          // uint64_t
#include <deque>            // what is to be followed
#include <stdexcept>        // invalid_argument
#include <string>           // ids, text
#include <unordered_set>    // ids that are done
#include <utility>          // move, pair
#include <vector>           // attachments

#include <muster/core/bytes.hpp>                           // KiB
#include <muster/core/outcome.hpp>                         // outcome
#include <muster/workloads/formats/detail/xml_encoding.hpp> // encoded
#include <muster/workloads/formats/detail/xml_scan.hpp>    // scan
#include <muster/workloads/formats/xml_document.hpp>       // document
#include <muster/workloads/formats/xml_id_index.hpp>       // id_index
#include <muster/workloads/formats/xml_limits.hpp>         // limits
#include <muster/workloads/formats/xml_node.hpp>           // node

namespace muster::xml {

/// How far a `linker` follows references.
struct link_options {
    std::size_t depth = 2;                   ///< 2: what a node refers to, and what that refers to; 0 attaches nothing
    std::size_t max_bytes = 256 * KiB;       ///< of all that is attached to one node
    std::size_t max_elements = 1'000;        ///< attached to one node
    friend bool operator==(link_options const&, link_options const&) = default;
};

/// An element that a node refers to, or that one of those refers to.
struct attachment {
    std::string id{};
    std::string name{};          ///< local
    std::size_t depth = 1;       ///< 1: the node refers to it
    std::uint64_t line = 0;
    std::string text{};          ///< as `node::text`
    friend bool operator==(attachment const&, attachment const&) = default;
};

/// A node with what it refers to.
struct linked_node {
    node of{};
    std::vector<attachment> attached{};      ///< nearest first, then in the order of the references; each once
    std::vector<std::string> dangling{};     ///< ids that no element has
    std::vector<std::string> left_out{};     ///< ids of elements for which there was no room

    /// One text of all: the node, the elements one a line, and a comment where some were left out.
    [[nodiscard]] std::string text() const;
    friend bool operator==(linked_node const&, linked_node const&) = default;
};

/// Attaches to nodes what their ids refer to, by reading those elements again from the document.
///
/// Shape      elements in the node, or in one that is attached already, are not attached again; a circle ends where it began.
/// Fails      with what `document::read` fails with; cause::unavailable where the document is no longer what was indexed.
/// Throws     the constructor, std::invalid_argument for limits as `splitter` does.
/// Threads    any number.
/// Lifetime   refers to the index.
/// Cost       one read and a parser of 20 KiB for each element attached.
class linker {
public:
    linker(document from, id_index const& ids, link_options options = {}, limits by = {});

    [[nodiscard]] outcome<linked_node> link(node of) const;

private:
    [[nodiscard]] outcome<node> read(std::string const& id, id_place const& at) const;

    document from_;
    id_index const* ids_;
    link_options options_;
    limits by_;
};

// Implementation

inline std::string linked_node::text() const {
    auto out = of.text;
    for (auto const& each : attached) (out += '\n') += each.text;
    if (!left_out.empty()) out += "\n<!-- " + std::to_string(left_out.size()) + " more elements that it refers to are left out: there was no room -->";
    return out;
}

inline linker::linker(document from, id_index const& ids, link_options options, limits by)
    : from_(std::move(from)), ids_(&ids), options_(options), by_(by) {
    if (by.max_node == 0 || by.max_depth == 0 || by.max_name == 0 || by.max_names == 0 || by.max_token == 0)
        throw std::invalid_argument("muster: xml::limits needs max_node, max_depth, max_name, max_names and max_token above 0");
}

inline outcome<node> linker::read(std::string const& id, id_place const& at) const {
    auto const scope = ids_->scope(at.scope);
    std::string before, behind;
    for (auto const& each : scope) {
        ((before += "<r") += each) += '>';
        behind += "</r>";
    }
    if (scope.empty()) {    // one must be around it, so that blanks are good there
        before = "<r>";
        behind = "</r>";
    }
    auto by = by_;
    by.max_depth += scope.size() + 1;
    by.max_document = by.max_elements = 0;
    by.max_ids = 0;
    detail::scan one{from_, split_rule::elements({std::max<std::size_t>(scope.size(), 1) + 1}), by,
                     {.begin = at.begin,
                      .end = at.end,
                      .before = detail::encoded(before, ids_->encoding()),
                      .behind = detail::encoded(behind, ids_->encoding()),
                      .encoding = ids_->encoding()}};
    auto found = one.next();
    if (found && !*found && found->error().is(cause::invalid_input)) found.reset();
    if (!found || (*found && (*found)->id != id))
        return failure{cause::unavailable, from_.name() + ", line " + std::to_string(at.line) + ": where the id " + json_text(id) +
                                               " was is something else now: the document has changed since it was read"};
    return std::move(*found);
}

inline outcome<linked_node> linker::link(node of) const {
    struct wanted {
        std::string id;
        std::size_t depth;
    };
    linked_node out;
    std::deque<wanted> next;
    std::unordered_set<std::string> seen{of.id};
    auto const want = [&](std::vector<std::string> const& ids, std::size_t depth) {
        if (depth > options_.depth) return;
        for (auto const& each : ids)
            if (seen.insert(each).second) next.push_back({each, depth});
    };
    std::vector<std::pair<std::uint64_t, std::uint64_t>> there{{of.begin, of.end}};
    std::size_t bytes = 0;
    want(of.refs, 1);
    for (; !next.empty(); next.pop_front()) {
        auto const& [id, depth] = next.front();
        auto const at = ids_->find(id);
        if (!at) {
            out.dangling.push_back(id);
            continue;
        }
        if (std::any_of(there.begin(), there.end(), [&](auto const& each) { return each.first <= at->begin && at->end <= each.second; })) continue;
        // As it stands in the document it may be larger than as a text, but not by much.
        auto const has_room = out.attached.size() < options_.max_elements && bytes < options_.max_bytes && at->end - at->begin <= 4 * by_.max_node;
        if (!has_room) {
            out.left_out.push_back(id);
            continue;
        }
        auto one = read(id, *at);
        if (!one && !one.error().is(cause::exhausted)) return std::move(one).error();
        if (!one || bytes + one->text.size() > options_.max_bytes) {
            out.left_out.push_back(id);
            continue;
        }
        bytes += one->text.size();
        there.emplace_back(at->begin, at->end);
        out.attached.push_back({.id = id, .name = std::move(one->name), .depth = depth, .line = at->line, .text = std::move(one->text)});
        want(one->refs, depth + 1);
    }
    out.of = std::move(of);
    return out;
}

}  // namespace muster::xml
