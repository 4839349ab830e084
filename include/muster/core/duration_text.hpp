#pragma once

#include <chrono>     // nanoseconds
#include <cstdint>    // int64_t
#include <string>     // string

namespace muster {

/// A duration as people write it: "0s", "350us", "200ms", "1.5s", "90s", "2h".
///
/// Units      the largest that needs at most three decimals; minutes and hours only when whole.
[[nodiscard]] inline std::string duration_text(std::chrono::nanoseconds what) {
    struct unit {
        std::int64_t size;
        char const* name;
        bool whole_only;
    };
    static constexpr unit units[]{{3'600'000'000'000, "h", true}, {120'000'000'000, "min", true}, {1'000'000'000, "s", false},
                                  {1'000'000, "ms", false},      {1'000, "us", false},           {1, "ns", false}};
    auto count = what.count();
    if (count == 0) return "0s";
    std::string const sign = count < 0 ? "-" : "";
    auto const size = count < 0 ? -(count + (count == INT64_MIN)) : count;
    for (auto const& [unit_size, name, whole_only] : units) {
        auto const real_size = unit_size == 120'000'000'000 ? 60'000'000'000 : unit_size;    // 60 s reads better than 1 min
        if (size < unit_size || (whole_only && size % real_size != 0)) continue;
        auto text = sign + std::to_string(size / real_size);
        auto thousandths = size % real_size * 1000 / real_size;
        if (thousandths != 0 && !whole_only) {
            auto decimals = std::to_string(1000 + thousandths).substr(1);
            while (decimals.back() == '0') decimals.pop_back();
            text += '.' + decimals;
        }
        return text + name;
    }
    return sign + std::to_string(size) + "ns";
}

}  // namespace muster
