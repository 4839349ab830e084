#pragma once

#include <string>         // string
#include <string_view>    // string_view
#include <utility>        // move
#include <variant>        // variant

#include <muster/core/outcome.hpp>                     // outcome
#include <muster/workloads/bgp/as_number.hpp>          // as_number
#include <muster/workloads/bgp/detail/ascii.hpp>       // starts_like
#include <muster/workloads/bgp/set_name.hpp>           // set_name

namespace muster::bgp {

/// What a policy is asked for: an autonomous system or a set.
///
/// Fails      `parse`: cause::invalid_input, with the rule of whichever the text resembles.
class irr_object {
public:
    irr_object(as_number number) noexcept : which_(number) {}
    irr_object(set_name name) noexcept : which_(std::move(name)) {}

    [[nodiscard]] static outcome<irr_object> parse(std::string_view text,
                                                   as_number::reserved numbers = as_number::reserved::refuse);

    /// The number, or null for a set.
    [[nodiscard]] as_number const* number() const noexcept { return std::get_if<as_number>(&which_); }
    /// The set, or null for a number.
    [[nodiscard]] set_name const* set() const noexcept { return std::get_if<set_name>(&which_); }
    /// What bgpq4 takes.
    [[nodiscard]] std::string text() const { return number() ? number()->text() : set()->text(); }
    /// The text as part of a file name: another one for each object, of letters, digits, `-`, `_` and `+`.
    [[nodiscard]] std::string file_stem() const;

    friend auto operator<=>(irr_object const&, irr_object const&) = default;

    // It travels, and is checked again where it arrives.
    [[nodiscard]] std::variant<as_number, set_name> const& to_wire() const noexcept { return which_; }
    [[nodiscard]] static irr_object from_wire(std::variant<as_number, set_name> which) {
        return std::visit([](auto& object) { return irr_object{std::move(object)}; }, which);
    }

private:
    std::variant<as_number, set_name> which_;
};

// Implementation

inline outcome<irr_object> irr_object::parse(std::string_view text, as_number::reserved numbers) {
    bool const resembles_set =
        text.find(':') != text.npos || detail::starts_like(text, "AS-") || detail::starts_like(text, "RS-");
    if (resembles_set)
        return set_name::parse(text).transform([](set_name name) { return irr_object{std::move(name)}; });
    auto number = as_number::parse(text, numbers);
    if (number) return irr_object{*number};
    return std::move(number).error().note("; a set is written AS-NAME, RS-NAME or AS64500:AS-NAME");
}

inline std::string irr_object::file_stem() const {
    auto out = text();
    for (char& c : out)
        if (c == ':') c = '+';    // in no name, so two names never meet in one file
    return out;
}

}  // namespace muster::bgp
