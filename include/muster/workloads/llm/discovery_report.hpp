#pragma once

#include <algorithm>    // sort
#include <chrono>       // nanoseconds
#include <cstddef>      // size_t
#include <cstdint>      // uint64_t
#include <map>          // by kind
#include <string>       // kinds
#include <vector>       // latencies

#include <muster/core/duration_text.hpp>              // duration_text
#include <muster/core/json.hpp>                       // json_writer
#include <muster/observe/run_report.hpp>              // run_report
#include <muster/workloads/llm/token_usage.hpp>       // token_usage

namespace muster::llm {

/// What a run over the nodes of a document came to.
///
/// Units      latencies are of attempts that had a reply, from the request to the answer.
struct discovery_report {
    run_report run{};                          ///< of the nodes that this process asked about
    std::uint64_t nodes = 0;                   ///< of the document
    std::uint64_t done_before = 0;             ///< by earlier processes of this run; not sent again
    std::uint64_t failed_before = 0;
    std::uint64_t sent_again = 0;              ///< that were in flight when an earlier process died: perhaps paid for twice
    std::uint64_t done = 0;                    ///< now, with facts
    std::uint64_t failed = 0;
    std::uint64_t stopped = 0;                 ///< not asked, or not to the end, since the run ended first; asked the next time
    std::uint64_t partial = 0;                 ///< of the failed: with a part of an answer
    std::map<std::string, std::uint64_t> kinds{};    ///< of the failed and stopped: how often each
    std::string stopped_because{};             ///< empty: nothing ended the run before its end
    std::uint64_t facts = 0;
    std::uint64_t attempts = 0;                ///< requests that were sent
    std::uint64_t rate_limited = 0;            ///< of them: answered with "come again"
    token_usage usage{};
    std::chrono::nanoseconds latency_mean{};
    std::chrono::nanoseconds latency_p50{};
    std::chrono::nanoseconds latency_p95{};
    std::chrono::nanoseconds predicted{};      ///< of the run, when a tenth of the nodes had ended; 0: fewer than ten were asked about
    std::uint64_t peak_memory = 0;             ///< of the process, in bytes

    /// Every node of the document has its facts.
    [[nodiscard]] bool is_complete() const noexcept { return done + done_before == nodes; }
    /// Of the nodes that ended now, how many have facts; 1 where none did.
    [[nodiscard]] double success_rate() const noexcept {
        auto const ended = done + failed + stopped;
        return ended == 0 ? 1.0 : static_cast<double>(done) / static_cast<double>(ended);
    }
    void write_json(json_writer& to) const;
};

/// A few lines for people.
[[nodiscard]] std::string to_string(discovery_report const& of);

// Implementation

inline void discovery_report::write_json(json_writer& to) const {
    to.object([&] {
        to.member("complete", is_complete()).member("nodes", nodes).member("done", done).member("failed", failed).member("stopped", stopped);
        to.member("partial", partial).member("done_before", done_before).member("failed_before", failed_before).member("sent_again", sent_again);
        to.member("kinds", [&] {
            to.object([&] {
                for (auto const& [kind, count] : kinds) to.member(kind, count);
            });
        });
        if (stopped_because.empty()) to.member("stopped_because", nullptr);
        else to.member("stopped_because", stopped_because);
        to.member("facts", facts).member("attempts", attempts).member("rate_limited", rate_limited).member("success_rate", success_rate());
        to.member("usage", [&] {
            to.object([&] {
                to.member("prompt", usage.prompt).member("completion", usage.completion).member("total", usage.total);
                to.member("cached", usage.cached).member("reasoning", usage.reasoning);
            });
        });
        to.member("latency_mean_s", latency_mean).member("latency_p50_s", latency_p50).member("latency_p95_s", latency_p95);
        to.member("predicted_s", predicted).member("actual_s", run.wall).member("peak_memory_bytes", peak_memory);
        to.member("run", run);
    });
}

inline std::string to_string(discovery_report const& of) {
    auto const short_text = [](std::chrono::nanoseconds time) { return duration_text(time - time % std::chrono::milliseconds{1}); };
    auto out = std::to_string(of.done) + " of " + std::to_string(of.nodes) + " nodes done";
    if (of.done_before != 0) out += ", " + std::to_string(of.done_before) + " before";
    if (of.failed + of.failed_before != 0) out += ", " + std::to_string(of.failed + of.failed_before) + " failed";
    if (of.stopped != 0) out += ", " + std::to_string(of.stopped) + " stopped";
    out += ": " + std::to_string(of.facts) + " facts";
    for (auto const& [kind, count] : of.kinds) out += "\n  " + kind + ": " + std::to_string(count);
    if (!of.stopped_because.empty()) out += "\n  the run ended early: " + of.stopped_because;
    out += "\n" + std::to_string(of.attempts) + " requests, " + std::to_string(of.rate_limited) + " of them too early, " +
           std::to_string(of.usage.total) + " tokens";
    if (of.sent_again != 0) out += ", " + std::to_string(of.sent_again) + " sent again";
    out += "\nan answer took " + short_text(of.latency_p50) + " (half), " + short_text(of.latency_p95) + " (95 %); all took " + short_text(of.run.wall);
    if (of.predicted.count() > 0) out += ", predicted were " + short_text(of.predicted);
    return out;
}

}  // namespace muster::llm
