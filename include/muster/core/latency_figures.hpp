#pragma once

#include <chrono>     // nanoseconds
#include <cstdint>    // uint64_t
#include <string>     // to_string

#include <muster/core/duration_text.hpp>    // duration_text

namespace muster {

/// How long something took, over all that was measured.
struct latency_figures {
    std::uint64_t samples = 0;            ///< 0: nothing was measured, and the others say nothing
    std::chrono::nanoseconds p50{};       ///< half of them took no longer; within an eighth, as the other one
    std::chrono::nanoseconds p99{};       ///< all but one of a hundred took no longer
    std::chrono::nanoseconds most{};      ///< the longest
    friend bool operator==(latency_figures const&, latency_figures const&) noexcept = default;
};

/// For people: "p50 1.5us, p99 80us, at most 2ms"; empty where nothing was measured.
[[nodiscard]] inline std::string to_string(latency_figures const& of) {
    if (of.samples == 0) return {};
    return "p50 " + duration_text(of.p50) + ", p99 " + duration_text(of.p99) + ", at most " + duration_text(of.most);
}

}  // namespace muster
