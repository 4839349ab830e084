#pragma once

#include <cstddef>    // size_t

#include <muster/core/run_info.hpp>    // sequential_reason
#include <muster/core/settings.hpp>    // settings
#include <muster/os/cpus.hpp>          // granted_cpus

namespace muster::detail {

struct planned_width {
    std::size_t width = 1;
    sequential_reason why = sequential_reason::none;    // where nobody asked for 1 and it is 1
};

/// The width of a pool that was given none: what the settings say, else so many a core.
inline planned_width default_width(std::size_t a_core, settings_values const& now) {
    if (now.parallel_disabled()) return {1, sequential_reason::disabled};
    if (now.max_workers) return {*now.max_workers, sequential_reason::none};
    auto const cores = granted_cpus();
    return {cores * a_core, cores * a_core == 1 ? sequential_reason::unavailable : sequential_reason::none};
}

inline planned_width width_or_default(std::size_t asked, std::size_t a_core) {
    if (asked != 0) return {asked, sequential_reason::none};
    return default_width(a_core, settings{}.snapshot());
}

}  // namespace muster::detail
