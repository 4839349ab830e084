#pragma once

#include <chrono>         // nanoseconds
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <string>         // names, to_string
#include <vector>         // stages

#include <muster/core/duration_text.hpp>      // duration_text
#include <muster/core/latency_figures.hpp>    // latency_figures

namespace muster {

/// Items that never came to a stage, by what dropped them in front of it.
struct stream_drops {
    std::uint64_t oldest = 0;        ///< `drop_oldest`: had waited longest when the buffer was full
    std::uint64_t newest = 0;        ///< `drop_newest`, `sample`: came when the buffer was full
    std::uint64_t sampled = 0;       ///< `sample`: came between two that were let in
    std::uint64_t throttled = 0;     ///< `throttle`: came too fast
    std::uint64_t over_share = 0;    ///< `fair`: their key had its part waiting already
    [[nodiscard]] std::uint64_t all() const noexcept { return oldest + newest + sampled + throttled + over_share; }
    friend bool operator==(stream_drops const&, stream_drops const&) = default;
};

/// What one stage or operator of a stream did so far.
struct stream_stage_report {
    std::string name;             ///< as `named` says; else "stage 2", counted from 1
    std::uint64_t in = 0;         ///< items that came to it, or were dropped in front of it
    std::uint64_t out = 0;        ///< items that it handed on
    std::uint64_t failed = 0;     ///< items that failed in it, or came after a stop, or could not wait for it
    std::uint64_t retried = 0;    ///< further attempts that `retry` made in it: its task was called so many times more than it had items, or batches
    std::uint64_t batches = 0;    ///< calls with several items at once, where it is `batched`
    std::size_t waiting = 0;      ///< items in the buffer in front of it, now
    std::size_t buffer = 0;       ///< room of that buffer; 0 where there is none, for the stage runs where the one before it does
    std::size_t width = 1;        ///< the most calls at once
    stream_drops dropped{};
    std::uint64_t spilled = 0;          ///< items in front of it that went to the disk
    std::uint64_t spilled_bytes = 0;    ///< what they were written as
    std::chrono::nanoseconds lag{};     ///< how long the oldest of the items that wait in front of it has waited, as far as it was looked at
    latency_figures waited{};           ///< how long items waited in front of it: of a few of each handful, where it has workers
    latency_figures took{};             ///< how long its calls took, the same: with those of the stages behind it that have no workers of their own
    friend bool operator==(stream_stage_report const&, stream_stage_report const&) = default;
};

/// What a stream did so far: `in` of each stage is `out`, `failed` and `dropped` of it and what is inside, so that all adds up when it
/// is over. What waits in front of a stage has not come to it.
struct stream_report {
    std::uint64_t read = 0;        ///< items of the source
    std::uint64_t yielded = 0;     ///< items and failures that the consumer was given
    std::uint64_t failed = 0;      ///< failures, whether they went to the consumer or to the sink
    std::uint64_t dropped = 0;     ///< items that a stage's buffer dropped; no failures
    bool over = false;             ///< the source has ended, and everything that it gave was handed out
    bool stopped = false;          ///< a stop or the deadline ended it before its source did
    std::vector<stream_stage_report> stages;
    friend bool operator==(stream_report const&, stream_report const&) = default;
};

/// For people: a line for the stream, and one for each stage, which says nothing of what did not happen.
///
///     read 1000, yielded 890, failed 10, dropped 100
///       parse: in 1000, out 990, failed 10
///       show: in 990, out 890, dropped 100 (oldest 100), waiting 3 of 65, the oldest for 2ms, took (p50 1.5us, p99 80us, at most 2ms)
[[nodiscard]] inline std::string to_string(stream_report const& of) {
    auto const more = [](char const* word, std::uint64_t count) {
        return count == 0 ? std::string{} : std::string{", "} + word + ' ' + std::to_string(count);
    };
    auto text = "read " + std::to_string(of.read) + ", yielded " + std::to_string(of.yielded) + more("failed", of.failed) +
                more("dropped", of.dropped) + (of.stopped ? ", stopped" : of.over ? "" : ", not over");
    for (auto const& stage : of.stages) {
        text += "\n  " + stage.name + ": in " + std::to_string(stage.in) + ", out " + std::to_string(stage.out) + more("failed", stage.failed);
        if (auto const& lost = stage.dropped; lost.all() != 0) {
            auto const reasons = more("oldest", lost.oldest) + more("newest", lost.newest) + more("sampled", lost.sampled) +
                                 more("throttled", lost.throttled) + more("over share", lost.over_share);
            text += more("dropped", lost.all()) + " (" + reasons.substr(2) + ')';
        }
        if (stage.spilled != 0) text += more("spilled", stage.spilled) + " of " + std::to_string(stage.spilled_bytes) + " bytes";
        text += more("batches", stage.batches);
        if (stage.waiting != 0) text += more("waiting", stage.waiting) + " of " + std::to_string(stage.buffer);
        if (stage.lag > stage.lag.zero()) text += ", the oldest for " + duration_text(stage.lag);
        if (stage.waited.samples != 0) text += ", waited (" + to_string(stage.waited) + ')';
        if (stage.took.samples != 0) text += ", took (" + to_string(stage.took) + ')';
    }
    return text;
}

}  // namespace muster
