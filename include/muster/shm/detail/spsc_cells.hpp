#pragma once

#include <algorithm>    // min
#include <atomic>       // positions
#include <cstddef>      // byte
#include <cstdint>      // uint64_t
#include <cstring>      // memcpy

#include <muster/shm/detail/ring_head.hpp>    // ring_head

namespace muster::detail {

/// The values of a ring with one producer and one consumer: one behind the other, in front of the tail and from the head on. Each side
/// writes its own position, after the bytes; whoever dies before has changed nothing, and the next one goes on from there.
template <class T>
class spsc_cells {
public:
    static constexpr std::uint64_t most = std::uint64_t{1} << 40;
    static constexpr std::uint64_t begin = sizeof(ring_head);
    static constexpr std::uint64_t size(std::uint64_t capacity) noexcept {
        return capacity > (UINT64_MAX - begin) / sizeof(T) ? UINT64_MAX : begin + capacity * sizeof(T);
    }

    spsc_cells(std::byte* memory, ring_head& at, std::uint64_t capacity) noexcept
        : at_(at), bytes_(memory + begin), capacity_(capacity) {}

    /// False where no producer could be told from another any more.
    [[nodiscard]] static constexpr bool enter() noexcept { return true; }

    [[nodiscard]] std::size_t push(T const* from, std::size_t n) noexcept {
        auto tail = at_.tail.load(std::memory_order_relaxed);    // this side's own
        if ((tail & closed_bit) != 0) return 0;
        if (tail - seen_head_ > capacity_ || n > capacity_ - (tail - seen_head_)) seen_head_ = at_.head.load();
        if (tail - seen_head_ > capacity_) return 0;    // no ring says this
        n = static_cast<std::size_t>(std::min<std::uint64_t>(n, capacity_ - (tail - seen_head_)));
        if (n == 0) return 0;
        auto const at = tail & (capacity_ - 1);
        auto const first = std::min<std::uint64_t>(n, capacity_ - at);
        std::memcpy(place(at), from, first * sizeof(T));
        if (first < n) std::memcpy(place(0), from + first, (n - first) * sizeof(T));
        // The word of `close`, too: what was closed gets nothing more. Seen before the bell is looked at.
        return at_.tail.compare_exchange_strong(tail, tail + n) ? n : 0;
    }

    [[nodiscard]] std::size_t pop(void* to, std::size_t n) noexcept {
        auto const head = at_.head.load(std::memory_order_relaxed);    // this side's own
        if (seen_tail_ - head > capacity_ || seen_tail_ - head < n) seen_tail_ = at_.tail.load() & ~closed_bit;
        if (seen_tail_ - head > capacity_) return 0;    // no ring says this
        n = static_cast<std::size_t>(std::min<std::uint64_t>(n, seen_tail_ - head));
        if (n == 0) return 0;
        auto const at = head & (capacity_ - 1);
        auto const first = std::min<std::uint64_t>(n, capacity_ - at);
        std::memcpy(to, place(at), first * sizeof(T));
        if (first < n) std::memcpy(static_cast<std::byte*>(to) + first * sizeof(T), place(0), (n - first) * sizeof(T));
        at_.head.store(head + n);    // seen before the bell is looked at
        return n;
    }

    void close() noexcept { at_.tail.fetch_or(closed_bit); }
    [[nodiscard]] bool closed() const noexcept { return (at_.tail.load() & closed_bit) != 0; }

private:
    static constexpr std::uint64_t closed_bit = std::uint64_t{1} << 63;

    [[nodiscard]] std::byte* place(std::uint64_t at) const noexcept { return bytes_ + at * sizeof(T); }

    ring_head& at_;
    std::byte* bytes_;
    std::uint64_t capacity_;
    // What each side last saw of the other's position. Old ones are harmless: a position only grows.
    alignas(64) std::uint64_t seen_head_ = 0;
    alignas(64) std::uint64_t seen_tail_ = 0;
};

}  // namespace muster::detail
