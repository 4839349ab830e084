#pragma once

#include <charconv>       // to_chars
#include <cmath>          // isfinite
#include <cstddef>        // size_t
#include <string>         // string

namespace muster {

/// Which way a target is met.
enum class goal : unsigned char { at_least, at_most };

/// `value` with so many decimals, never more than it is: 4.29 with one decimal is 4.2.
///
/// The digits are cut from the shortest text that stands for the number, so 4.29 with two decimals is 4.29 although the
/// nearest binary number is a little less.
[[nodiscard]] std::string rounded_down(double value, std::size_t decimals);
/// `value` with so many decimals, never less than it is.
[[nodiscard]] std::string rounded_up(double value, std::size_t decimals);

/// Whether a measured figure meets its target: compared as they are, not as they are printed.
///
/// Shape      NaN meets nothing. `text` is rounded to the side that flatters nobody:
///            "missed: 4.29, at least 4.3 was wanted".
struct verdict {
    double target;
    double measured;
    goal which = goal::at_least;

    verdict(double promised, double found, goal way = goal::at_least) : target(promised), measured(found), which(way) {}

    [[nodiscard]] bool met() const noexcept {
        return which == goal::at_least ? measured >= target : measured <= target;
    }
    explicit operator bool() const noexcept { return met(); }
    [[nodiscard]] std::string text() const;
};

// Implementation

namespace detail {

inline std::string plain_digits(double value) {
    char digits[512];    // the longest double has 309 digits before the point, or 324 zeros behind it and 17 digits
    return {digits, std::to_chars(digits, digits + sizeof digits, value, std::chars_format::fixed).ptr};
}

// Cuts behind so many decimals; true when something other than zeros was cut away.
inline bool cut_decimals(std::string& digits, std::size_t decimals) {
    auto const point = digits.find('.');
    if (point == std::string::npos) {
        if (decimals != 0) digits += '.' + std::string(decimals, '0');
        return false;
    }
    auto const keep = decimals == 0 ? point : point + 1 + decimals;
    if (digits.size() <= keep) {
        digits.append(keep - digits.size(), '0');
        return false;
    }
    auto const lost = digits.find_first_not_of("0.", keep) != std::string::npos;
    digits.erase(keep);
    return lost;
}

// One more in the last place of a text of digits.
inline void count_up(std::string& digits) {
    for (auto at = digits.size(); at-- != 0;) {
        if (digits[at] == '.') continue;
        if (digits[at] == '-') return void(digits.insert(1, "1"));
        if (digits[at] != '9') return void(++digits[at]);
        digits[at] = '0';
    }
    digits.insert(0, "1");
}

inline std::string rounded(double value, std::size_t decimals, bool away_from_zero) {
    if (!std::isfinite(value)) return value != value ? "nan" : value > 0 ? "inf" : "-inf";
    auto digits = plain_digits(value);
    if (cut_decimals(digits, decimals) && away_from_zero) count_up(digits);
    if (digits.find_first_not_of("-0.") == std::string::npos && digits.front() == '-') digits.erase(0, 1);
    return digits;
}

}  // namespace detail

inline std::string rounded_down(double value, std::size_t decimals) {
    return detail::rounded(value, decimals, value < 0);
}
inline std::string rounded_up(double value, std::size_t decimals) {
    return detail::rounded(value, decimals, value > 0);
}

inline std::string verdict::text() const {
    auto const way = which == goal::at_least ? "at least " : "at most ";
    auto const shown = which == goal::at_least ? rounded_down(measured, 2) : rounded_up(measured, 2);
    return (met() ? "met: " : "missed: ") + shown + ", " + way + detail::plain_digits(target) + " was wanted";
}

}  // namespace muster
