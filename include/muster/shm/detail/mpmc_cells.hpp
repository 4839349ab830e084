#pragma once

#include <algorithm>    // max
#include <array>        // bytes of a value
#include <atomic>       // words
#include <bit>          // bit_ceil
#include <chrono>       // patience
#include <cstddef>      // byte
#include <cstdint>      // uint64_t
#include <cstring>      // memcpy
#include <new>          // launder

#include <sched.h>    // sched_yield

#include <muster/os/relax.hpp>                  // relax
#include <muster/shm/detail/arena_words.hpp>    // bit_field
#include <muster/shm/detail/ring_head.hpp>      // ring_head
#include <muster/shm/detail/ring_owners.hpp>    // ring_owner, ring_owners

namespace muster::detail {

enum class cell_state : std::uint8_t {
    empty,      // for the producer of this lap
    late,       // its producer was too slow: his position was passed, and nobody uses the cell until he is through, or dead
    writing,    // its producer's
    full        // for whoever takes it by changing the word
};

/// What a cell is for in which lap around the ring, and whose it is. It only moves on: through the states of a lap, then to the next.
struct cell_word {
    cell_state state = cell_state::empty;
    ring_owner owner{};
    std::uint64_t lap = 0;    // its low bits: they repeat after 10^12 laps

    static constexpr cell_word of(std::uint64_t word) noexcept {
        return {static_cast<cell_state>(state_at::get(word)),
                {static_cast<std::uint16_t>(place_at::get(word)), static_cast<std::uint16_t>(generation_at::get(word))},
                lap_at::get(word)};
    }
    [[nodiscard]] constexpr std::uint64_t word() const noexcept {
        return state_at::put(static_cast<std::uint64_t>(state)) | place_at::put(owner.place) | generation_at::put(owner.generation) |
               lap_at::put(lap);
    }
    /// How many laps it is ahead of that one.
    [[nodiscard]] constexpr std::int64_t ahead_of(std::uint64_t other) const noexcept {
        return static_cast<std::int64_t>(lap_at::put(lap) - lap_at::put(other));    // the lap is at the top: the sign is right
    }

private:
    using state_at = bit_field<0, 2>;
    using place_at = bit_field<2, 10>;
    using generation_at = bit_field<12, 12>;
    using lap_at = bit_field<24, 40>;
};

/// The values of a ring with any number of producers and consumers, each in a cell whose word says all that matters. The positions in
/// the head are hints that anybody moves on who sees that they are behind.
///
/// A producer claims a cell with his name in the word, writes, and makes it full. A consumer reads first and takes afterwards: he who
/// loses the exchange has read what may be torn, and forgets it; he who dies leaves nothing behind. A consumer who finds a cell that
/// is being written for too long passes it: it is empty again when the writer is dead, for nothing that he wrote comes later; else
/// it is `late`, and the writer, when he comes to the end, finds that out, hands the cell back, and takes another.
template <class T>
class mpmc_cells {
    static constexpr std::size_t words = std::max<std::size_t>(1, (sizeof(T) + 7) / 8);
    static constexpr std::size_t line(std::size_t size) noexcept { return size >= 64 ? 64 : std::bit_ceil(size); }

    struct alignas(line(8 + 8 * words)) cell {
        std::atomic<std::uint64_t> word{0};
        std::array<std::atomic<std::uint64_t>, words> bytes{};
    };

public:
    static constexpr std::uint64_t most = std::uint64_t{1} << 32;
    static constexpr std::uint64_t begin = sizeof(ring_head) + sizeof(ring_owners::table);
    static constexpr std::uint64_t size(std::uint64_t capacity) noexcept {
        return capacity > (UINT64_MAX - begin) / sizeof(cell) ? UINT64_MAX : begin + capacity * sizeof(cell);
    }

    mpmc_cells(std::byte* memory, ring_head& at, std::uint64_t capacity)
        : at_(at), cells_(std::launder(reinterpret_cast<cell*>(memory + begin))), mask_(capacity - 1),
          lap_shift_(static_cast<unsigned>(std::countr_zero(capacity))),
          owners_(*std::launder(reinterpret_cast<ring_owners::table*>(memory + sizeof(ring_head)))) {}

    /// False where no producer could be told from another any more.
    [[nodiscard]] bool enter() noexcept { return bool{owners_.me()}; }

    [[nodiscard]] std::size_t push(T const* from, std::size_t n) noexcept {
        auto const me = owners_.me();
        std::size_t pushed = 0;
        if (me)
            while (pushed < n && push_one(from + pushed, me)) ++pushed;
        return pushed;
    }

    [[nodiscard]] std::size_t pop(void* to, std::size_t n) noexcept {
        std::size_t popped = 0;
        while (popped < n && pop_one(static_cast<std::byte*>(to) + popped * sizeof(T))) ++popped;
        return popped;
    }

    void close() noexcept { at_.closed.store(1); }
    [[nodiscard]] bool closed() const noexcept { return at_.closed.load() != 0; }

private:
    using clock = std::chrono::steady_clock;

    [[nodiscard]] cell& cell_at(std::uint64_t at) const noexcept { return cells_[at & mask_]; }
    [[nodiscard]] std::uint64_t lap_of(std::uint64_t at) const noexcept { return at >> lap_shift_; }

    // Moves a hint on from a position, unless somebody did; what it says now.
    static std::uint64_t behind(std::atomic<std::uint64_t>& hint, std::uint64_t at) noexcept {
        auto now = at;
        return hint.compare_exchange_strong(now, at + 1) ? at + 1 : now;
    }

    bool push_one(T const* from, ring_owner me) noexcept {
        if (closed()) return false;
        std::uint64_t passed = 0;    // cells that are out of use
        for (auto at = at_.tail.load();;) {
            auto& here = cell_at(at);
            auto const lap = lap_of(at);
            auto word = here.word.load();
            auto const has = cell_word::of(word);
            auto const ahead = has.ahead_of(lap);
            if (ahead < 0) return false;    // what was there a lap ago still is
            if (ahead == 0 && has.state == cell_state::empty) {
                auto const mine = cell_word{cell_state::writing, me, lap}.word();
                if (!here.word.compare_exchange_strong(word, mine)) continue;
                // Looked at once more, after the claim: whoever closes the ring and sees no claim gets nothing after that.
                auto const stays = !closed();
                if (stays) write(here, from);
                word = mine;
                if (here.word.compare_exchange_strong(word, stays ? cell_word{cell_state::full, {}, lap}.word()
                                                                  : cell_word{cell_state::empty, {}, lap + 1}.word())) {
                    (void)behind(at_.tail, at);
                    return stays;
                }
                hand_back(here);
                if (!stays) return false;
                at = at_.tail.load();
            } else if (ahead == 0 && has.state == cell_state::late) {
                if (passed > 2 * mask_ + 1) return false;
                // Its writer may have died since. That is asked now and then, and where all cells are late.
                auto const ask = lap % 16 == 0 || passed > mask_;
                auto const next = ask && owners_.gone(has.owner) ? cell_word{cell_state::empty, {}, lap}
                                                                 : cell_word{cell_state::late, has.owner, lap + 1};
                if (here.word.compare_exchange_strong(word, next.word())) ++passed;
            } else {
                at = behind(at_.tail, at);
            }
        }
    }

    bool pop_one(std::byte* to) noexcept {
        for (auto at = at_.head.load();;) {
            auto& here = cell_at(at);
            auto const lap = lap_of(at);
            auto word = here.word.load();
            auto const has = cell_word::of(word);
            auto const ahead = has.ahead_of(lap);
            if (ahead > 0) {
                at = behind(at_.head, at);
            } else if (ahead < 0 || has.state == cell_state::empty || has.state == cell_state::late) {
                return false;    // nobody has claimed this position, and so none behind it
            } else if (has.state == cell_state::full) {
                values read;
                for (std::size_t i = 0; i < words; ++i)
                    read[i] = here.bytes[i].load(std::memory_order_relaxed);    // ordered by the exchange of the word, or forgotten
                if (!here.word.compare_exchange_strong(word, cell_word{cell_state::empty, {}, lap + 1}.word())) continue;
                std::memcpy(to, read.data(), sizeof(T));
                (void)behind(at_.head, at);
                return true;
            } else if (!changes(here, word)) {
                auto const next = owners_.gone(has.owner) ? cell_word{cell_state::empty, {}, lap + 1}
                                                          : cell_word{cell_state::late, has.owner, lap + 1};
                if (here.word.compare_exchange_strong(word, next.word())) at_.room.ring();
            }
        }
    }

    using values = std::array<std::uint64_t, words>;

    void write(cell& here, T const* from) noexcept {
        values written{};
        std::memcpy(written.data(), from, sizeof(T));
        for (std::size_t i = 0; i < words; ++i)
            here.bytes[i].store(written[i], std::memory_order_relaxed);    // published by the exchange of the word
    }

    // A cell that is this producer's, and late.
    void hand_back(cell& here) noexcept {
        auto word = here.word.load();
        while (!here.word.compare_exchange_strong(word, cell_word{cell_state::empty, {}, cell_word::of(word).lap}.word())) {}
        at_.room.ring();
    }

    // Gives the writer of a cell time to come to the end: he may have been interrupted.
    static bool changes(cell const& here, std::uint64_t word) noexcept {
        for (int turn = 0; turn < 200; ++turn) {
            if (here.word.load() != word) return true;
            relax();
        }
        auto const until = clock::now() + patience;
        do {
            ::sched_yield();
            if (here.word.load() != word) return true;
        } while (clock::now() < until);
        return false;
    }

    static constexpr std::chrono::nanoseconds patience{20'000 + 10 * sizeof(T)};    // a copy takes a hundredth of that

    ring_head& at_;
    cell* cells_;
    std::uint64_t mask_;
    unsigned lap_shift_;
    ring_owners owners_;
};

}  // namespace muster::detail
