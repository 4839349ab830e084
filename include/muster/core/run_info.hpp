#pragma once

#include <cstddef>        // size_t
#include <cstdint>        // uint8_t
#include <string_view>    // name_of

namespace muster {

/// Why a verb ran its items one after another.
enum class sequential_reason : std::uint8_t {
    none,             ///< it did not: it ran in parallel
    no_place,         ///< no `on` was written
    asked_for,        ///< a width of 1 was asked for
    disabled,         ///< switched off by the settings
    too_few_items,    ///< as few as the automatic rule runs inline
    unavailable,      ///< the machine grants one core, or the limits allow no further thread
    cannot_start,     ///< threads or processes were wanted and could not be started
};

/// "too few items": the reason as people read it.
[[nodiscard]] constexpr std::string_view name_of(sequential_reason why) noexcept {
    switch (why) {
        case sequential_reason::none: return "parallel";
        case sequential_reason::no_place: return "no place was named";
        case sequential_reason::asked_for: return "asked for";
        case sequential_reason::disabled: return "disabled";
        case sequential_reason::too_few_items: return "too few items";
        case sequential_reason::unavailable: return "unavailable";
        case sequential_reason::cannot_start: return "cannot start";
    }
    return "unknown";
}

/// How a verb runs its items: what was configured, what came of it, and why. Observers read it through the context.
struct run_info {
    std::size_t items = 0;
    std::size_t configured = 1;    ///< the width that was asked for
    std::size_t width = 1;         ///< the width that is used
    std::size_t cores = 1;         ///< what affinity and quotas leave of the machine
    sequential_reason why = sequential_reason::no_place;

    [[nodiscard]] bool parallel() const noexcept { return width > 1; }
    friend bool operator==(run_info const&, run_info const&) = default;
};

}  // namespace muster
