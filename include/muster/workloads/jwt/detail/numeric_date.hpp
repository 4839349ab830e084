#pragma once

#include <charconv>        // from_chars
#include <cmath>           // floor, ceil
#include <cstdint>         // int64_t
#include <optional>        // a number out of range
#include <string_view>     // string_view
#include <system_error>    // errc

namespace muster::jwt::detail {

enum class rounding : bool { down, up };

inline constexpr std::int64_t latest_date = (std::int64_t{1} << 53) - 1;

[[nodiscard]] constexpr bool is_numeric_date(std::int64_t seconds) noexcept { return seconds >= -latest_date && seconds <= latest_date; }

// The seconds of a NumericDate (RFC 7519, section 2), from a well-formed JSON number: at most 2^53 - 1 either way, which every
// reader of JSON understands alike, and to which a leeway can be added without a thought of overflow.
[[nodiscard]] inline std::optional<std::int64_t> numeric_date(std::string_view number, rounding to) noexcept {
    auto const* const end = number.data() + number.size();
    std::int64_t whole = 0;
    auto const read = std::from_chars(number.data(), end, whole);
    if (read.ec == std::errc{} && read.ptr == end) {
        if (!is_numeric_date(whole)) return std::nullopt;
        return whole;
    }
    double seconds = 0;
    auto const again = std::from_chars(number.data(), end, seconds);
    if (again.ec != std::errc{} || again.ptr != end) return std::nullopt;    // 1e400, also 1e-400
    seconds = to == rounding::down ? std::floor(seconds) : std::ceil(seconds);
    if (!(seconds >= -static_cast<double>(latest_date) && seconds <= static_cast<double>(latest_date))) return std::nullopt;
    return static_cast<std::int64_t>(seconds);
}

}  // namespace muster::jwt::detail
