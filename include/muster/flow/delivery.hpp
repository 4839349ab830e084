#pragma once

#include <cstdint>        // uint8_t
#include <string_view>    // name_of

namespace muster {

/// What a kill of a durable run leaves: how often the effect of each record is there when the run has been started again and has ended.
///
/// It is said of effects, not of executions. Under `exactly_once` a task may have run twice on a record, and what it answered is in the
/// journal once. What a task does elsewhere, as a request to a server, is done as often as the task runs: give it the `origin` of its
/// context as the key by which the other side knows it again.
enum class delivery : std::uint8_t {
    at_most_once,     ///< the offset is committed before the work: a kill loses at most the batch in flight, nothing is there twice
    at_least_once,    ///< the offset is committed after the output: a kill repeats at most the batch in flight, nothing is missing
    exactly_once,     ///< output, dead letters and offset are one commit: nothing is missing, nothing is there twice
};

[[nodiscard]] constexpr std::string_view name_of(delivery which) noexcept {
    switch (which) {
        case delivery::at_most_once: return "at most once";
        case delivery::at_least_once: return "at least once";
        case delivery::exactly_once: return "exactly once";
    }
    return "unknown";
}

}  // namespace muster
