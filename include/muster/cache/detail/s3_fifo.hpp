#pragma once

#include <algorithm>      // min, max
#include <array>          // blocks
#include <bit>            // bit_width
#include <cstddef>        // size_t
#include <cstdint>        // uint32_t
#include <memory>         // unique_ptr
#include <new>            // placement
#include <optional>       // what goes
#include <type_traits>    // is_nothrow_move_constructible
#include <utility>        // move, swap

#include <muster/cache/cache_stats.hpp>           // cache_stats
#include <muster/cache/detail/call_time.hpp>      // call_time
#include <muster/cache/detail/ghost_keys.hpp>     // ghost_keys
#include <muster/cache/detail/tag_table.hpp>      // tag_table
#include <muster/core/waiter.hpp>                 // instant

namespace muster::detail {

/// Keys and values in the order of S3-FIFO, as many as there is room for.
///
/// Order      what is new enters the small queue, a tenth of the room. At its end goes what was not used twice meanwhile, and only
///            its tag is remembered; the rest, and what comes back while it is remembered, enters the main queue. At its end goes
///            what was not used, and the others begin anew with one use less, of three at the most.
/// Shape      entries are numbered, and keep number and address while they are there.
/// Throws     what copying, moving or comparing a Key or Value throws: then nothing has changed, or the one entry is lost.
/// Threads    one at a time.
/// Cost       no allocation for an entry: blocks of them are, each as large as all before; 40 to 80 bytes beside key and value.
/// Source     J. Yang and others, FIFO Queues are All You Need for Cache Eviction, 2023.
template <class Key, class Value>
class s3_fifo {
public:
    static constexpr std::uint32_t none = tag_table::none;
    static constexpr std::size_t most_room = std::size_t{1} << 31;    // numbers have 32 bits

    struct item {
        Key key;
        Value value;
    };
    /// What goes, if it can be moved without a throw: to be destroyed where no lock is held.
    using leaving = std::optional<item>;

    explicit s3_fifo(std::size_t room = 1) noexcept
        : room_(static_cast<std::uint32_t>(std::min(room, most_room))), small_room_(std::max(1u, room_ / 10)),
          ghosts_(room_ - small_room_) {}
    s3_fifo(s3_fifo const&) = delete;
    s3_fifo& operator=(s3_fifo const&) = delete;
    ~s3_fifo();

    [[nodiscard]] std::size_t size() const noexcept { return small_.size + main_.size; }
    /// Numbers are below this.
    [[nodiscard]] std::uint32_t numbers() const noexcept { return slots_; }

    [[nodiscard]] std::uint32_t find(std::uint32_t tag, Key const& key) const {
        return table_.find(tag, [&](std::uint32_t number) { return at(number).kept.key == key; });
    }
    [[nodiscard]] Value const& value(std::uint32_t number) const noexcept { return at(number).kept.value; }
    [[nodiscard]] std::uint64_t version(std::uint32_t number) const noexcept { return at(number).version; }
    [[nodiscard]] bool too_old(std::uint32_t number, call_time& time) const {
        auto const until = at(number).good_until;
        return until != never && time.now() >= until;
    }
    void use(std::uint32_t number) noexcept {
        if (auto& uses = at(number).uses; uses < 3) ++uses;
    }

    /// Adds a key that is not there; `value` is moved from. When it is full, who goes for it is in `gone` and in `counts`.
    void insert(std::uint32_t tag, Key const& key, Value& value, instant good_until, std::uint64_t version, call_time& time,
                leaving& gone, cache_stats& counts);
    /// Gives an entry another value, and the old one into `value`. Where that throws, the entry is gone.
    void replace(std::uint32_t number, Value& value, instant good_until, std::uint64_t version);
    void remove(std::uint32_t number, leaving& gone) noexcept;
    /// Removes it if it is there and too old.
    bool remove_old(std::uint32_t number, call_time& time, leaving& gone) {
        if (at(number).in == nowhere || !too_old(number, time)) return false;
        remove(number, gone);
        return true;
    }
    void swap(s3_fifo& other) noexcept;

private:
    enum place : std::uint8_t { nowhere, small, main };
    struct slot {
        slot() noexcept {}
        ~slot() {}
        std::uint32_t older = none;    // of the same queue; of those that are nowhere, the next
        std::uint32_t newer = none;
        std::uint32_t tag = 0;
        std::uint8_t uses = 0;         // since it entered the queue, or began anew; 3 at most
        place in = nowhere;
        std::uint64_t version = 0;
        instant good_until = never;
        union {
            item kept;    // unless it is nowhere
        };
    };
    struct queue {
        std::uint32_t oldest = none;
        std::uint32_t newest = none;
        std::uint32_t size = 0;
    };

    // Blocks of 16, 16, 32, 64, ...: the position of a number in its block is what is left without its highest bit.
    static constexpr unsigned first_bits = 4;
    static constexpr unsigned most_blocks = 32 - first_bits;
    static unsigned block_of(std::uint32_t number) noexcept {
        return static_cast<unsigned>(std::bit_width(number >> first_bits));
    }
    static std::uint32_t begin_of(unsigned block) noexcept { return block ? 1u << (block - 1 + first_bits) : 0; }
    slot& at(std::uint32_t number) const noexcept {
        auto const block = block_of(number);
        return blocks_[block][number - begin_of(block)];
    }

    queue& queue_of(place in) noexcept { return in == small ? small_ : main_; }
    void enter(place in, std::uint32_t number) noexcept;
    void leave(std::uint32_t number) noexcept;
    std::uint32_t free_slot();
    std::uint32_t who_goes(call_time& time, cache_stats& counts);

    std::array<std::unique_ptr<slot[]>, most_blocks> blocks_;
    std::uint32_t room_;
    std::uint32_t small_room_;
    std::uint32_t slots_ = 0;
    std::uint32_t free_ = none;
    queue small_;
    queue main_;
    tag_table table_;
    ghost_keys ghosts_;
};

// Implementation

template <class Key, class Value>
s3_fifo<Key, Value>::~s3_fifo() {
    for (auto const* each : {&small_, &main_})
        for (auto number = each->oldest; number != none; number = at(number).newer) at(number).kept.~item();
}

template <class Key, class Value>
void s3_fifo<Key, Value>::insert(std::uint32_t tag, Key const& key, Value& value, instant good_until, std::uint64_t version,
                                 call_time& time, leaving& gone, cache_stats& counts) {
    table_.grow_for_one();
    if (size() >= room_) ghosts_.prepare();
    auto const crowd = table_.crowded(tag);
    if (crowd != none) {
        ++counts.evicted;
        remove(crowd, gone);
    } else if (size() >= room_) {
        remove(who_goes(time, counts), gone);
    }

    auto const number = free_slot();
    auto& to = at(number);
    ::new (static_cast<void*>(&to.kept)) item{key, std::move(value)};    // where it throws, the slot is still a free one
    free_ = to.older;
    to.tag = tag;
    to.uses = 0;
    to.version = version;
    to.good_until = good_until;
    enter(ghosts_.take(tag) ? main : small, number);
    table_.insert(tag, number);
}

template <class Key, class Value>
void s3_fifo<Key, Value>::replace(std::uint32_t number, Value& value, instant good_until, std::uint64_t version) {
    struct losing {    // half of a swap is neither the old value nor the new one
        s3_fifo* from;
        std::uint32_t number;
        ~losing() {
            leaving gone;
            if (from) from->remove(number, gone);
        }
    } guard{this, number};
    using std::swap;
    swap(at(number).kept.value, value);
    guard.from = nullptr;
    at(number).version = version;
    at(number).good_until = good_until;
    use(number);
}

template <class Key, class Value>
void s3_fifo<Key, Value>::remove(std::uint32_t number, leaving& gone) noexcept {
    table_.erase(at(number).tag, number);
    leave(number);
    auto& from = at(number);
    if constexpr (std::is_nothrow_move_constructible_v<Key> && std::is_nothrow_move_constructible_v<Value>)
        gone.emplace(std::move(from.kept));
    from.kept.~item();
    from.in = nowhere;
    from.older = std::exchange(free_, number);
}

template <class Key, class Value>
std::uint32_t s3_fifo<Key, Value>::who_goes(call_time& time, cache_stats& counts) {
    for (;;) {    // ends: each turn takes one out of the small queue, or a use off one of the main queue
        auto const number = small_.size >= small_room_ || main_.size == 0 ? small_.oldest : main_.oldest;
        auto& oldest = at(number);
        if (too_old(number, time)) {
            ++counts.expired;
            return number;
        }
        if (oldest.in == small && oldest.uses < 2) {
            ghosts_.add(oldest.tag);
            ++counts.evicted;
            return number;
        }
        if (oldest.in == main && oldest.uses == 0) {
            ++counts.evicted;
            return number;
        }
        oldest.uses = oldest.in == small ? std::uint8_t{0} : static_cast<std::uint8_t>(oldest.uses - 1);
        leave(number);
        enter(main, number);
    }
}

template <class Key, class Value>
void s3_fifo<Key, Value>::enter(place in, std::uint32_t number) noexcept {
    auto& to = queue_of(in);
    auto& one = at(number);
    one.in = in;
    one.newer = none;
    one.older = std::exchange(to.newest, number);
    (one.older == none ? to.oldest : at(one.older).newer) = number;
    ++to.size;
}

template <class Key, class Value>
void s3_fifo<Key, Value>::leave(std::uint32_t number) noexcept {
    auto& one = at(number);
    auto& from = queue_of(one.in);
    (one.older == none ? from.oldest : at(one.older).newer) = one.newer;
    (one.newer == none ? from.newest : at(one.newer).older) = one.older;
    --from.size;
}

template <class Key, class Value>
std::uint32_t s3_fifo<Key, Value>::free_slot() {
    if (free_ != none) return free_;
    auto const block = block_of(slots_);
    auto const count = std::min(begin_of(block + 1) - begin_of(block), room_ - slots_);
    blocks_[block] = std::make_unique<slot[]>(count);
    for (std::uint32_t i = count; i-- > 0;) blocks_[block][i].older = std::exchange(free_, slots_ + i);
    slots_ += count;
    return free_;
}

template <class Key, class Value>
void s3_fifo<Key, Value>::swap(s3_fifo& other) noexcept {
    blocks_.swap(other.blocks_);
    std::swap(room_, other.room_);
    std::swap(small_room_, other.small_room_);
    std::swap(slots_, other.slots_);
    std::swap(free_, other.free_);
    std::swap(small_, other.small_);
    std::swap(main_, other.main_);
    table_.swap(other.table_);
    ghosts_.swap(other.ghosts_);
}

}  // namespace muster::detail
