#pragma once

#include <algorithm>    // max, min
#include <atomic>       // pumps, hints
#include <chrono>       // nanoseconds
#include <cstddef>      // size_t
#include <cstdint>      // uint64_t
#include <limits>       // nothing known
#include <mutex>        // order

#include <muster/core/context.hpp>              // the time
#include <muster/core/latency_histogram.hpp>    // waits and calls
#include <muster/core/waiter.hpp>               // instant

// What the engine of a stream keeps of each segment: who works on it, how long an item takes, and what reports tell of it.

namespace muster::detail {

/// How long items wait in front of a segment, and how long its calls take, of a few of them: one item that waits is looked at, at a time.
// Hints throughout: relaxed but where an order is needed, and what two note at once may be lost.
class lane_watch {
public:
    /// True when the first call of this handful is to be measured.
    [[nodiscard]] bool looks(bool quick) noexcept {
        auto const now = turn_.load(std::memory_order_relaxed) + 1;
        turn_.store(now, std::memory_order_relaxed);
        return !quick || now % 8 == 1;
    }
    void took(std::chrono::nanoseconds how_long) noexcept { took_.record(how_long); }

    void comes(std::size_t index, context const& cx) noexcept {
        instant::rep none = 0;
        if (came_.load(std::memory_order_relaxed) != 0) [[likely]] return;
        if (!came_.compare_exchange_strong(none, claimed, std::memory_order_relaxed)) return;
        index_.store(index, std::memory_order_relaxed);
        not_seen_.store(0, std::memory_order_relaxed);
        came_.store(cx.now().time_since_epoch().count(), std::memory_order_release);    // pairs with `go`
    }
    template <class Parcels>
    void go(Parcels const& taken, context const& cx) noexcept {
        auto const came = came_.load(std::memory_order_acquire);    // pairs with `comes`
        if (came == 0 || came == claimed) [[likely]] return;
        auto const index = index_.load(std::memory_order_relaxed);
        for (auto const& one : taken)
            if (one.index == index) {
                auto const wait = cx.now() - instant{instant::duration{came}};
                came_last_.store(came, std::memory_order_relaxed);
                waited_last_.store(wait.count(), std::memory_order_relaxed);
                came_.store(0, std::memory_order_relaxed);
                return waited_.record(wait);
            }
        if (not_seen_.fetch_add(1, std::memory_order_relaxed) > 64) came_.store(0, std::memory_order_relaxed);    // it was dropped, or failed before
    }

    /// Items that did not wait at all, a handful of them.
    void went_on() noexcept { waited_.record(std::chrono::nanoseconds{}); }

    [[nodiscard]] latency_figures waited() const noexcept { return waited_.figures(); }
    [[nodiscard]] latency_figures took() const noexcept { return took_.figures(); }
    /// How long the oldest of what waits has waited. Where none of it is looked at, all of it came after the last that was.
    [[nodiscard]] std::chrono::nanoseconds lag(context const& cx) const {
        auto came = came_.load(std::memory_order_acquire);    // pairs with `comes`
        std::chrono::nanoseconds least{};
        if (came == 0) came = came_last_.load(std::memory_order_relaxed);
        else least = std::chrono::nanoseconds{waited_last_.load(std::memory_order_relaxed)};
        if (came == 0 || came == claimed) return least;
        return std::max(least, std::chrono::nanoseconds{cx.now() - instant{instant::duration{came}}});
    }

private:
    static constexpr auto claimed = std::numeric_limits<instant::rep>::min();

    latency_histogram waited_, took_;
    std::atomic<instant::rep> came_{0};    // when the item came that is looked at and waits still; 0: none does
    std::atomic<std::size_t> index_{0};    // of that item
    std::atomic<unsigned> not_seen_{0};    // handfuls since, without it: it may never come
    std::atomic<std::int64_t> waited_last_{0};
    std::atomic<instant::rep> came_last_{0};    // of the last one that was seen to go
    std::atomic<unsigned> turn_{0};
};

/// Pumps of a segment.
struct alignas(64) stream_lane {
    std::size_t width = 1;
    std::atomic<std::size_t> active{0};         // posted or running
    std::atomic<bool> posted{false};            // one of them has not begun
    std::size_t crew = 0;                       // the first segment of the same executor, where the pumps of all of them are counted:
    std::size_t crew_width = 0;                 // so many are of use,
    std::atomic<std::size_t> crew_active{0};    // so many are posted or running
    std::atomic<bool> over{false};
    std::atomic<bool> keeps{false};             // what it gave and there was no room for
    // What an item takes, as it was of late, in nanoseconds: rises at once, up to fourfold, and falls by a sixteenth a look. Where now
    // and then an item waits, no other is to wait for it; nor the consumer, so it is believed after some items only. A hint: what
    // another pump noted meanwhile may be lost.
    static constexpr std::uint32_t unknown = std::numeric_limits<std::uint32_t>::max() / 2;
    std::atomic<std::uint32_t> item_time{unknown};
    std::atomic<std::uint32_t> seen{0};    // items that were looked at, up to enough
    static constexpr std::uint32_t enough = 64;
    std::atomic<std::size_t> in_call{1};        // items of one call, where those are batches: as many as it may have now
    /// True when who begins with an item here is free again before that.
    [[nodiscard]] bool below(std::chrono::nanoseconds bound) const noexcept {
        auto const each = static_cast<std::uint64_t>(item_time.load(std::memory_order_relaxed));
        return seen.load(std::memory_order_relaxed) >= enough && each * in_call.load(std::memory_order_relaxed) < static_cast<std::uint64_t>(bound.count());
    }
    void note(std::uint64_t each, std::size_t items) noexcept {
        if (auto const before = seen.load(std::memory_order_relaxed); before < enough) seen.store(before + static_cast<std::uint32_t>(std::min<std::size_t>(items, enough)), std::memory_order_relaxed);
        auto const last = item_time.load(std::memory_order_relaxed);
        auto const most = last >= unknown / 4 ? unknown : 4 * (last + 1);
        auto const now = static_cast<std::uint32_t>(std::min<std::uint64_t>(each, most));
        auto const next = now >= last || last == unknown ? now : last - (last - now + 15) / 16;
        if (next != last) item_time.store(next, std::memory_order_relaxed);
    }
    std::mutex order;    // where an order is kept input and place are taken together; guards the open batch, and the lanes of keys
    lane_watch watch;
};

}  // namespace muster::detail
