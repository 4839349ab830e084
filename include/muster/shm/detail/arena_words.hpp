#pragma once

#include <cstdint>    // uint64_t

namespace muster::detail {

/// Members of one 64-bit word, so that one compare-and-swap changes them all. Zeros are the state of memory that nobody has used.
template <unsigned At, unsigned Bits>
struct bit_field {
    static constexpr std::uint64_t mask = (std::uint64_t{1} << Bits) - 1;
    static constexpr std::uint64_t get(std::uint64_t word) noexcept { return (word >> At) & mask; }
    static constexpr std::uint64_t put(std::uint64_t value) noexcept { return (value & mask) << At; }
};

enum class chunk_state : std::uint8_t {
    idle,     // nobody's; the pages it has are kept for whoever takes it next
    taken,    // one thread of its owner changes its pages, or zeroes it: what is in it means nothing
    used,     // its owner's
    given,    // sent by its owner, and not adopted yet
    kept,     // released by its owner while others may still use it
};

/// Whose a chunk is, and what for.
struct chunk_word {
    chunk_state state = chunk_state::idle;
    std::uint16_t owner = 0;               // its place in the table, 0 for nobody
    std::uint16_t owner_generation = 0;    // how often that place was given up before
    std::uint32_t generation = 0;          // how often the chunk was freed

    static constexpr chunk_word of(std::uint64_t word) noexcept {
        return {static_cast<chunk_state>(state_at::get(word)), static_cast<std::uint16_t>(owner_at::get(word)),
                static_cast<std::uint16_t>(owner_generation_at::get(word)), static_cast<std::uint32_t>(generation_at::get(word))};
    }
    [[nodiscard]] constexpr std::uint64_t word() const noexcept {
        return state_at::put(static_cast<std::uint64_t>(state)) | owner_at::put(owner) | owner_generation_at::put(owner_generation) |
               generation_at::put(generation);
    }

private:
    using state_at = bit_field<0, 4>;
    using owner_at = bit_field<4, 12>;
    using owner_generation_at = bit_field<16, 16>;
    using generation_at = bit_field<32, 32>;
};

/// How many pages a chunk has; while that changes, from what to what, and in which of its turns.
struct pages_word {
    std::uint32_t from = 0;
    std::uint32_t to = 0;
    std::uint8_t turn = 0;    // the low bits of the turn

    static constexpr pages_word of(std::uint64_t word) noexcept {
        return {static_cast<std::uint32_t>(from_at::get(word)), static_cast<std::uint32_t>(to_at::get(word)),
                static_cast<std::uint8_t>(turn_at::get(word))};
    }
    [[nodiscard]] constexpr std::uint64_t word() const noexcept { return from_at::put(from) | to_at::put(to) | turn_at::put(turn); }
    /// Whether `whole`, a turn of `total_word`, is this one.
    [[nodiscard]] constexpr bool in_turn(std::uint64_t whole) const noexcept { return turn_at::get(turn_at::put(whole)) == turn; }

private:
    using from_at = bit_field<0, 29>;
    using to_at = bit_field<29, 29>;
    using turn_at = bit_field<58, 6>;
};

/// How many pages all chunks have together, and which chunk's turn made it so.
struct total_word {
    std::uint32_t pages = 0;
    std::uint32_t chunk = 0;
    std::uint16_t turn = 0;

    static constexpr std::uint64_t next(std::uint64_t turn) noexcept { return (turn + 1) & turn_at::mask; }
    static constexpr std::uint64_t previous(std::uint64_t turn) noexcept { return (turn - 1) & turn_at::mask; }

    static constexpr total_word of(std::uint64_t word) noexcept {
        return {static_cast<std::uint32_t>(pages_at::get(word)), static_cast<std::uint32_t>(chunk_at::get(word)),
                static_cast<std::uint16_t>(turn_at::get(word))};
    }
    [[nodiscard]] constexpr std::uint64_t word() const noexcept {
        return pages_at::put(pages) | chunk_at::put(chunk) | turn_at::put(turn);
    }

private:
    using pages_at = bit_field<0, 29>;
    using chunk_at = bit_field<29, 20>;
    using turn_at = bit_field<49, 15>;
};

/// Which process is at a place of the table of owners: pid 0 is none.
struct owner_word {
    std::uint32_t pid = 0;           // Linux gives numbers up to 2^22
    std::uint32_t start_time = 0;    // its low bits: they repeat after a week
    std::uint16_t generation = 0;

    static constexpr std::uint32_t low(std::uint64_t start_time) noexcept {
        return static_cast<std::uint32_t>(start_time & start_at::mask);
    }
    static constexpr owner_word of(std::uint64_t word) noexcept {
        return {static_cast<std::uint32_t>(pid_at::get(word)), static_cast<std::uint32_t>(start_at::get(word)),
                static_cast<std::uint16_t>(generation_at::get(word))};
    }
    [[nodiscard]] constexpr std::uint64_t word() const noexcept {
        return pid_at::put(pid) | start_at::put(start_time) | generation_at::put(generation);
    }

private:
    using pid_at = bit_field<0, 22>;
    using start_at = bit_field<22, 26>;
    using generation_at = bit_field<48, 16>;
};

}  // namespace muster::detail
