#pragma once

#include <compare>        // strong_ordering
#include <cstdint>        // uint32_t
#include <string>         // string
#include <string_view>    // string_view

#include <muster/core/outcome.hpp>                         // outcome
#include <muster/workloads/bgp/detail/ascii.hpp>           // decimal, starts_like
#include <muster/workloads/bgp/detail/printable.hpp>       // printable

namespace muster::bgp {

/// The number of an autonomous system, 1 to 4294967294: checked once, so that nothing behind it has to.
///
/// bgpq4 itself lets a number wrap at 2^32 and answers with the prefixes of another network.
///
/// Shape      `AS13335`, `as13335`, `13335` (asplain) or `AS1.10` (asdot); no space, no sign, no leading zero.
/// Default    numbers that no public network uses are refused; `reserved::allow` lets them in.
/// Fails      cause::invalid_input, with a text that names the input and the rule.
/// Source     RFC 5396 (notation), RFC 7607 (0), RFC 6793 (23456), RFC 5398 and RFC 6996 (documentation, private use),
///            RFC 7300 (65535 and the last one).
class as_number {
public:
    enum class reserved : std::uint8_t { refuse, allow };

    [[nodiscard]] static outcome<as_number> parse(std::string_view text, reserved numbers = reserved::refuse);
    /// The same checks for a number that is a number already.
    [[nodiscard]] static outcome<as_number> of(std::uint64_t number, reserved numbers = reserved::refuse);

    [[nodiscard]] constexpr std::uint32_t value() const noexcept { return value_; }
    /// For documentation, private use or protocols: 23456, 64496 to 65551, and 4200000000 upwards.
    [[nodiscard]] constexpr bool is_reserved() const noexcept {
        return value_ == 23456 || (value_ >= 64496 && value_ <= 65551) || value_ >= 4200000000;
    }
    /// "AS13335": what bgpq4 takes.
    [[nodiscard]] std::string text() const { return "AS" + std::to_string(value_); }

    friend constexpr auto operator<=>(as_number, as_number) noexcept = default;

    // It travels, and is checked again where it arrives.
    [[nodiscard]] std::uint32_t to_wire() const noexcept { return value_; }
    [[nodiscard]] static as_number from_wire(std::uint32_t number) { return of(number, reserved::allow).value(); }

private:
    explicit constexpr as_number(std::uint32_t value) noexcept : value_(value) {}
    static outcome<as_number> checked(std::uint64_t number, reserved numbers, std::string const& as_written);

    std::uint32_t value_;
};

// Implementation

inline outcome<as_number> as_number::checked(std::uint64_t number, reserved numbers, std::string const& as_written) {
    if (number < 1 || number > 4294967294)
        return failure{cause::invalid_input, as_written + " is no AS number: 1 to 4294967294 is allowed"};
    as_number const made{static_cast<std::uint32_t>(number)};
    if (made.is_reserved() && numbers == reserved::refuse)
        return failure{cause::invalid_input,
                       as_written + " is reserved (23456, 64496 to 65551, from 4200000000): no public network has it; "
                                    "allow reserved numbers to ask for it"};
    return made;
}

inline outcome<as_number> as_number::of(std::uint64_t number, reserved numbers) {
    return checked(number, numbers, std::to_string(number));
}

inline outcome<as_number> as_number::parse(std::string_view text, reserved numbers) {
    auto const digits = detail::starts_like(text, "AS") ? text.substr(2) : text;
    auto const refuse = [text](std::string_view rule) {
        return failure{cause::invalid_input, detail::printable(text) + " is no AS number: " + std::string{rule}};
    };
    static constexpr std::string_view asplain = "digits are allowed, 1 to 4294967294, with or without AS in front";
    if (auto const dot = digits.find('.'); dot != digits.npos) {
        auto const high = detail::decimal(digits.substr(0, dot), 65535);
        auto const low = detail::decimal(digits.substr(dot + 1), 65535);
        if (!high || !low) return refuse("asdot is two numbers of 0 to 65535 with one dot between them");
        return checked(*high * 65536 + *low, numbers, detail::printable(text));
    }
    auto const number = detail::decimal(digits, ~std::uint64_t{0});
    if (!number) return refuse(asplain);
    return checked(*number, numbers, detail::printable(text));
}

}  // namespace muster::bgp
