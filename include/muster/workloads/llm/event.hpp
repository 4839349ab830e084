#pragma once

#include <cstdint>        // uint16_t
#include <string>         // id_of
#include <string_view>    // name_of

namespace muster::llm {

/// What a run tells a log. Numbers and names stay as they are in later versions, and so do the keys below: alarms may hang on them. New keys
/// may follow behind those that are there.
///
/// Shape      a line: `LLM-110 node_done node=3 name="Order/3" attempt=1 facts=4 tokens=51 seconds=0.021`. Texts are JSON strings of at most
///            200 bytes of the text, numbers are whole, `seconds` has three decimals. Neither the endpoint's key nor the text of a node is in
///            any of them; a reason may quote what the endpoint has said.
enum class event : std::uint16_t {
    run_started = 100,          ///< run nodes to_ask in_flight: how many are asked about at a time, at most
    run_ended = 101,            ///< complete done failed stopped facts requests rate_limited tokens seconds
    ran_sequentially = 102,     ///< reason: as sequential_reason has them
    run_resumed = 103,          ///< done failed: by earlier processes; sent_again: in flight when one died
    run_stopped = 104,          ///< kind reason: why nothing more is sent; what is under way still comes
    had_errors = 105,           ///< failed kinds hint: said before run_ended
    in_flight_changed = 106,    ///< in_flight reason: for programs whose switches act while a run goes on
    node_done = 110,            ///< node name attempt facts tokens seconds: from its turn to its end, waits included
    node_failed = 120,          ///< node name kind reason partial seconds
    paused = 130,               ///< kind seconds: the endpoint asked for a pause, of 0.000 where it does not say how long; the first alone
    pause_over = 131,           ///< seconds refused: the first answer to what was sent after it, and how many were refused meanwhile
};

/// "LLM-120": what stands in front of the line.
[[nodiscard]] inline std::string id_of(event which) { return "LLM-" + std::to_string(static_cast<unsigned>(which)); }

/// "node_failed": what stands behind it.
[[nodiscard]] constexpr std::string_view name_of(event which) noexcept {
    switch (which) {
        case event::run_started: return "run_started";
        case event::run_ended: return "run_ended";
        case event::ran_sequentially: return "ran_sequentially";
        case event::run_resumed: return "run_resumed";
        case event::run_stopped: return "run_stopped";
        case event::had_errors: return "had_errors";
        case event::in_flight_changed: return "in_flight_changed";
        case event::node_done: return "node_done";
        case event::node_failed: return "node_failed";
        case event::paused: return "paused";
        case event::pause_over: return "pause_over";
    }
    return "unknown_event";
}

}  // namespace muster::llm
