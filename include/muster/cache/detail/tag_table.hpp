#pragma once

#include <array>      // a bucket
#include <cstddef>    // size_t
#include <cstdint>    // uint32_t
#include <utility>    // exchange
#include <vector>     // buckets

namespace muster::detail {

/// Finds the number of an entry by a tag, 32 bits of its key's hash.
///
/// Shape      a tag has two buckets of eight places, a cache line each, and what is not in one of them is not there.
/// Threads    one at a time.
/// Cost       a look reads two buckets at the most, however tags are chosen; 8 bytes a place, of which at most 3/4 are used.
/// Source     R. Pagh and F. Rodler, Cuckoo Hashing, 2001; here an entry makes way by one step only.
class tag_table {
public:
    static constexpr std::uint32_t none = 0xffff'ffff;

    /// The number with this tag for which `same(number)` holds, or none.
    template <class Same>
    [[nodiscard]] std::uint32_t find(std::uint32_t tag, Same const& same) const;
    /// Makes room for one more; before `crowded` and `insert`.
    void grow_for_one();
    /// The number that has to be erased before there is a place for this tag: none, but where keys collide on purpose.
    [[nodiscard]] std::uint32_t crowded(std::uint32_t tag);
    void insert(std::uint32_t tag, std::uint32_t number) noexcept;
    void erase(std::uint32_t tag, std::uint32_t number) noexcept;
    void swap(tag_table& other) noexcept;

private:
    static constexpr std::size_t width = 8;
    struct alignas(64) bucket {
        bucket() noexcept {
            tags.fill(0);
            numbers.fill(none);
        }
        std::array<std::uint32_t, width> tags;
        std::array<std::uint32_t, width> numbers;
    };
    struct place {
        bucket* in = nullptr;
        std::size_t at = 0;
    };

    // Any two of the tags that share one bucket seldom share the other; its number differs in the lowest bit at least.
    static std::uint32_t other(std::uint32_t tag) noexcept {
        auto const bits = (tag ^ (tag >> 15)) * 0x85eb'ca6bu;
        return tag ^ (bits >> 13 | 1);
    }
    [[nodiscard]] std::size_t first(std::uint32_t tag) const noexcept { return tag & (buckets_.size() - 1); }
    [[nodiscard]] std::size_t second(std::uint32_t tag) const noexcept { return other(tag) & (buckets_.size() - 1); }
    place where(std::uint32_t tag, std::uint32_t number) noexcept;
    place free_in(std::size_t number) noexcept;
    place free_for(std::uint32_t tag) noexcept;    // moves one that has room in its other bucket, where it must
    void double_size();

    std::vector<bucket> buckets_;    // a power of two
    std::size_t used_ = 0;
    std::size_t turn_ = 0;
};

// Implementation

template <class Same>
std::uint32_t tag_table::find(std::uint32_t tag, Same const& same) const {
    if (used_ == 0) return none;
    for (auto const in : {first(tag), second(tag)}) {
        auto const& look = buckets_[in];
        unsigned alike = 0;    // without a branch for each place, which the compiler turns into a few wide compares
        for (std::size_t i = 0; i < width; ++i) alike |= static_cast<unsigned>(look.tags[i] == tag) << i;
        for (std::size_t i = 0; alike; ++i, alike >>= 1)
            if ((alike & 1) && look.numbers[i] != none && same(look.numbers[i])) return look.numbers[i];
    }
    return none;
}

inline void tag_table::grow_for_one() {
    if ((used_ + 1) * 4 > buckets_.size() * width * 3) double_size();
}

inline std::uint32_t tag_table::crowded(std::uint32_t tag) {
    // A table that is a quarter full has a place for each of the tags that chance gives; for others it would grow in vain.
    while (!free_for(tag).in) {
        if (used_ * 4 < buckets_.size() * width) return buckets_[first(tag)].numbers[turn_++ % width];
        double_size();
    }
    return none;
}

inline void tag_table::insert(std::uint32_t tag, std::uint32_t number) noexcept {
    auto const to = free_for(tag);
    to.in->tags[to.at] = tag;
    to.in->numbers[to.at] = number;
    ++used_;
}

inline void tag_table::erase(std::uint32_t tag, std::uint32_t number) noexcept {
    auto const from = where(tag, number);
    from.in->numbers[from.at] = none;
    --used_;
}

inline void tag_table::swap(tag_table& other) noexcept {
    buckets_.swap(other.buckets_);
    std::swap(used_, other.used_);
    std::swap(turn_, other.turn_);
}

inline tag_table::place tag_table::where(std::uint32_t tag, std::uint32_t number) noexcept {
    for (auto const in : {first(tag), second(tag)})
        for (std::size_t i = 0; i < width; ++i)
            if (buckets_[in].numbers[i] == number) return {&buckets_[in], i};
    return {};
}

inline tag_table::place tag_table::free_in(std::size_t number) noexcept {
    for (std::size_t i = 0; i < width; ++i)
        if (buckets_[number].numbers[i] == none) return {&buckets_[number], i};
    return {};
}

inline tag_table::place tag_table::free_for(std::uint32_t tag) noexcept {
    for (auto const in : {first(tag), second(tag)})
        if (auto const free = free_in(in); free.in) return free;
    for (auto const in : {first(tag), second(tag)})
        for (std::size_t i = 0; i < width; ++i) {
            auto& from = buckets_[in];
            auto const theirs = from.tags[i];
            auto const to = free_in(first(theirs) == in ? second(theirs) : first(theirs));
            if (!to.in) continue;
            to.in->tags[to.at] = theirs;
            to.in->numbers[to.at] = std::exchange(from.numbers[i], none);
            return {&from, i};
        }
    return {};
}

inline void tag_table::double_size() {
    if (buckets_.empty()) {
        buckets_.resize(1);
        return;
    }
    // What was in one bucket goes to that place of one of two, so that each finds its place free.
    auto const old = buckets_.size();
    std::vector<bucket> twice(old * 2);
    std::swap(buckets_, twice);
    for (std::size_t in = 0; in < old; ++in)
        for (std::size_t i = 0; i < width; ++i) {
            auto const tag = twice[in].tags[i];
            if (twice[in].numbers[i] == none) continue;
            auto const to = (first(tag) & (old - 1)) == in ? first(tag) : second(tag);
            buckets_[to].tags[i] = tag;
            buckets_[to].numbers[i] = twice[in].numbers[i];
        }
}

}  // namespace muster::detail
