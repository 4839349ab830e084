#pragma once

#include <chrono>     // nanoseconds
#include <cstdint>    // uint64_t
#include <vector>     // positions

namespace muster {

/// What a durable run has done since it was started; what runs before it did is not in it.
///
/// Shape      every record that was read up to what is committed is one of: gone through the flow, dead, skipped. But under `at_most_once` one
///            that a stop cut short is none of them: it is not read again. Behind an operator it is the items that it gave which are.
struct run_result {
    std::uint64_t epoch = 0;
    std::vector<std::uint64_t> resumed{};    ///< offset at which each partition was begun
    std::vector<std::uint64_t> reached{};    ///< offset up to which each is committed
    std::uint64_t in = 0;         ///< records that are done with
    std::uint64_t out = 0;        ///< values that were committed: one record may become none, one or several
    std::uint64_t dead = 0;       ///< records that failed and are in the journal as dead letters
    std::uint64_t skipped = 0;    ///< records that failed and are nowhere
    std::uint64_t retried = 0;    ///< further attempts that `retry` made, also in a batch that was not committed
    std::uint64_t commits = 0;
    std::chrono::nanoseconds took{};
    bool stopped = false;         ///< asked to stop, or its deadline passed: the source has not ended

    [[nodiscard]] std::uint64_t failed() const noexcept { return dead + skipped; }
    friend bool operator==(run_result const&, run_result const&) = default;
};

}  // namespace muster
