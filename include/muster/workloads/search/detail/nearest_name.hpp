#pragma once

#include <algorithm>      // min
#include <array>          // a row of distances
#include <cstddef>        // size_t
#include <span>           // names
#include <string>         // the question
#include <string_view>    // names

#include <muster/workloads/search/collected_system.hpp>    // lower

namespace muster::searching::detail {

// How many letters to add, take away or change until a is b, the case of ASCII aside; for names of up to 32 bytes.
inline std::size_t letters_apart(std::string_view a, std::string_view b) {
    constexpr std::size_t most = 32;
    if (a.size() > most || b.size() > most) return most;
    std::array<std::size_t, most + 1> row{};
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        auto diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            auto const above = row[j];
            row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (lower(a[i - 1]) != lower(b[j - 1]))});
            diagonal = above;
        }
    }
    return row[b.size()];
}

// "; did you mean "regex"?" where one of the names is near enough; else nothing.
inline std::string did_you_mean(std::string_view name, std::span<std::string_view const> known) {
    std::string_view best;
    auto least = name.size() / 3 + 2;    // a third of it wrong is another word
    for (auto const each : known) {
        auto const apart = letters_apart(name, each);
        if (apart < least && apart < each.size()) {
            least = apart;
            best = each;
        }
    }
    return best.empty() ? std::string{} : "; did you mean \"" + std::string{best} + "\"?";
}

}  // namespace muster::searching::detail
