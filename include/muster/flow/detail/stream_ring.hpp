#pragma once

#include <algorithm>    // min
#include <atomic>       // turns, ends, room
#include <bit>          // bit_ceil
#include <cstddef>      // size_t
#include <cstdint>      // uint64_t
#include <memory>       // construct_at, destroy_at, unique_ptr
#include <thread>       // yield
#include <utility>      // forward, move

#include <muster/os/relax.hpp>    // relax

namespace muster::detail {

/// What waits between two stages of a stream: a bounded queue for any number of producers and consumers, without a lock.
///
/// A producer first reserves room, then claims a place, then fills it, or leaves it out. So whoever reserves before it takes its own
/// input never has an answer that it cannot put down, and places that are claimed in the order of the input keep that order.
///
/// Source     D. Vyukov, bounded MPMC queue: each slot has a turn that says whose it is.
template <class T>
class stream_ring {
public:
    using item = T;
    static constexpr bool plain = true;    // nothing but this: what goes past it is as what goes through it
    static constexpr bool in_turn = true;

    explicit stream_ring(std::size_t room) : mask_(std::bit_ceil(room + 1) - 1), size_(room), slots_(new slot[mask_ + 1]), room_(static_cast<std::int64_t>(room)) {
        for (std::size_t i = 0; i <= mask_; ++i) slots_[i].turn.store(filled_turn(i) - 1, std::memory_order_relaxed);    // nobody else is here yet
    }
    stream_ring(stream_ring const&) = delete;
    ~stream_ring() {
        for (auto at = head_.load(); at != tail_.load(); ++at) {
            auto& from = slots_[at & mask_];
            if (from.turn.load() == filled_turn(at) && from.there) std::destroy_at(&from.value);
        }
    }

    // Producers

    /// Room for up to `most` items; gives how many.
    [[nodiscard]] std::size_t reserve(std::size_t most) noexcept {
        auto now = room_.load(std::memory_order_relaxed);
        while (now > 0) {
            auto const some = std::min(now, static_cast<std::int64_t>(most));
            // acquire: pairs with `free` of the consumer that emptied the slot
            if (room_.compare_exchange_weak(now, now - some, std::memory_order_acquire, std::memory_order_relaxed)) return static_cast<std::size_t>(some);
        }
        return 0;
    }
    /// Gives room back, that was reserved and not used, or whose items were taken.
    // sequential: whoever frees it then looks whether anybody is awake to use it
    void free(std::size_t count) noexcept {
        if (count != 0) room_.fetch_add(static_cast<std::int64_t>(count));
    }

    /// Claims `count` places in a row, for which room is reserved; gives the first.
    [[nodiscard]] std::uint64_t claim(std::size_t count = 1) noexcept { return tail_.fetch_add(count, std::memory_order_relaxed); }

    template <class... Args>
    void fill(std::uint64_t at, Args&&... args) noexcept(std::is_nothrow_constructible_v<T, Args...>) {
        auto& to = emptied(at);
        std::construct_at(&to.value, std::forward<Args>(args)...);
        to.there = true;
        to.turn.store(filled_turn(at));    // sequential: the producer then looks whether anybody is awake to take it
    }
    /// Nothing will come to this place.
    void leave_out(std::uint64_t at) noexcept {
        auto& to = emptied(at);
        to.there = false;
        to.turn.store(filled_turn(at));    // as above
    }
    /// Nothing more is claimed.
    void end() noexcept { ended_.store(true); }

    // Consumers

    /// Takes up to `most` items that are there in a row, `use(T&&)` for each, which does not throw; gives how many places that emptied,
    /// those that were left out among them. Their room is the caller's to `free`.
    template <class Use>
    [[nodiscard]] std::size_t take(std::size_t most, Use const& use) noexcept {
        auto at = head_.load(std::memory_order_relaxed);
        for (;;) {
            std::size_t count = 0;
            // acquire: pairs with `fill`
            while (count != most && slots_[(at + count) & mask_].turn.load(std::memory_order_acquire) == filled_turn(at + count)) ++count;
            if (count == 0) {
                auto const now = head_.load(std::memory_order_relaxed);
                if (now == at) return 0;
                at = now;    // somebody else was faster
                continue;
            }
            if (!head_.compare_exchange_weak(at, at + count)) continue;
            for (auto const last = at + count; at != last; ++at) {
                auto& from = slots_[at & mask_];
                if (from.there) {
                    use(std::move(from.value));
                    std::destroy_at(&from.value);
                }
                from.turn.store(filled_turn(at + mask_ + 1) - 1, std::memory_order_release);    // pairs with `emptied`
            }
            return count;
        }
    }

    /// True when an item, or a place that was left out, is there to be taken.
    [[nodiscard]] bool ready() const noexcept {
        auto const at = head_.load();
        return slots_[at & mask_].turn.load() == filled_turn(at) || head_.load() != at;
    }
    /// True when nothing waits and nothing will come. Stays true.
    [[nodiscard]] bool over() const noexcept { return ended_.load() && head_.load() == tail_.load(); }
    [[nodiscard]] bool ended() const noexcept { return ended_.load(); }

    /// How many places are claimed and not yet taken.
    [[nodiscard]] std::size_t waiting() const noexcept {
        auto const from = head_.load();    // first: the tail never lies before it
        return static_cast<std::size_t>(tail_.load() - from);
    }
    [[nodiscard]] bool has_room(std::size_t items = 1) const noexcept { return room_.load() >= static_cast<std::int64_t>(items); }
    /// True when it is worth waking a producer.
    [[nodiscard]] bool asks() const noexcept { return has_room() && 2 * waiting() <= size_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
    struct slot {
        slot() noexcept {}
        ~slot() {}
        std::atomic<std::uint64_t> turn;
        bool there = false;
        union { T value; };
    };
    // Turns of place `at`: one less than this is "to be filled", this is "to be taken".
    static std::uint64_t filled_turn(std::uint64_t at) noexcept { return 2 * at + 1; }

    // The consumer before us may be on its way out still: room is counted, and not tied to a place.
    slot& emptied(std::uint64_t at) noexcept {
        auto& to = slots_[at & mask_];
        for (unsigned looked = 0; to.turn.load(std::memory_order_acquire) != filled_turn(at) - 1; ++looked) {    // pairs with `take`
            if (looked < 64) relax();
            else std::this_thread::yield();
        }
        return to;
    }

    std::size_t const mask_, size_;
    std::unique_ptr<slot[]> const slots_;
    alignas(64) std::atomic<std::uint64_t> head_{0};
    alignas(64) std::atomic<std::uint64_t> tail_{0};
    std::atomic<bool> ended_{false};
    alignas(64) std::atomic<std::int64_t> room_;
};

}  // namespace muster::detail
