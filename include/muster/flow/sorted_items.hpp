#pragma once

#include <algorithm>      // clamp, pop_heap, push_heap, stable_sort
#include <cstddef>        // byte, size_t
#include <cstdint>        // uint64_t
#include <functional>     // invoke
#include <memory>         // unique_ptr
#include <optional>       // the end
#include <span>           // records
#include <stdexcept>      // invalid_argument
#include <string>         // the folder
#include <type_traits>    // remove_cvref
#include <utility>        // move
#include <vector>         // runs

#include <muster/core/bytes.hpp>          // KiB, MiB
#include <muster/core/failure.hpp>        // failure
#include <muster/core/invoke_task.hpp>    // guarded
#include <muster/core/outcome.hpp>        // outcome
#include <muster/core/wire.hpp>           // encoded items
#include <muster/os/spill_file.hpp>       // spill_file

namespace muster {

/// What `sorted_items` may use.
struct sorted_items_options {
    std::size_t memory = 64 * MiB;      ///< bytes: 64 MiB, at least 256 KiB; half of it for items, the other for merging them
    std::string folder{};               ///< where: as `spill_file_options`
    std::uint64_t disk = UINT64_MAX;    ///< bytes on the disk at most, those of a merge that is going on not counted twice
};

/// Takes items in any order and gives them back by key, in bounded memory: an external merge sort.
///
/// Order      keys by `<`; items of one key as they came.
/// Shape      `add` as often as one likes, then `next` until it answers nothing; or group by group: `next_group` answers a key, and
///            `next_in_group` its items, read one after another from the disk. Items are transportable; `key_of(item)` gives something
///            with `<`, the same each time: it is asked again for items that come back.
/// Fails      as `spill_file`: exhausted for a full disk or beyond `disk`. `add` then has not taken the item, and all others are still
///            there; those that follow are refused with it, and the disk is tried again for one of them now and then, at last for
///            one of 1,024. Once a merge has failed, everything fails with the same. What the file gives back is judged as bytes
///            from outside: invalid_input.
/// Throws     std::invalid_argument for less memory than 256 KiB. `add`: what key_of, a comparison or encoding an item throws; when
///            reading, that is a failure.
/// Threads    one at a time.
/// Lifetime   leaves nothing on the disk, however the process ends: see `spill_file`.
/// Cost       each item is encoded once, and written once for each level of merging: 32 runs become one. Memory is counted by what
///            items are encoded, keys included; one item that is larger than all of it is held all the same.
/// Source     Knuth, The Art of Computer Programming, volume 3, section 5.4: balanced merging of runs.
template <transportable Item, class KeyOf>
class sorted_items {
public:
    using key_type = std::remove_cvref_t<std::invoke_result_t<KeyOf const&, Item const&>>;

    explicit sorted_items(KeyOf key_of, sorted_items_options options = {});

    /// Not after `next`.
    outcome<void> add(Item const& item);
    outcome<std::optional<Item>> next();

    /// The key of the next group; what is left of the one before is passed over.
    outcome<std::optional<key_type>> next_group();
    outcome<std::optional<Item>> next_in_group();

    /// Bytes that wait on the disk.
    [[nodiscard]] std::uint64_t spilled() const noexcept;

private:
    static constexpr std::size_t fan_in = 32;
    struct entry {
        key_type key;
        std::span<std::byte const> bytes;
    };
    struct head {    // the first of a run that was not given yet
        key_type key;
        Item item;
        std::size_t run;
        // For a heap with the first one on top.
        friend bool operator<(head const& a, head const& b) {
            if (b.key < a.key) return true;
            return !(a.key < b.key) && b.run < a.run;
        }
    };

    [[nodiscard]] std::span<std::byte const> kept(Item const& item);
    void sort() {
        std::stable_sort(held_.begin(), held_.end(), [](entry const& a, entry const& b) { return a.key < b.key; });
    }
    [[nodiscard]] outcome<spill_file> new_run() const;
    outcome<void> spill();
    outcome<void> merge_level(std::size_t level);
    outcome<void> refill(std::vector<spill_file>& runs, std::size_t from, std::vector<head>& heads);
    outcome<void> begin_reading();

    [[no_unique_address]] KeyOf key_of_;
    sorted_items_options options_;

    std::vector<std::unique_ptr<std::byte[]>> blocks_;
    std::size_t block_used_ = 0, block_size_ = 0;    // of the last one
    std::size_t used_ = 0;                           // of the memory
    std::vector<entry> held_;
    std::vector<std::vector<spill_file>> levels_;    // runs; higher levels hold what came before

    bool reading_ = false;
    std::size_t next_held_ = 0;
    std::vector<spill_file> runs_;    // to be merged while reading
    std::vector<head> heads_;
    std::vector<std::byte> record_;
    std::optional<Item> ahead_;        // read, not given
    std::optional<key_type> group_;
    std::optional<failure> broken_;
    failure full_;                         // why the disk took nothing,
    std::size_t pass_ = 0, passed_ = 0;    // how many items that is the answer for before it is tried again, and were last time
};

// Implementation

template <transportable Item, class KeyOf>
sorted_items<Item, KeyOf>::sorted_items(KeyOf key_of, sorted_items_options options)
    : key_of_(std::move(key_of)), options_(std::move(options)) {
    if (options_.memory < 256 * KiB)
        throw std::invalid_argument{"muster: sorting needs 256 KiB of memory or more, not " + std::to_string(options_.memory) + " bytes"};
}

template <transportable Item, class KeyOf>
std::uint64_t sorted_items<Item, KeyOf>::spilled() const noexcept {
    std::uint64_t all = 0;
    for (auto const& level : levels_)
        for (auto const& each : level) all += each.bytes();
    for (auto const& each : runs_) all += each.bytes();
    return all;
}

// The bytes of an item, behind those of the others.
template <transportable Item, class KeyOf>
std::span<std::byte const> sorted_items<Item, KeyOf>::kept(Item const& item) {
    auto const room = block_size_ - block_used_;
    auto* at = blocks_.empty() ? nullptr : blocks_.back().get() + block_used_;
    wire_writer to{at, room};
    to.put(item);
    if (!to.fits()) {
        auto const size = std::max(to.size(), std::clamp<std::size_t>(options_.memory / 32, 4 * KiB, MiB));
        blocks_.push_back(std::unique_ptr<std::byte[]>{new std::byte[size]});    // not cleared: it is written at once
        used_ += size;
        block_size_ = size;
        block_used_ = 0;
        at = blocks_.back().get();
        to = wire_writer{at, size};
        to.put(item);
    }
    return {at, to.size()};
}

template <transportable Item, class KeyOf>
outcome<void> sorted_items<Item, KeyOf>::add(Item const& item) {
    if (broken_) return *broken_;
    if (reading_) return failure{cause::invalid_input, "items are being read in their order: no more can be added"};
    auto const most_each = 3 * sizeof(entry);    // a vector that grows holds up to three times of what is in it
    if (used_ + most_each > options_.memory / 2 && !held_.empty()) {
        if (pass_ != 0) return --pass_, full_;
        if (auto spilled = spill(); !spilled) {
            passed_ = pass_ = std::min<std::size_t>(2 * passed_ + 1, 1'023);
            full_ = spilled.error();
            return spilled;
        }
        passed_ = 0;
    }

    key_type key = std::invoke(key_of_, item);
    auto needs = most_each;
    if constexpr (transportable<key_type>) {    // what it may have allocated
        wire_writer count{nullptr, 0};
        count.put(key);
        if (count.size() > sizeof(key_type)) needs += count.size();
    }
    auto const bytes = kept(item);
    held_.push_back({std::move(key), bytes});
    block_used_ += bytes.size();
    used_ += needs;
    return {};
}

template <transportable Item, class KeyOf>
outcome<spill_file> sorted_items<Item, KeyOf>::new_run() const {
    auto const before = spilled();
    return spill_file::open({.folder = options_.folder, .most = options_.disk - std::min(before, options_.disk),
                             .buffer = std::clamp<std::size_t>(options_.memory / (4 * fan_in), 4 * KiB, 256 * KiB)});
}

template <transportable Item, class KeyOf>
outcome<void> sorted_items<Item, KeyOf>::spill() {
    sort();
    auto fresh = new_run();
    if (!fresh) return std::move(fresh).error();
    for (auto const& each : held_)
        if (auto appended = fresh->append(each.bytes); !appended) return appended;    // the run is gone, the items are still held
    if (auto written = fresh->write_down(); !written) return written;
    if (levels_.empty()) levels_.emplace_back();
    levels_[0].push_back(std::move(*fresh));
    held_ = {};
    blocks_.clear();
    used_ = block_used_ = block_size_ = 0;
    for (std::size_t level = 0; level < levels_.size() && levels_[level].size() == fan_in; ++level)
        if (auto merged = merge_level(level); !merged) {
            broken_ = merged.error();
            return merged;
        }
    return {};
}

// The next item of a run goes among the heads; what is held in memory is the last run.
template <transportable Item, class KeyOf>
outcome<void> sorted_items<Item, KeyOf>::refill(std::vector<spill_file>& runs, std::size_t from, std::vector<head>& heads) {
    return guarded<outcome<void>>([&]() -> outcome<void> {
        std::span<std::byte const> bytes;
        if (from == runs.size()) {
            if (next_held_ == held_.size()) return {};
            bytes = held_[next_held_++].bytes;
        } else {
            auto const read = runs[from].read(record_);
            if (!read) return read.error();
            if (!*read) return {};
            bytes = record_;
        }
        auto item = decoded<Item>(bytes);
        if (!item) return std::move(item).error();
        key_type key = std::invoke(key_of_, std::as_const(*item));
        heads.push_back({std::move(key), std::move(*item), from});
        std::push_heap(heads.begin(), heads.end());
        return {};
    });
}

template <transportable Item, class KeyOf>
outcome<void> sorted_items<Item, KeyOf>::merge_level(std::size_t level) {
    if (levels_.size() == level + 1) levels_.emplace_back();
    auto const buffer = std::clamp<std::size_t>(options_.memory / 16, 4 * KiB, 256 * KiB);
    auto merged = spill_file::open({.folder = options_.folder, .buffer = buffer});
    if (!merged) return std::move(merged).error();
    auto runs = std::move(levels_[level]);
    levels_[level].clear();
    std::vector<head> heads;
    for (std::size_t from = 0; from < runs.size(); ++from)
        if (auto filled = refill(runs, from, heads); !filled) return filled;
    while (!heads.empty()) {
        std::pop_heap(heads.begin(), heads.end());
        auto first = std::move(heads.back());
        heads.pop_back();
        if (auto appended = merged->append(encoded(first.item)); !appended) return appended;
        if (auto filled = refill(runs, first.run, heads); !filled) return filled;
    }
    if (auto written = merged->write_down(); !written) return written;
    levels_[level + 1].push_back(std::move(*merged));
    return {};
}

template <transportable Item, class KeyOf>
outcome<void> sorted_items<Item, KeyOf>::begin_reading() {
    sort();
    for (auto level = levels_.rbegin(); level != levels_.rend(); ++level)
        for (auto& each : *level) runs_.push_back(std::move(each));
    levels_.clear();
    reading_ = true;
    for (std::size_t from = 0; from <= runs_.size(); ++from)
        if (auto filled = refill(runs_, from, heads_); !filled) return filled;
    return {};
}

template <transportable Item, class KeyOf>
outcome<std::optional<Item>> sorted_items<Item, KeyOf>::next() {
    if (broken_) return *broken_;
    if (ahead_) return std::exchange(ahead_, std::nullopt);
    if (!reading_)
        if (auto begun = begin_reading(); !begun) return *(broken_ = begun.error());
    if (heads_.empty()) return std::optional<Item>{};
    std::pop_heap(heads_.begin(), heads_.end());
    auto first = std::move(heads_.back());
    heads_.pop_back();
    if (auto filled = refill(runs_, first.run, heads_); !filled) broken_ = filled.error();    // from the next one on
    return std::optional<Item>{std::move(first.item)};
}

template <transportable Item, class KeyOf>
outcome<std::optional<Item>> sorted_items<Item, KeyOf>::next_in_group() {
    if (!group_) return std::optional<Item>{};
    auto item = next();
    if (!item || !item->has_value()) return item;
    key_type const key = std::invoke(key_of_, std::as_const(**item));
    if (!(*group_ < key) && !(key < *group_)) return item;
    ahead_ = std::move(*item);
    return std::optional<Item>{};
}

template <transportable Item, class KeyOf>
outcome<std::optional<typename sorted_items<Item, KeyOf>::key_type>> sorted_items<Item, KeyOf>::next_group() {
    using answer = std::optional<key_type>;
    while (group_) {
        auto passed = next_in_group();
        if (!passed) return std::move(passed).error();
        if (!passed->has_value()) break;
    }
    auto first = next();
    if (!first) return std::move(first).error();
    group_.reset();
    if (!first->has_value()) return answer{};
    group_.emplace(std::invoke(key_of_, std::as_const(**first)));
    ahead_ = std::move(*first);
    return answer{*group_};
}

}  // namespace muster
