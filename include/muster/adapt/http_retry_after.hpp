#pragma once

#include <algorithm>       // min, clamp
#include <charconv>        // from_chars
#include <chrono>          // nanoseconds, system_clock
#include <optional>        // where there is none
#include <string>          // a date with an end
#include <string_view>     // what a header says
#include <system_error>    // errc

#include <curl/curl.h>    // curl_getdate

#include <muster/adapt/http_headers.hpp>    // http_headers

namespace muster {

/// How long a server asks to wait: `retry-after-ms`, else `Retry-After` in seconds or as a date.
///
/// Shape      none where neither is there or can be read; 0 for a date that has passed.
/// Units      fractions count; more than ten years are ten years. A date is taken from the answer's own `Date` where it has one, for the
///            server's clock may be another than ours; else from `now`.
/// Source     RFC 9110, sections 10.2.3 and 5.6.7; `retry-after-ms` is that of OpenAI and Azure.
[[nodiscard]] std::optional<std::chrono::nanoseconds> retry_after_of(http_headers const& headers, std::chrono::system_clock::time_point now);

// Implementation

namespace detail {

[[nodiscard]] inline std::string_view without_http_blanks(std::string_view text) noexcept {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

/// A decimal number of that many nanoseconds each; none for anything else, signs and exponents among it.
[[nodiscard]] inline std::optional<std::chrono::nanoseconds> waiting_time(std::string_view text, double unit) {
    text = without_http_blanks(text);
    double count = 0;
    if (text.empty() || text.find_first_not_of("0123456789.") != text.npos) return std::nullopt;
    auto const read = std::from_chars(text.data(), text.data() + text.size(), count, std::chars_format::fixed);
    static constexpr double ten_years = 3.2e17;
    if (read.ec == std::errc::result_out_of_range) count = ten_years;
    else if (read.ec != std::errc{} || read.ptr != text.data() + text.size()) return std::nullopt;
    return std::chrono::nanoseconds{static_cast<std::chrono::nanoseconds::rep>(std::min(count * unit, ten_years))};
}

[[nodiscard]] inline std::optional<std::chrono::sys_seconds> http_date(std::string_view text) {
    text = without_http_blanks(text);
    // libcurl reads far more than HTTP's three forms, each of which begins with a day of the week.
    if (text.size() < 24 || text.size() > 40 || text.find_first_of(", ") == 0 || text.find('\0') != text.npos) return std::nullopt;
    for (std::string_view const day : {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"})
        if (text.starts_with(day)) {
            auto const read = ::curl_getdate(std::string{text}.c_str(), nullptr);
            if (read < 0) return std::nullopt;
            return std::chrono::sys_seconds{std::chrono::seconds{read}};
        }
    return std::nullopt;
}

}  // namespace detail

inline std::optional<std::chrono::nanoseconds> retry_after_of(http_headers const& headers, std::chrono::system_clock::time_point now) {
    using namespace std::chrono_literals;
    if (auto const ms = headers.find("retry-after-ms"))
        if (auto const wait = detail::waiting_time(*ms, 1e6)) return wait;
    auto const said = headers.find("retry-after");
    if (!said) return std::nullopt;
    if (auto const wait = detail::waiting_time(*said, 1e9)) return wait;
    auto const until = detail::http_date(*said);
    if (!until) return std::nullopt;
    auto from = now;
    if (auto const date = headers.find("date"))
        if (auto const sent = detail::http_date(*date)) from = *sent;
    auto const wait = *until - std::chrono::floor<std::chrono::seconds>(from);    // in seconds: centuries are no nanoseconds
    return std::clamp<std::chrono::seconds>(wait, 0s, 320'000'000s);
}

}  // namespace muster
