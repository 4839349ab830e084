#pragma once

#include <algorithm>    // min
#include <atomic>       // atomic_ref
#include <bit>          // countr_zero
#include <cstddef>      // size_t
#include <cstdint>      // uint64_t
#include <optional>     // a chunk that may not be there

#include <muster/os/shared_memory.hpp>           // shared_memory
#include <muster/shm/detail/arena_layout.hpp>    // arena_layout
#include <muster/shm/detail/arena_words.hpp>     // the words

namespace muster::detail {

/// What stands at the beginning of an arena; below it the words that everybody changes.
struct arena_header {
    static constexpr std::uint64_t current = 0x6d75737465726131;    // changes with the layout

    std::uint64_t mark = 0;
    std::uint64_t id = 0;
    std::uint64_t capacity = 0;
    std::uint64_t page = 0;
    std::uint64_t zero_on_free = 0;
};

/// The shared words of an arena, and the few changes to them that take more than one step.
///
/// Any word may be anything, for a process that went wrong may have written it: each is read once, cut to what is possible, and
/// then believed. Every loop has an end that does not depend on them.
///
/// The count of pages must be exact also when a process is killed between counting pages and noting that it did. So the word of
/// the total names the chunk whose pages changed it last, and the turn of that chunk: whoever changes it next first notes at that
/// chunk that this turn was counted. Of a chunk left in the middle it is therefore known, whenever somebody asks, whether its
/// turn was counted: the total names it, or it is noted, or it was not.
class arena_book {
public:
    arena_book(shared_memory const& memory, arena_layout const& layout) noexcept : base_(memory.data()), layout_(&layout) {}

    using word_ref = std::atomic_ref<std::uint64_t>;

    [[nodiscard]] word_ref chunk(std::uint32_t which) const noexcept { return at(layout_->record(which)); }
    [[nodiscard]] word_ref owner(std::size_t place) const noexcept { return at(layout_->owners_at + place * sizeof(std::uint64_t)); }
    [[nodiscard]] word_ref sweeps() const noexcept { return at(counters_at); }
    [[nodiscard]] word_ref reclaimed() const noexcept { return at(counters_at + sizeof(std::uint64_t)); }

    /// How many chunks of a class were ever taken: those after them are as the memory was made.
    [[nodiscard]] std::uint32_t begun(std::size_t k) const noexcept {
        return static_cast<std::uint32_t>(std::min<std::uint64_t>(at(layout_->of(k).fresh).load(), layout_->of(k).chunks));
    }

    /// The pages of a chunk that nobody changes.
    [[nodiscard]] std::size_t pages(std::uint32_t which) const noexcept {
        return std::min<std::size_t>(pages_word::of(pages_at(which).load()).to, layout_->chunk_pages(which));
    }
    /// The pages of all chunks.
    [[nodiscard]] std::size_t total() const noexcept {
        return std::min<std::size_t>(total_word::of(total_at().load()).pages, layout_->pages());
    }

    /// Counts `to` pages for a chunk that the caller has taken; false when there is no room for that many.
    [[nodiscard]] bool count(std::uint32_t which, std::size_t to) const noexcept;
    /// Finds out how many pages are counted for a chunk that the caller has taken from somebody who died.
    void settle(std::uint32_t which) const noexcept;

    /// A chunk of class `k` that was idle when it was looked at, and what its word was then; it is no longer marked as idle.
    struct idle_chunk {
        std::uint32_t which;
        std::uint64_t word;
    };
    [[nodiscard]] std::optional<idle_chunk> pick(std::size_t k, std::atomic<std::uint32_t>& hint) const noexcept;
    /// Marks a chunk so that `pick` looks at it: after its word says that it is idle.
    void mark(std::uint32_t which) const noexcept {
        auto const place = arena_layout::place_of(which);
        auto const bits = bits_at(arena_layout::class_of(which), place / 64);
        auto const bit = std::uint64_t{1} << (place % 64);
        if ((bits.load() & bit) == 0) bits.fetch_or(bit);
    }

private:
    static constexpr std::size_t total_offset = 64;
    static constexpr std::size_t counters_at = 128;
    static constexpr int patience = 1 << 16;    // tries that live processes never need, and that an evil one cannot exceed
    static_assert(word_ref::is_always_lock_free);

    [[nodiscard]] word_ref at(std::size_t offset) const noexcept {
        return word_ref{*reinterpret_cast<std::uint64_t*>(base_ + offset)};
    }
    [[nodiscard]] word_ref pages_at(std::uint32_t which) const noexcept { return at(layout_->record(which) + sizeof(std::uint64_t)); }
    [[nodiscard]] word_ref turn_at(std::uint32_t which) const noexcept {
        return at(layout_->record(which) + 2 * sizeof(std::uint64_t));
    }
    [[nodiscard]] word_ref total_at() const noexcept { return at(total_offset); }
    [[nodiscard]] word_ref bits_at(std::size_t k, std::size_t word) const noexcept {
        return at(layout_->of(k).bits + word * sizeof(std::uint64_t));
    }

    void note(total_word last) const noexcept {
        if (!layout_->has(last.chunk)) return;
        auto before = total_word::previous(last.turn);
        turn_at(last.chunk).compare_exchange_strong(before, last.turn);    // else somebody else did
    }
    void set_pages(std::uint32_t which, std::size_t pages) const noexcept {
        auto const exactly = static_cast<std::uint32_t>(pages);
        pages_at(which).store(pages_word{.from = exactly, .to = exactly}.word());
    }
    [[nodiscard]] std::optional<idle_chunk> look(std::size_t k, std::uint32_t place) const noexcept {
        auto const which = arena_layout::chunk(k, place);
        auto const word = chunk(which).load();
        if (chunk_word::of(word).state != chunk_state::idle) return std::nullopt;
        return idle_chunk{which, word};
    }

    std::byte* base_;
    arena_layout const* layout_;
};

// Implementation

inline bool arena_book::count(std::uint32_t which, std::size_t to) const noexcept {
    auto const from = pages(which);
    auto const turn = total_word::next(turn_at(which).load());
    pages_at(which).store(pages_word{.from = static_cast<std::uint32_t>(from), .to = static_cast<std::uint32_t>(to),
                                     .turn = static_cast<std::uint8_t>(turn & 63)}.word());
    auto now = total_at().load();
    for (int tries = 0; tries < patience; ++tries) {
        auto const last = total_word::of(now);
        note(last);
        auto const others = last.pages - std::min<std::size_t>(last.pages, from);
        if (to > from && others + to > layout_->pages()) break;
        total_word const next{static_cast<std::uint32_t>(others + to), which, static_cast<std::uint16_t>(turn)};
        if (total_at().compare_exchange_weak(now, next.word())) {
            note(next);
            set_pages(which, to);
            return true;
        }
    }
    set_pages(which, from);
    return false;
}

inline void arena_book::settle(std::uint32_t which) const noexcept {
    note(total_word::of(total_at().load()));    // first: whoever replaces the total has noted what it said
    auto const left = pages_word::of(pages_at(which).load());
    auto const counted = left.from == left.to || left.in_turn(turn_at(which).load());
    set_pages(which, std::min<std::size_t>(counted ? left.to : left.from, layout_->chunk_pages(which)));
}

inline auto arena_book::pick(std::size_t k, std::atomic<std::uint32_t>& hint) const noexcept -> std::optional<idle_chunk> {
    auto const& its = layout_->of(k);
    auto const words = (begun(k) + std::size_t{63}) / 64;
    // relaxed: pairs with nothing; any number will do
    std::size_t const first = hint.load(std::memory_order_relaxed);
    for (std::size_t n = 0; n < words; ++n) {
        auto const word = (first + n) % words;
        auto const bits = bits_at(k, word);
        auto seen = bits.load();
        for (int tries = 0; seen != 0 && tries < 128; ++tries) {
            auto const bit = seen & (~seen + 1);
            auto const before = bits.fetch_and(~bit);
            seen = before & ~bit;
            auto const place = static_cast<std::uint32_t>(word * 64) + static_cast<std::uint32_t>(std::countr_zero(bit));
            if ((before & bit) == 0 || place >= its.chunks) continue;
            if (auto found = look(k, place)) {
                // relaxed: pairs with nothing
                hint.store(static_cast<std::uint32_t>(word), std::memory_order_relaxed);
                return found;
            }
        }
    }
    auto const fresh = at(its.fresh);
    auto next = fresh.load();
    for (int tries = 0; next < its.chunks && tries < patience; ++tries) {
        if (!fresh.compare_exchange_weak(next, next + 1)) continue;
        if (auto found = look(k, static_cast<std::uint32_t>(next))) return found;
        ++next;
    }
    return std::nullopt;
}

}  // namespace muster::detail
