#pragma once

#include <chrono>        // nanoseconds, system_clock
#include <cstddef>       // size_t
#include <cstdint>       // uint8_t
#include <functional>    // function

#include <muster/core/bytes.hpp>         // MiB
#include <muster/flow/delivery.hpp>      // delivery
#include <muster/flow/run_result.hpp>    // run_result

namespace muster {

/// The moments of a batch at which a run may be looked at, or killed by a test.
enum class run_point : std::uint8_t {
    after_read,
    after_process,
    before_commit,    ///< each of the commits of a batch: one, or two where output and offset are committed apart
    after_commit,
};

/// What becomes of a record whose task failed.
enum class failed_record : std::uint8_t {
    bury,    ///< it becomes a dead letter in the journal, in the commit of its batch
    skip,    ///< it is counted
    stop,    ///< the run ends with that failure; what came before the record is committed, and the next run begins with it
};

/// How a durable run goes about it.
struct run_options {
    delivery guarantee = delivery::exactly_once;
    std::size_t records = 1'000;                         ///< of a batch, which is one commit; 1,000: a commit is paid by many
    std::size_t bytes = 8 * MiB;                         ///< of a batch, where its source counts them
    std::chrono::nanoseconds linger = std::chrono::milliseconds{100};    ///< for a batch to fill, where the source grows
    failed_record on_failure = failed_record::bury;
    /// Told at each point how far the run is, on its own thread: progress, and the kill points of tests. Empty: nobody.
    std::function<void(run_point, run_result const&)> at{};
    std::chrono::system_clock::time_point (*clock)() = &std::chrono::system_clock::now;    ///< what time a dead letter says
};

}  // namespace muster
