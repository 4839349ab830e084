#pragma once

#include <algorithm>      // all_of
#include <compare>        // strong_ordering
#include <cstddef>        // size_t
#include <cstdint>        // uint8_t
#include <string>         // string
#include <string_view>    // string_view

#include <muster/core/outcome.hpp>                         // outcome
#include <muster/workloads/bgp/as_number.hpp>              // as_number
#include <muster/workloads/bgp/detail/ascii.hpp>           // is_name_character
#include <muster/workloads/bgp/detail/printable.hpp>       // printable

namespace muster::bgp {

/// The name of an AS-SET or of a route-set, plain or hierarchical: AS-EXAMPLE, AS6939:AS-CUSTOMERS, RS-EXAMPLE.
///
/// bgpq4 hangs on names of 253 bytes and dies on longer ones; here they end at 128.
///
/// Shape      parts of letters, digits, `-` and `_`, parted by `:`; each is an AS number or begins with AS- or RS-,
///            and at least one is a set, all of them of one kind; at most 128 bytes.
/// Fails      cause::invalid_input, with a text that names the input and the rule.
/// Source     RFC 2622, section 5.
class set_name {
public:
    enum class kind : std::uint8_t { as_set, route_set };
    static constexpr std::size_t most_bytes = 128;

    [[nodiscard]] static outcome<set_name> parse(std::string_view text);

    [[nodiscard]] kind what() const noexcept { return kind_; }
    [[nodiscard]] std::string const& text() const noexcept { return text_; }

    friend auto operator<=>(set_name const&, set_name const&) = default;

    // It travels, and is checked again where it arrives.
    [[nodiscard]] std::string const& to_wire() const noexcept { return text_; }
    [[nodiscard]] static set_name from_wire(std::string const& text) { return parse(text).value(); }

private:
    set_name(std::string_view text, kind what) : text_(text), kind_(what) {}

    std::string text_;
    kind kind_;
};

// Implementation

inline outcome<set_name> set_name::parse(std::string_view text) {
    auto const refuse = [text](std::string_view rule) {
        return failure{cause::invalid_input, detail::printable(text) + " is no set name: " + std::string{rule}};
    };
    if (text.size() > most_bytes) return refuse("at most 128 bytes are allowed");
    bool as_set = false, route_set = false;
    for (auto left = text;;) {
        auto const colon = left.find(':');
        auto const part = left.substr(0, colon);
        bool const as_part = detail::starts_like(part, "AS-"), route_part = detail::starts_like(part, "RS-");
        if (!as_part && !route_part) {
            if (!detail::starts_like(part, "AS") || !as_number::parse(part, as_number::reserved::allow))
                return refuse("each part, parted by ':', begins with AS- or RS- or is an AS number such as AS6939");
            if (part.find('.') != part.npos) return refuse("AS numbers in a set name are written without a dot");
        } else if (part.size() == 3 || !std::all_of(part.begin(), part.end(), detail::is_name_character)) {
            return refuse("after AS- or RS- letters, digits, '-' and '_' are allowed, at least one");
        }
        as_set = as_set || as_part;
        route_set = route_set || route_part;
        if (colon == left.npos) break;
        left.remove_prefix(colon + 1);
    }
    if (as_set == route_set) return refuse("the sets in it must be of one kind, AS- or RS-, at least one");
    return set_name{text, as_set ? kind::as_set : kind::route_set};
}

}  // namespace muster::bgp
