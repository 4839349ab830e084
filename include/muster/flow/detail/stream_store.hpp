#pragma once

#include <algorithm>      // clamp, max, min
#include <atomic>         // counts, room
#include <chrono>         // nanoseconds
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <cstring>        // memcpy
#include <deque>          // who waits
#include <mutex>          // mutex
#include <optional>       // a place that is settled
#include <span>           // a record
#include <string>         // texts
#include <utility>        // move
#include <vector>         // records, what was dropped

#include <muster/core/bytes.hpp>            // KiB
#include <muster/core/failure.hpp>          // cause, failure
#include <muster/core/invoke_task.hpp>      // guarded
#include <muster/core/outcome.hpp>          // outcome
#include <muster/core/waiter.hpp>           // instant, waiter_ref
#include <muster/core/wire.hpp>             // transportable, wire_writer
#include <muster/flow/stream_report.hpp>    // stream_drops
#include <muster/os/spill_file.hpp>         // spill_file
#include <muster/policy/spill.hpp>          // spill
#include <muster/policy/throttle.hpp>       // throttle

// What waits between two stages of a stream where a plain ring does not do: it drops, gives the items another order, or goes to the disk.
// It has the face of `stream_ring`, and a lock: a store, in which items come in by the order of their places, and stand in a line.

namespace muster::detail {

enum class when_full { block, drop_oldest, drop_newest, sample, spill };

/// What leaves a store. `refused` says why the item could not wait, or did not come back: then there may be no item.
template <class Parcel>
struct stored : Parcel {
    std::optional<failure> refused{};
};
inline constexpr auto unknown_index = static_cast<std::size_t>(-1);    // the index of an item that did not come back

/// First in, first out.
template <class Parcel>
class fifo_line {
public:
    static constexpr bool in_turn = true;
    outcome<bool> push(Parcel& one, instant) {
        items_.push_back(std::move(one));
        return true;
    }
    stored<Parcel> pop() {
        stored<Parcel> first{std::move(items_.front())};
        items_.pop_front();
        return first;
    }
    [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }

private:
    std::deque<Parcel> items_;
};

/// As a discipline says.
template <class Parcel, class Queue>
class disciplined_line {
public:
    static constexpr bool in_turn = false;
    explicit disciplined_line(Queue queue) : queue_(std::move(queue)) {}
    outcome<bool> push(Parcel& one, instant now) {
        return guarded<outcome<bool>>([&]() -> outcome<bool> { return queue_.push(std::move(one), now); });
    }
    stored<Parcel> pop() { return {std::move(*queue_.pop())}; }
    [[nodiscard]] std::size_t size() const noexcept { return queue_.size(); }

private:
    Queue queue_;
};

/// First in, first out; in memory up to a bound, and then on the disk until all of that has come back.
template <class Parcel>
class spilled_line {
    using value = std::remove_cvref_t<decltype(*std::declval<Parcel&>().value)>;

public:
    static constexpr bool in_turn = true;
    spilled_line(spill how, std::size_t items)
        : how_(std::move(how)), items_(items), buffer_(std::clamp<std::uint64_t>(how_.memory / 8, 4 * KiB, 256 * KiB)),
          memory_(how_.memory - std::min<std::uint64_t>(how_.memory, 2 * buffer_)) {}

    outcome<bool> push(Parcel& one, instant) {
        return guarded<outcome<bool>>([&]() -> outcome<bool> {
            wire_writer measured{nullptr, 0};
            measured.put(*one.value);
            auto const takes = measured.size() + sizeof(held);
            if (on_disk() == 0 && items_in_memory_.size() < items_ && takes <= memory_ - used_) {
                items_in_memory_.push_back({std::move(one), takes});
                used_ += takes;
                return true;
            }
            if (!file_) {
                auto opened = spill_file::open({.folder = how_.folder, .most = how_.disk, .buffer = buffer_});
                if (!opened) return std::move(opened).error();
                file_ = std::move(*opened);
            }
            std::uint64_t const index = one.index;
            record_.resize(sizeof index + measured.size());
            std::memcpy(record_.data(), &index, sizeof index);
            wire_writer to{record_.data() + sizeof index, measured.size()};
            to.put(*one.value);
            auto appended = file_->append(record_);
            tidy();
            if (!appended) return std::move(appended).error();
            ++written_;
            bytes_ += sizeof index + measured.size();
            return true;
        });
    }
    stored<Parcel> pop() {
        if (!items_in_memory_.empty()) {
            auto& first = items_in_memory_.front();
            used_ -= first.takes;
            stored<Parcel> one{std::move(first.one)};
            items_in_memory_.pop_front();
            return one;
        }
        if (lost_ != 0) return --lost_, stored<Parcel>{Parcel{failure{}, unknown_index}, *broken_};
        auto one = guarded<outcome<stored<Parcel>>>([&]() -> outcome<stored<Parcel>> {
            auto const read = file_->read(record_);
            if (!read) return read.error();
            std::uint64_t index = 0;
            if (record_.size() < sizeof index) return failure{cause::unavailable, "a spill file gave back no item"};
            std::memcpy(&index, record_.data(), sizeof index);
            auto item = decoded<value>(std::span<std::byte const>{record_}.subspan(sizeof index));
            tidy();
            if (!item) return stored<Parcel>{Parcel{failure{}, static_cast<std::size_t>(index)}, std::move(item).error()};
            return stored<Parcel>{Parcel{std::move(*item), static_cast<std::size_t>(index)}};
        });
        if (one) return std::move(*one);
        // What cannot be read now is not tried again: each item of the file fails with the same.
        broken_ = std::move(one).error();
        lost_ = file_->size();
        file_.reset();
        if (lost_ != 0) --lost_;
        return stored<Parcel>{Parcel{failure{}, unknown_index}, *broken_};
    }
    [[nodiscard]] std::size_t size() const noexcept { return items_in_memory_.size() + static_cast<std::size_t>(on_disk()); }
    [[nodiscard]] std::uint64_t written() const noexcept { return written_; }
    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

private:
    struct held {
        Parcel one;
        std::size_t takes;
    };
    [[nodiscard]] std::uint64_t on_disk() const noexcept { return (file_ ? file_->size() : 0) + lost_; }
    void tidy() {
        if (record_.capacity() > 2 * buffer_) record_ = {};    // of a long one: not to be kept for the short ones
    }

    spill how_;
    std::size_t items_;
    std::size_t buffer_;
    std::uint64_t memory_, used_ = 0;    // bytes of items
    std::deque<held> items_in_memory_;
    std::optional<spill_file> file_;
    std::vector<std::byte> record_;
    std::uint64_t written_ = 0, bytes_ = 0;
    std::uint64_t lost_ = 0;             // items that the disk does not give back,
    std::optional<failure> broken_;      // and why
};

/// When `throttle` lets an item through.
class throttled {
public:
    explicit throttled(throttle how) noexcept : never_(how.items == 0 && how.per.count() > 0) {
        auto const items = static_cast<std::int64_t>(std::clamp<std::size_t>(how.items, 1, INT64_MAX));
        auto const per = std::clamp(how.per, std::chrono::nanoseconds{0}, std::chrono::nanoseconds::max() / 4);
        step_ = per / items;
        at_once_ = step_ * (items - 1);
    }

    bool lets(instant now) noexcept {
        if (never_) return false;
        if (next_ < now) next_ = now;
        if (next_ - now > at_once_) return false;
        next_ = later(next_, step_);
        return true;
    }

private:
    bool never_;
    std::chrono::nanoseconds step_, at_once_;
    instant next_ = instant::min();    // when it would come, were they evenly spread
};

/// What waits between two stages, in a line, with a strategy for the time when it is full.
///
/// Whoever drops, or writes to the disk, gives the room that was reserved back as soon as an item has come in; who blocks when it is
/// taken. A failure on its way to the consumer, and an item that was refused, keep their room until they are taken: so they are
/// never lost, and bounded.
template <class Parcel, class Line, when_full Full, bool Throttled>
class stream_store {
public:
    using item = stored<Parcel>;
    using line_type = Line;
    static constexpr bool plain = false;
    static constexpr bool in_turn = Line::in_turn;    // else they are taken one by one: who is in a hand cannot be overtaken any more

    /// `items` may wait; `room` says how many are on their way here, at most.
    stream_store(std::size_t items, std::size_t room, Line line, waiter_ref clock, throttle rate = {}, std::size_t every = 1)
        : items_(items), size_(room), every_(std::max<std::size_t>(1, every)), clock_(clock), rate_(rate), line_(std::move(line)),
          room_(static_cast<std::int64_t>(room)) {}
    stream_store(stream_store const&) = delete;

    // Producers

    [[nodiscard]] std::size_t reserve(std::size_t most) noexcept {
        auto now = room_.load();
        while (now > 0) {
            auto const some = std::min(now, static_cast<std::int64_t>(most));
            if (room_.compare_exchange_weak(now, now - some)) return static_cast<std::size_t>(some);
        }
        return 0;
    }
    void free(std::size_t count) noexcept {
        if (count != 0) room_.fetch_add(static_cast<std::int64_t>(count));
    }
    [[nodiscard]] std::uint64_t claim(std::size_t count = 1) noexcept {
        inside_.fetch_add(count);
        return tail_.fetch_add(count);
    }
    void fill(std::uint64_t at, Parcel&& one) { settle(at, std::optional<Parcel>{std::move(one)}); }
    void leave_out(std::uint64_t at) { settle(at, std::nullopt); }
    void end() noexcept { ended_.store(true); }

    // Consumers

    /// As of a ring; what is left out takes no place here.
    template <class Use>
    [[nodiscard]] std::size_t take(std::size_t most, Use const& use) {
        if (there_.load() == 0) return 0;
        std::lock_guard lock(mutex_);
        std::size_t count = 0, roomless = 0;
        for (; count != most; ++count) {
            if (!passing_.empty() && (!Line::in_turn || line_.size() == 0 || passing_.front().behind <= gone_)) {
                use(std::move(passing_.front().one));
                passing_.pop_front();
            } else if (line_.size() != 0) {
                use(line_.pop());
                ++gone_;
                if constexpr (Full != when_full::block) ++roomless;
            } else {
                break;
            }
        }
        there_.fetch_sub(count);
        room_.fetch_sub(static_cast<std::int64_t>(roomless));    // whoever took them frees that of all, and theirs is free already
        inside_.fetch_sub(count);
        return count;
    }

    [[nodiscard]] bool ready() const noexcept { return there_.load() != 0; }
    [[nodiscard]] bool over() const noexcept { return ended_.load() && inside_.load() == 0; }
    [[nodiscard]] bool ended() const noexcept { return ended_.load(); }
    [[nodiscard]] std::size_t waiting() const noexcept { return inside_.load(); }
    [[nodiscard]] bool has_room(std::size_t items = 1) const noexcept { return room_.load() >= static_cast<std::int64_t>(items); }
    [[nodiscard]] bool asks() const noexcept {
        if constexpr (Full == when_full::block) return has_room() && waiting() <= size_ / 2;
        else return has_room();
    }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    /// What became of those that did not wait here until they were taken.
    void report(stream_stage_report& to) const {
        std::lock_guard lock(mutex_);
        to.dropped = dropped_;
        if constexpr (Full == when_full::spill) {
            to.spilled = line_.written();
            to.spilled_bytes = line_.bytes();
        }
    }

private:
    static constexpr bool drops = Full == when_full::drop_oldest || Full == when_full::drop_newest || Full == when_full::sample;
    struct place {
        bool settled = false;
        std::optional<Parcel> one{};
    };
    struct passes {
        item one;
        std::uint64_t behind;    // how many items are to go before it
    };

    // Places come in by their order; those whose turn has not come wait for it.
    void settle(std::uint64_t at, std::optional<Parcel> one) {
        instant now{};
        if constexpr (Throttled || !Line::in_turn) now = clock_.now();
        std::vector<Parcel> dropped;    // its destructors run without the lock
        std::lock_guard lock(mutex_);
        auto const ahead = static_cast<std::size_t>(at - first_);
        if (ahead != 0) {
            if (early_.size() <= ahead) early_.resize(ahead + 1);
            early_[ahead] = {true, std::move(one)};
            return;
        }
        for (;;) {
            if (one) come_in(*one, now, dropped);
            else let_go();
            ++first_;
            if (early_.empty()) return;
            early_.pop_front();
            if (early_.empty() || !early_.front().settled) return;
            one = std::move(early_.front().one);
        }
    }
    void come_in(Parcel& one, instant now, std::vector<Parcel>& dropped) {
        if (!one.value.has_value()) return pass({std::move(one)});
        auto const drop = [&](std::uint64_t& reason, Parcel& which) {
            ++reason;
            dropped.push_back(std::move(which));
            let_go();
        };
        if constexpr (Throttled)
            if (!rate_.lets(now)) return drop(dropped_.throttled, one);
        if constexpr (Full == when_full::sample) {
            if (line_.size() >= items_ && !thins_) thins_ = true, passed_by_ = 0;
            else if (line_.size() <= items_ / 2) thins_ = false;
            if (thins_ && ++passed_by_ % every_ != 0) return drop(dropped_.sampled, one);
        }
        if constexpr (Full == when_full::drop_newest || Full == when_full::sample)
            if (line_.size() >= items_) return drop(dropped_.newest, one);
        auto taken = line_.push(one, now);
        if (!taken) return pass({std::move(one), std::move(taken).error()});
        if (!*taken) {
            if constexpr (drops) return drop(dropped_.over_share, one);
            else return pass({std::move(one), failure{cause::exhausted, "the order of waiting has no room for this item"}});
        }
        ++came_;
        there_.fetch_add(1);
        if constexpr (Full != when_full::block) room_.fetch_add(1);
        if constexpr (Full == when_full::drop_oldest) {
            if (line_.size() <= items_) return;
            ++dropped_.oldest;
            auto oldest = line_.pop();
            dropped.push_back(std::move(static_cast<Parcel&>(oldest)));
            ++gone_;
            there_.fetch_sub(1);
            inside_.fetch_sub(1);
        }
    }
    void pass(item&& one) {
        passing_.push_back({std::move(one), came_});
        there_.fetch_add(1);
    }
    void let_go() noexcept {
        room_.fetch_add(1);
        inside_.fetch_sub(1);
    }

    std::size_t const items_, size_, every_;
    waiter_ref const clock_;

    mutable std::mutex mutex_;
    throttled rate_;
    Line line_;
    std::deque<passes> passing_;     // failures, and items that were refused
    std::deque<place> early_;        // places from first_ on, as far as one of them is settled
    std::uint64_t first_ = 0;        // the place whose turn it is
    std::uint64_t came_ = 0, gone_ = 0;
    std::uint64_t passed_by_ = 0;
    bool thins_ = false;
    stream_drops dropped_;

    std::atomic<std::uint64_t> tail_{0};
    // All sequential: whoever changes one then looks whether anybody is awake for it.
    std::atomic<std::size_t> inside_{0};    // claimed, and not taken or let go
    std::atomic<std::size_t> there_{0};     // to be taken
    std::atomic<std::int64_t> room_;
    std::atomic<bool> ended_{false};
};

}  // namespace muster::detail
