#pragma once

#include <algorithm>    // max
#include <atomic>       // what others see
#include <chrono>       // nanoseconds
#include <cstddef>      // size_t
#include <utility>      // exchange, move
#include <vector>       // items

#include <muster/core/waiter.hpp>                 // instant
#include <muster/flow/detail/batch_search.hpp>    // batch_search
#include <muster/policy/batched.hpp>              // batched

// Batches of a stream: how items are gathered, when there are enough of them, and what those may know who do not gather.

namespace muster::detail {

/// Items that are gathered for one call. Knows no clock and no lock; guarded by its owner.
template <class Parcel>
class open_batch {
public:
    open_batch(batched const& how, std::size_t most) : how_(how), search_(most), full_(is_automatic() ? search_.size() : std::max<std::size_t>(1, most)) {}

    [[nodiscard]] bool is_automatic() const noexcept { return how_.size == batched::automatic; }
    [[nodiscard]] bool lingers() const noexcept { return how_.linger > how_.linger.zero(); }
    [[nodiscard]] bool counts_bytes() const noexcept { return how_.bytes != 0; }
    [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }
    /// Items of a full one.
    [[nodiscard]] std::size_t full() const noexcept { return full_; }
    [[nodiscard]] bool is_full() const noexcept { return items_.size() >= full_ || (counts_bytes() && bytes_ >= how_.bytes); }
    /// So many may be added before it is to be asked again whether it is full.
    [[nodiscard]] std::size_t lacks() const noexcept { return is_full() ? 0 : counts_bytes() ? 1 : full_ - items_.size(); }
    [[nodiscard]] instant due() const noexcept { return due_; }

    /// Adds an item; gives where it lies.
    Parcel& add(Parcel&& one) {
        items_.push_back(std::move(one));
        return items_.back();
    }
    void weighs(std::size_t bytes) noexcept { bytes_ += bytes; }
    /// The first one has come: it lingers from now on.
    void begins(instant now) noexcept { due_ = later(now, how_.linger); }

    [[nodiscard]] std::vector<Parcel> take() noexcept {
        bytes_ = 0;
        if (is_automatic()) full_ = search_.size();
        return std::exchange(items_, {});
    }
    /// A call with so many, where `wanted` were a full one, ended well after so long. An automatic size changes between two batches.
    void called(std::size_t wanted, std::size_t items, std::chrono::nanoseconds took) noexcept {
        if (!is_automatic()) return;
        search_.ended(wanted, items, std::chrono::duration<double>(took).count());
        if (items_.empty()) full_ = search_.size();
    }

private:
    batched how_;
    batch_search search_;
    std::size_t full_;
    std::vector<Parcel> items_{};
    std::size_t bytes_ = 0;
    instant due_ = never;
};

/// The open batch of a segment: its pumps gather in it, one after another, under a lock, and whoever finds it full takes it away. One that
/// lingers stays open without a pump, until somebody has seen that it is due.
///
/// Threads    what is named under the lock, under that of the segment; all else from any thread. All atomics sequential: whoever changes
///            one then looks whether anybody is awake for it.
template <class Parcel>
class segment_batch {
public:
    segment_batch(batched const& how, std::size_t most) : most_(std::max<std::size_t>(1, most)), open_(how, most_), full_(open_.full()) {}

    /// Items of the largest one.
    [[nodiscard]] std::size_t most() const noexcept { return most_; }
    /// Items of a full one, now.
    [[nodiscard]] std::size_t full() const noexcept { return full_.load(std::memory_order_relaxed); }    // a hint: who gathers asks under the lock
    [[nodiscard]] bool is_automatic() const noexcept { return open_.is_automatic(); }

    // Under the lock

    std::size_t room = 0;    // reserved behind, for a full one

    [[nodiscard]] open_batch<Parcel>& open() noexcept { return open_; }
    /// Takes from `from` what goes in, where `weigh` says how many bytes an item has; gives how many places that emptied.
    template <class From, class Weigh>
    std::size_t gather(From& from, Weigh const& weigh) {
        std::size_t emptied = 0;
        while (auto const lacks = open_.lacks()) {
            auto const got = from.take(lacks, [&](Parcel&& one) {
                if (open_.counts_bytes()) open_.weighs(weigh(one));
                open_.add(std::move(one));
            });
            if (got == 0) break;
            emptied += got;
        }
        return emptied;
    }
    /// True when what is open is to be called with; `now` tells the time, and is asked where it lingers.
    template <class Now>
    [[nodiscard]] bool goes(bool nothing_comes, Now const& now) {
        if (open_.size() == 0) return false;
        if (!open_.lingers() || open_.is_full() || nothing_comes) return true;
        if (waiting_.load() == 0) open_.begins(now());
        else if (is_due()) return true;
        return now() >= open_.due();
    }
    [[nodiscard]] std::vector<Parcel> take() noexcept {
        waiting_.store(0);
        due_.store(never);
        auto all = open_.take();
        full_.store(open_.full());
        return all;
    }
    /// It stays open; true when somebody is to be told when it is due, for it is a new one.
    [[nodiscard]] bool stays() noexcept {
        due_.store(open_.due());
        return waiting_.exchange(open_.size()) == 0;    // after when it is due: who sees it sees that
    }
    void called(std::size_t wanted, std::size_t items, std::chrono::nanoseconds took) noexcept {
        open_.called(wanted, items, took);
        full_.store(open_.full());
    }

    // Of any thread

    /// Items in the open one.
    [[nodiscard]] std::size_t waiting() const noexcept { return waiting_.load(); }
    /// True when whoever comes can gather something that is worth it, or take it away: there will be progress.
    template <class From>
    [[nodiscard]] bool asks(From const& from, bool may_begin) const noexcept {
        auto const now = waiting_.load();
        if (now == 0) return may_begin && from.ready();
        if (is_due()) return true;
        auto const more = from.waiting();
        // Of half a buffer who fills it rests; of what comes last none is to wait for more.
        return from.ready() && (open_.counts_bytes() || now + more >= full() || 2 * more >= from.size() || from.ended());
    }
    /// When somebody has to look; `never` where none is open, or somebody has.
    [[nodiscard]] instant due() const noexcept {
        auto const when = due_.load();
        return waiting_.load() != 0 && seen_.load() != when ? when : never;
    }
    [[nodiscard]] bool to_be_seen() const noexcept { return waiting_.load() != 0 && seen_.load() != due_.load(); }
    /// Somebody has looked; true when it goes now, be it for its time or because nothing is to linger any more. What was said of a batch
    /// that has gone meanwhile says nothing of the next one: that is due at another time, or at the same.
    bool see(instant now, bool at_once) noexcept {
        auto const when = due_.load();
        if (waiting_.load() == 0 || seen_.load() == when || !(at_once || now >= when)) return false;
        seen_.store(when);
        return true;
    }

private:
    [[nodiscard]] bool is_due() const noexcept { return seen_.load() == due_.load(); }

    std::size_t const most_;
    open_batch<Parcel> open_;
    std::atomic<std::size_t> full_;
    std::atomic<std::size_t> waiting_{0};
    std::atomic<instant> due_{never};    // when it lingers no longer
    std::atomic<instant> seen_{instant::min()};    // somebody has seen that it is due, where that is the same
};

}  // namespace muster::detail
