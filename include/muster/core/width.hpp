#pragma once

#include <algorithm>    // max, min
#include <cassert>      // a width of 0
#include <concepts>     // integral
#include <cstddef>      // size_t
#include <optional>     // the fixed width

namespace muster {

/// The rule for a width that nobody fixed: a few items inline, else one worker for each core or item, up to a cap.
struct automatic {
    std::size_t cap = 8;                 ///< 8: past it they gain less than they cost the other side
    std::size_t sequential_up_to = 2;    ///< 2: below three items starting workers costs more than it gains
    std::size_t io_width = 0;            ///< in place of the cores, for items that wait rather than compute; 0: the cores
    friend bool operator==(automatic const&, automatic const&) = default;
};

/// How many workers so many items deserve on so many cores; a pure function.
///
/// Units      items and cores are counts; `cores` is what affinity and quotas leave, 0 counts as 1.
/// Shape      at least 1, at most `cap`, `cores` and `items`.
[[nodiscard]] constexpr std::size_t auto_workers(std::size_t items, std::size_t cores, std::size_t cap = 8,
                                                 std::size_t sequential_up_to = 2) noexcept {
    if (items <= sequential_up_to) return 1;
    return std::max<std::size_t>(1, std::min({items, cores, cap}));
}

/// How many calls run at once: a number that somebody fixed, or the automatic rule.
///
/// Default    `automatic{}`.
/// Units      1 or more; 0 and less are a programmer's mistake, and count as 1 where asserts are off.
class width {
public:
    constexpr width() noexcept = default;
    constexpr width(automatic rule) noexcept : rule_(rule) {}
    template <std::integral N>
        requires(!std::same_as<N, bool>)
    constexpr width(N workers) noexcept : fixed_(workers < 1 ? 1 : static_cast<std::size_t>(workers)) {
        assert(workers >= 1 && "muster: a width is 1 or more");
    }

    /// The fixed number, or nothing where the rule decides.
    [[nodiscard]] constexpr std::optional<std::size_t> fixed() const noexcept {
        return fixed_ ? std::optional{fixed_} : std::nullopt;
    }
    [[nodiscard]] constexpr bool is_automatic() const noexcept { return fixed_ == 0; }
    [[nodiscard]] constexpr automatic const& rule() const noexcept { return rule_; }

    /// The workers for so many items; a fixed width knows no cores, yet never exceeds the items. At least 1.
    [[nodiscard]] constexpr std::size_t workers(std::size_t items, std::size_t cores) const noexcept {
        if (fixed_) return std::max<std::size_t>(1, std::min(fixed_, items));
        return auto_workers(items, rule_.io_width != 0 ? rule_.io_width : cores, rule_.cap, rule_.sequential_up_to);
    }

    friend constexpr bool operator==(width const&, width const&) noexcept = default;

private:
    std::size_t fixed_ = 0;    // 0: the rule decides
    automatic rule_;
};

}  // namespace muster
