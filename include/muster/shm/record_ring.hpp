#pragma once

#include <atomic>      // positions
#include <cstddef>     // byte
#include <cstdint>     // uint64_t
#include <new>         // launder

namespace muster {

// A ring of records between two processes: one writes, one reads. The bytes are mapped twice, one mapping behind the other, so that
// every record is in one piece. Nothing is locked: whoever dies holds nobody up, and everything that he published can be read.
//
// Each side keeps its own position to itself and takes the other's from the memory, where a hostile peer may have written
// anything: every number is read once, and checked against the own position before it is used. What fails that check is
// `broken()`: the peer is not to be talked to again.

/// What stands before the bytes of a record. The claim is the one word of it that both sides write.
struct record {
    static constexpr std::uint32_t queued = 0, claimed = 1, withdrawn = 2;

    std::atomic<std::uint32_t> claim{queued};    ///< the reader takes it by exchanging `queued` for `claimed`; the writer takes it back by `withdrawn`
    std::uint16_t kind = 0;
    std::uint16_t more = 0;                      ///< not 0: its bytes go on in the next record
    std::uint32_t size = 0;                      ///< bytes behind it
    std::uint32_t program = 0;
    std::uint64_t id = 0;
    std::int64_t until = 0;

    [[nodiscard]] std::byte* bytes() noexcept { return reinterpret_cast<std::byte*>(this + 1); }
    [[nodiscard]] std::byte const* bytes() const noexcept { return reinterpret_cast<std::byte const*>(this + 1); }
};
static_assert(sizeof(record) == 32 && std::atomic<std::uint32_t>::is_always_lock_free);

/// The positions of a ring; zeros are an empty one. Each on its own cache line.
struct ring_positions {
    alignas(64) std::atomic<std::uint64_t> tail{0};     // the writer's: all before it is published
    std::atomic<std::uint32_t> starved{0};              // as `parked`, for the writer who waits for room
    alignas(64) std::atomic<std::uint64_t> head{0};     // the reader's: all before it may be overwritten
    /// 1: the reader sleeps on this word; other numbers are for the two sides to agree on. Set by the reader, exchanged for 0 by
    /// the writer, who then wakes: whoever looks at the tail after setting it misses nothing.
    alignas(64) std::atomic<std::uint32_t> parked{0};
};

/// The writing end.
///
/// Threads    one at a time.
/// Lifetime   refers to the memory.
/// Cost       `publish` a fence; all else a few plain writes.
class record_writer {
public:
    record_writer() = default;
    /// `capacity` bytes, a power of two, mapped twice.
    record_writer(ring_positions& at, std::byte* bytes, std::size_t capacity) noexcept : at_(&at), bytes_(bytes), capacity_(capacity) {}

    /// How many bytes a record that is begun now may have: at least `wanted` if there is so much room. None where not even a
    /// record without bytes fits.
    struct space {
        std::size_t bytes = 0;
        bool any = false;
    };
    [[nodiscard]] space room(std::size_t wanted = 0) noexcept {
        if (free() < sizeof(record) + wanted) see_head();
        if (free() < sizeof(record) || broken_) return {};
        return {free() - sizeof(record), true};
    }

    /// A record in its place, not yet to be seen; its bytes are written behind it, at most `room()`.
    [[nodiscard]] record& begin() noexcept { return *::new (static_cast<void*>(bytes_ + (tail_ & (capacity_ - 1)))) record; }
    /// Ends it. It is seen from the next `publish` on.
    void end(record const& made) noexcept { tail_ += whole(made.size); }
    /// Lets the reader see all that was ended. True when it may be asleep: `unpark` is then due.
    [[nodiscard]] bool publish() noexcept {
        at_->tail.store(tail_, std::memory_order_seq_cst);    // before the look at `parked`: the reader sets that before its last look here
        return at_->parked.load(std::memory_order_seq_cst) != 0;
    }
    /// What the reader had set `parked` to; 0 when somebody else was first: he wakes.
    [[nodiscard]] std::uint32_t unpark() noexcept { return at_->parked.exchange(0, std::memory_order_seq_cst); }

    [[nodiscard]] std::uint64_t position() const noexcept { return tail_; }
    /// The record that was begun at that position, as long as no `room` was asked for that the reader gave back since.
    [[nodiscard]] record& at(std::uint64_t position) noexcept {
        return *std::launder(reinterpret_cast<record*>(bytes_ + (position & (capacity_ - 1))));
    }
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
    [[nodiscard]] bool broken() const noexcept { return broken_; }
    [[nodiscard]] ring_positions& positions() const noexcept { return *at_; }
    /// Reads where the next record will stand, so that its page is mapped.
    void touch() const noexcept { (void)*const_cast<std::byte const volatile*>(bytes_ + (tail_ & (capacity_ - 1))); }

    [[nodiscard]] static constexpr std::uint64_t whole(std::uint32_t size) noexcept {
        return sizeof(record) + (std::uint64_t{size} + 31) / 32 * 32;
    }

private:
    [[nodiscard]] std::size_t free() const noexcept { return capacity_ - (tail_ - head_); }
    void see_head() noexcept {
        auto const head = at_->head.load(std::memory_order_seq_cst);    // also the last look after `starved` was set
        if (head - head_ > tail_ - head_ || head % 32 != 0) broken_ = true;
        else head_ = head;
    }

    ring_positions* at_ = nullptr;
    std::byte* bytes_ = nullptr;
    std::size_t capacity_ = 0;
    std::uint64_t tail_ = 0, head_ = 0;
    bool broken_ = false;
};

/// The reading end.
///
/// Threads    one at a time.
/// Lifetime   refers to the memory; a record stays until `release`.
class record_reader {
public:
    record_reader() = default;
    record_reader(ring_positions& at, std::byte* bytes, std::size_t capacity) noexcept : at_(&at), bytes_(bytes), capacity_(capacity) {}

    /// A record, or none. Its `size` is the one to use: it is in bounds, and cannot change any more.
    struct view {
        record* at = nullptr;
        std::uint32_t size = 0;
        explicit operator bool() const noexcept { return at != nullptr; }
        record* operator->() const noexcept { return at; }
    };
    [[nodiscard]] view next() noexcept {
        if (tail_ == head_) {
            auto const tail = at_->tail.load(std::memory_order_acquire);    // pairs with `publish`: the records are there
            if (tail - head_ > capacity_ || tail % 32 != 0) broken_ = true;
            else tail_ = tail;
            if (tail_ == head_ || broken_) return {};
        }
        auto* const here = std::launder(reinterpret_cast<record*>(bytes_ + (head_ & (capacity_ - 1))));
        auto const size = const_cast<std::uint32_t const volatile&>(here->size);    // once: it may change under us
        if (record_writer::whole(size) > tail_ - head_) {
            broken_ = true;
            return {};
        }
        return {here, size};
    }
    /// That record is read: the one behind it is next.
    void pass(view const& read) noexcept { head_ += record_writer::whole(read.size); }
    /// Gives the room of all that was passed back to the writer. What `starved` was: not 0 when he sleeps for want of room, and is
    /// to be woken.
    [[nodiscard]] std::uint32_t release() noexcept {
        at_->head.store(head_, std::memory_order_seq_cst);    // before the look at `starved`: the writer sets that before his last look here
        return at_->starved.load(std::memory_order_seq_cst) == 0 ? 0 : at_->starved.exchange(0, std::memory_order_seq_cst);
    }

    /// The last look before sleeping, after `parked` was set.
    [[nodiscard]] bool is_empty() const noexcept { return at_->tail.load(std::memory_order_seq_cst) == head_; }
    [[nodiscard]] bool broken() const noexcept { return broken_; }
    [[nodiscard]] ring_positions& positions() const noexcept { return *at_; }
    [[nodiscard]] std::uint64_t position() const noexcept { return head_; }
    /// Reads where the next record will stand, so that its page is mapped.
    void touch() const noexcept { (void)*const_cast<std::byte const volatile*>(bytes_ + (head_ & (capacity_ - 1))); }

private:
    ring_positions* at_ = nullptr;
    std::byte* bytes_ = nullptr;
    std::size_t capacity_ = 0;
    std::uint64_t head_ = 0, tail_ = 0;
    bool broken_ = false;
};

}  // namespace muster
