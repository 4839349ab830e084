#pragma once

#include <cstdint>        // uint16_t
#include <string>         // string
#include <string_view>    // string_view

namespace muster::bgp {

/// What a run tells a log. The numbers stay as they are in later versions: alarms may hang on them.
enum class event : std::uint16_t {
    run_started = 100,
    run_ended = 101,
    ran_sequentially = 102,      ///< and why
    policy_made = 110,
    policy_remembered = 111,     ///< from the cache
    no_prefixes = 112,
    file_kept = 113,             ///< an empty answer did not take the place of a file
    policy_failed = 120,
    policy_refused = 121,        ///< no server took the connection
    policy_invalid = 122,        ///< the input is wrong
    policy_timed_out = 123,
    policy_cancelled = 124,
    times_not_saved = 130,       ///< recorded times; the next run starts in another order
};

/// "BGP-120": what stands in front of the line.
[[nodiscard]] inline std::string id_of(event which) { return "BGP-" + std::to_string(static_cast<unsigned>(which)); }

}  // namespace muster::bgp
