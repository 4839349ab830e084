#pragma once

#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <string>         // names
#include <vector>         // stages

namespace muster {

/// What one stage or operator of a stream did so far.
struct stream_stage_report {
    std::string name;             ///< as `named` says; else "stage 2", counted from 1
    std::uint64_t in = 0;         ///< items that came to it
    std::uint64_t out = 0;        ///< items that it handed on
    std::uint64_t failed = 0;     ///< items that failed in it, or came after a stop
    std::uint64_t retried = 0;    ///< further attempts that `retry` made in it: its task was called so many times more than it had items
    std::size_t waiting = 0;      ///< items in the buffer in front of it, now
    std::size_t buffer = 0;       ///< room of that buffer; 0 where there is none, for the stage runs where the one before it does
    std::size_t width = 1;        ///< the most calls at once
    friend bool operator==(stream_stage_report const&, stream_stage_report const&) = default;
};

/// What a stream did so far: `in` of each stage is `out` and `failed` of it and what is inside, so that all adds up when it is over.
struct stream_report {
    std::uint64_t read = 0;        ///< items of the source
    std::uint64_t yielded = 0;     ///< items and failures that the consumer was given
    std::uint64_t failed = 0;      ///< failures, whether they went to the consumer or to the sink
    bool over = false;             ///< the source has ended, and everything that it gave was handed out
    bool stopped = false;          ///< a stop or the deadline ended it before its source did
    std::vector<stream_stage_report> stages;
    friend bool operator==(stream_report const&, stream_report const&) = default;
};

}  // namespace muster
