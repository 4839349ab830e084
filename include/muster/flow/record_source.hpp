#pragma once

#include <chrono>         // nanoseconds
#include <concepts>       // same_as
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <string>         // marks
#include <string_view>    // names
#include <vector>         // batches

#include <muster/core/bytes.hpp>      // MiB
#include <muster/core/context.hpp>    // context
#include <muster/core/outcome.hpp>    // outcome
#include <muster/core/waiter.hpp>     // instant, never

namespace muster {

/// How far a partition of a source was read: what a journal keeps of it.
struct source_position {
    std::uint64_t offset = 0;    ///< of the next record
    std::string mark{};          ///< by which the source tells that it is still the one that was read; its own affair
    friend bool operator==(source_position const&, source_position const&) = default;
};

/// One record, or why it cannot be read: then it becomes a dead letter.
template <class T>
struct source_record {
    std::uint64_t offset = 0;
    outcome<T> value;
};

/// What one `read` fills in. The records may refer to the source, until its next `read`.
template <class T>
struct source_batch {
    std::vector<source_record<T>> records;
    std::uint64_t next = 0;    ///< the offset behind the last
    bool ended = false;        ///< nothing will follow

    void begin(std::uint64_t at) {
        records.clear();
        next = at;
        ended = false;
    }
};

/// When a `read` is enough.
struct read_bounds {
    std::size_t records = 1'000;
    std::size_t bytes = 8 * MiB;
    std::chrono::nanoseconds linger{};    ///< how long after the first record to wait for more, where the source grows
    instant until = never;                ///< how long to wait for the first record
};

/// Records with offsets that stay: what a durable run reads, and reads again from where it was committed.
///
/// `value_type` is what a task is called with; `name()` stays the same from run to run, for the journal knows the source by it.
template <class S>
concept record_source = requires(S& from, context& cx, std::uint64_t number, source_position const& at, read_bounds const& bounds,
                                 source_batch<typename S::value_type>& into) {
    { from.name() } -> std::convertible_to<std::string_view>;
    { from.partitions() } -> std::convertible_to<std::uint64_t>;
    // Called once for each partition, before it is read: fails where it is no longer what was read up to there.
    { from.resume(cx, number, at) } -> std::same_as<outcome<void>>;
    // The records of a partition from an offset on. Waits where it grows; a stop ends the wait with what there is, and no failure.
    { from.read(cx, number, number, bounds, into) } -> std::same_as<outcome<void>>;
    // The mark to be kept with an offset that was read up to.
    { from.mark(number, number) } -> std::same_as<outcome<std::string>>;
};

namespace detail {
template <class S>
inline constexpr bool is_record_source = record_source<S>;
}  // namespace detail

}  // namespace muster
