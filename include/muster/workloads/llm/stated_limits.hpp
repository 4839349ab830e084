#pragma once

#include <charconv>       // from_chars
#include <chrono>         // nanoseconds
#include <optional>       // what is not stated
#include <string>         // names
#include <string_view>    // text
#include <system_error>   // errc

#include <muster/adapt/http_headers.hpp>    // http_headers

namespace muster::llm {

/// What an endpoint says of one of its limits; of what it does not say there is nothing.
struct stated_limit {
    std::optional<double> limit{};                         ///< in its period, which is a minute for nearly all
    std::optional<double> remaining{};
    std::optional<std::chrono::nanoseconds> reset{};       ///< until all of it is there again
    friend bool operator==(stated_limit const&, stated_limit const&) = default;
};

/// What an endpoint says of its limits in `x-ratelimit-{limit,remaining,reset}-{requests,tokens}`.
struct stated_limits {
    stated_limit requests{};
    stated_limit tokens{};
    friend bool operator==(stated_limits const&, stated_limits const&) = default;
};

/// Reads them. A limit that is not positive is none: Azure sends -1 and 0 for what it does not know.
[[nodiscard]] stated_limits stated_limits_of(http_headers const& headers);

/// "6m0s", "1h2m3.5s", "20ms", and Azure's whole seconds, "12"; nothing for any other text, and for what is longer than ten days.
[[nodiscard]] std::optional<std::chrono::nanoseconds> reset_of(std::string_view text);

// Implementation

inline std::optional<std::chrono::nanoseconds> reset_of(std::string_view text) {
    double seconds = 0;
    if (text.empty() || text.size() > 64) return std::nullopt;
    for (bool first = true; !text.empty(); first = false) {
        double count = 0;
        if (text.front() < '0' || text.front() > '9') return std::nullopt;    // no sign, no inf
        auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), count, std::chars_format::fixed);
        if (error != std::errc{}) return std::nullopt;
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        auto const unit = [&](std::string_view name, double in_seconds) {
            if (!text.starts_with(name)) return false;
            text.remove_prefix(name.size());
            seconds += count * in_seconds;
            return true;
        };
        if (text.empty() && first) seconds = count;
        else if (!unit("ms", 1e-3) && !unit("us", 1e-6) && !unit("ns", 1e-9) && !unit("d", 86'400) && !unit("h", 3'600) && !unit("m", 60) && !unit("s", 1))
            return std::nullopt;
    }
    if (!(seconds <= 864'000)) return std::nullopt;
    return std::chrono::nanoseconds{static_cast<std::chrono::nanoseconds::rep>(seconds * 1e9)};
}

inline stated_limits stated_limits_of(http_headers const& headers) {
    auto const number = [&](std::string const& name) -> std::optional<double> {
        auto const text = headers.find(name);
        if (!text || text->empty() || text->front() == '-') return std::nullopt;
        double out = 0;
        auto const [end, error] = std::from_chars(text->data(), text->data() + text->size(), out, std::chars_format::fixed);
        if (error != std::errc{} || end != text->data() + text->size()) return std::nullopt;
        return out;
    };
    auto const read = [&](std::string const& kind) {
        stated_limit out;
        out.limit = number("x-ratelimit-limit-" + kind);
        if (!out.limit || !(*out.limit > 0)) return stated_limit{};
        out.remaining = number("x-ratelimit-remaining-" + kind);
        if (auto const reset = headers.find("x-ratelimit-reset-" + kind)) out.reset = reset_of(*reset);
        return out;
    };
    return {read("requests"), read("tokens")};
}

}  // namespace muster::llm
