#pragma once

#include <algorithm>      // binary_search, find, sort, unique
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <span>           // paths
#include <string>         // names
#include <string_view>    // names
#include <utility>        // move
#include <vector>         // paths

#include <muster/core/json.hpp>                             // json_text
#include <muster/core/outcome.hpp>                          // outcome
#include <muster/workloads/formats/detail/xml_names.hpp>    // glob

namespace muster::xml {

/// Which elements of a document are its nodes.
///
/// An element in a node is never a node. Names are local: a prefix and its namespace play no part.
///
/// Default    the natural nodes of an order: in `OrderViewRS` (15.2 to 17.2) each child of `Passengers`, each `Order/OrderItems/OrderItem`
///            and each entry of a list of `DataLists`; in `IATA_OrderViewRS` each entry of a `*List` of `DataLists` and each
///            `Order/OrderItem`. Either may stand in an envelope of SOAP. A document with neither fails at its end.
class split_rule {
public:
    split_rule() = default;

    /// The elements at any of some paths: "Order/OrderItem" wherever it stands, "/Orders/Order" from the root; `*` stands for
    /// any characters of a name, so "DataLists/*List/*" is good.
    ///
    /// Fails      cause::invalid_input for no path, one without names, or a name that has what names have not.
    [[nodiscard]] static outcome<split_rule> paths(std::vector<std::string> const& at);

    /// The elements with these numbers in document order; 1 is the root. For those who find nodes in another way.
    [[nodiscard]] static split_rule elements(std::vector<std::uint64_t> numbers);

    /// No node at all: who reads for the ids alone.
    [[nodiscard]] static split_rule nothing() { return elements({}); }

    /// Of the nodes those alone that have one of these local names; no name: all. The others keep their positions.
    [[nodiscard]] split_rule only(std::vector<std::string> names) const;

    /// Whether the element with these names from the root down, the last its own, is a node.
    [[nodiscard]] bool is_node(std::span<std::string_view const> names, std::uint64_t number) const;
    [[nodiscard]] bool is_chosen(std::string_view name) const { return chosen_.empty() || std::find(chosen_.begin(), chosen_.end(), name) != chosen_.end(); }

    [[nodiscard]] bool is_natural() const noexcept { return kind_ == kind::natural; }
    /// Whether the name is that of a message that the natural rule knows.
    [[nodiscard]] static bool is_message(std::string_view name) noexcept { return name == "OrderViewRS" || name == "IATA_OrderViewRS"; }

    friend bool operator==(split_rule const&, split_rule const&) = default;

private:
    enum class kind { natural, paths, elements };
    struct path {
        std::vector<std::string> parts{};
        bool from_root = false;
        friend bool operator==(path const&, path const&) = default;
    };

    static bool ends_with(std::span<std::string_view const> names, std::span<std::string_view const> parts);
    static bool is_natural_node(std::span<std::string_view const> names);

    kind kind_ = kind::natural;
    std::vector<path> paths_{};
    std::vector<std::uint64_t> numbers_{};
    std::vector<std::string> chosen_{};
};

// Implementation

inline outcome<split_rule> split_rule::paths(std::vector<std::string> const& at) {
    if (at.empty()) return failure{cause::invalid_input, "a rule by paths needs one: \"Order/OrderItem\""};
    split_rule made;
    made.kind_ = kind::paths;
    for (auto const& each : at) {
        std::string_view left = each;
        path one;
        one.from_root = left.starts_with('/');
        if (one.from_root) left.remove_prefix(1);
        for (bool more = true; more;) {
            auto const slash = left.find('/');
            auto const part = left.substr(0, slash);
            if (part.empty() || part.find_first_of(" \t\r\n<>&\"':@[]()|=") != part.npos)
                return failure{cause::invalid_input,
                    "the path " + json_text(each) + " is none: it has local names with / between them, and * for any characters"};
            one.parts.emplace_back(part);
            more = slash != left.npos;
            if (more) left.remove_prefix(slash + 1);
        }
        made.paths_.push_back(std::move(one));
    }
    return made;
}

inline split_rule split_rule::elements(std::vector<std::uint64_t> numbers) {
    split_rule made;
    made.kind_ = kind::elements;
    std::sort(numbers.begin(), numbers.end());
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
    made.numbers_ = std::move(numbers);
    return made;
}

inline split_rule split_rule::only(std::vector<std::string> names) const {
    auto made = *this;
    made.chosen_ = std::move(names);
    return made;
}

inline bool split_rule::ends_with(std::span<std::string_view const> names, std::span<std::string_view const> parts) {
    if (names.size() < parts.size()) return false;
    auto const last = names.last(parts.size());
    for (std::size_t i = parts.size(); i-- > 0;)
        if (!detail::glob(parts[i], last[i])) return false;
    return true;
}

inline bool split_rule::is_natural_node(std::span<std::string_view const> names) {
    static constexpr std::string_view items[] = {"Order", "OrderItems", "OrderItem"}, item[] = {"Order", "OrderItem"}, passenger[] = {"Passengers", "*"},
                                      entry[] = {"DataLists", "*", "*"}, list_entry[] = {"DataLists", "*List", "*"};
    for (std::size_t i = 0; i + 1 < names.size(); ++i) {
        auto const below = names.subspan(i + 1);
        if (names[i] == "OrderViewRS") return ends_with(below, items) || ends_with(below, passenger) || ends_with(below, entry);
        if (names[i] == "IATA_OrderViewRS") return ends_with(below, item) || ends_with(below, list_entry);
    }
    return false;
}

inline bool split_rule::is_node(std::span<std::string_view const> names, std::uint64_t number) const {
    if (kind_ == kind::elements) return std::binary_search(numbers_.begin(), numbers_.end(), number);
    if (kind_ == kind::natural) return is_natural_node(names);
    for (auto const& each : paths_) {
        if (names.size() < each.parts.size() || (each.from_root && names.size() != each.parts.size())) continue;
        auto const last = names.last(each.parts.size());
        bool same = true;
        for (std::size_t i = each.parts.size(); same && i-- > 0;) same = detail::glob(each.parts[i], last[i]);
        if (same) return true;
    }
    return false;
}

}  // namespace muster::xml
