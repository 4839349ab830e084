#pragma once

#include <algorithm>      // all_of
#include <compare>        // strong_ordering
#include <cstddef>        // size_t
#include <string>         // string
#include <string_view>    // string_view

#include <muster/core/outcome.hpp>                         // outcome
#include <muster/workloads/bgp/detail/ascii.hpp>           // is_name_character
#include <muster/workloads/bgp/detail/printable.hpp>       // printable

namespace muster::bgp {

/// The name of a list in a router's configuration. bgpq4 copies it unescaped, so nothing that could end a name gets in.
///
/// Shape      letters, digits, `-` and `_`, 1 to 64 bytes, not beginning with `-`.
/// Fails      `parse`: cause::invalid_input, with a text that names the input and the rule. `sanitised` never fails.
class policy_name {
public:
    static constexpr std::size_t most_bytes = 64;

    /// The text as it is, or a failure.
    [[nodiscard]] static outcome<policy_name> parse(std::string_view text);
    /// The nearest name: other characters become `_`, what is too long is cut, nothing becomes `_`. Idempotent.
    [[nodiscard]] static policy_name sanitised(std::string_view text);

    [[nodiscard]] std::string const& text() const noexcept { return text_; }

    friend auto operator<=>(policy_name const&, policy_name const&) = default;

    // It travels, and is checked again where it arrives.
    [[nodiscard]] std::string const& to_wire() const noexcept { return text_; }
    [[nodiscard]] static policy_name from_wire(std::string const& text) { return parse(text).value(); }

private:
    explicit policy_name(std::string_view text) : text_(text) {}

    std::string text_;
};

// Implementation

inline outcome<policy_name> policy_name::parse(std::string_view text) {
    auto const refuse = [text](std::string_view rule) {
        return failure{cause::invalid_input, detail::printable(text) + " is no policy name: " + std::string{rule}};
    };
    if (text.empty() || text.size() > most_bytes) return refuse("1 to 64 bytes are allowed");
    if (!std::all_of(text.begin(), text.end(), detail::is_name_character))
        return refuse("letters, digits, '-' and '_' are allowed");
    if (text.front() == '-') return refuse("it must not begin with '-'");
    return policy_name{text};
}

inline policy_name policy_name::sanitised(std::string_view text) {
    policy_name made{text.empty() ? std::string_view{"_"} : text.substr(0, most_bytes)};
    for (char& c : made.text_)
        if (!detail::is_name_character(c)) c = '_';
    if (made.text_.front() == '-') made.text_.front() = '_';
    return made;
}

}  // namespace muster::bgp
