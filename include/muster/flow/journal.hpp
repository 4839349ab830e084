#pragma once

#include <concepts>       // same_as
#include <cstddef>        // byte
#include <cstdint>        // uint64_t
#include <optional>       // what is forgotten
#include <span>           // entries
#include <string_view>    // names
#include <vector>         // positions

#include <muster/core/context.hpp>            // context, origin
#include <muster/core/outcome.hpp>            // outcome
#include <muster/flow/dead_letter.hpp>        // dead_letter
#include <muster/flow/record_source.hpp>      // source_position

namespace muster {

/// What an operator remembers: all of it, or what it does of one key.
struct journal_state {
    std::uint64_t place = 0;          ///< of the operator in its flow: 0 for the first operator
    std::uint64_t shape = 0;          ///< fingerprint of its type: bytes of another are not read
    std::vector<std::byte> key{};     ///< empty: of no key
    std::optional<std::vector<std::byte>> bytes{};    ///< none: it is forgotten
    friend bool operator==(journal_state const&, journal_state const&) = default;
};

/// Where a run begins.
struct journal_start {
    std::uint64_t epoch = 0;                      ///< of this run: one more than that of the one before
    std::vector<source_position> positions{};     ///< of each partition
    std::vector<journal_state> states{};          ///< all that was committed and not forgotten
};

/// A value that came out of a flow, and what it was made of.
template <class T>
struct journal_output {
    origin from;
    T value;
};

/// The output of a flow that answers nothing.
struct no_output {};

/// What is committed at once: all of it, or nothing.
template <class T>
struct journal_entry {
    std::string_view source{};
    std::uint64_t partition = 0;
    std::uint64_t epoch = 0;
    std::span<journal_output<T> const> outputs{};
    std::span<dead_letter const> dead{};
    std::span<journal_state const> states{};  ///< what is another than before, by place and key
    source_position const* next = nullptr;    ///< up to where the partition is done with; null: as before
};

/// What a durable run writes to, and begins again from.
template <class J, class T>
concept journal_for = requires(J& to, context& cx, std::string_view source, std::uint64_t partitions, journal_entry<T> const& entry) {
    // Takes the source over from any earlier run, whose commits fail from then on.
    { to.begin(cx, source, partitions) } -> std::same_as<outcome<journal_start>>;
    // One transaction; cause::rejected, and nothing written, where a later run has begun.
    { to.commit(cx, entry) } -> std::same_as<outcome<void>>;
};

/// A journal that keeps the states of operators, and gives them back at `begin`: it says so by `static constexpr bool keeps_states = true;`.
template <class J>
concept state_journal = requires { requires J::keeps_states; };

namespace detail {
template <class J, class T>
inline constexpr bool is_journal_for = journal_for<J, T>;
template <class J>
inline constexpr bool is_state_journal = state_journal<J>;
}  // namespace detail

}  // namespace muster
