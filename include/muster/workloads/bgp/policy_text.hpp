#pragma once

#include <chrono>         // nanoseconds
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <string>         // string

namespace muster::bgp {

/// What bgpq4 wrote, and how many entries are in it.
struct policy_text {
    std::string text{};
    std::size_t entries = 0;                ///< prefixes, or numbers for lists of numbers
    std::uint64_t made_by = 0;              ///< the call that ran bgpq4 for it; another one's, or 0: it was remembered
    std::chrono::nanoseconds ran_for{};     ///< how long bgpq4 ran for it

    /// The server has nothing to list: a success of its own kind.
    [[nodiscard]] bool empty() const noexcept { return entries == 0; }
    /// The same list, whoever made it and when.
    friend bool operator==(policy_text const& a, policy_text const& b) noexcept {
        return a.entries == b.entries && a.text == b.text;
    }
};

}  // namespace muster::bgp
