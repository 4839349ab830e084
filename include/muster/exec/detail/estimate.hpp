#pragma once

#include <algorithm>    // min
#include <atomic>       // the entry
#include <chrono>       // nanoseconds
#include <cstddef>      // size_t
#include <cstdint>      // uint64_t, uintptr_t

namespace muster::detail {

/// Calls the body of a loop for a range of its items; which function it is tells kinds of loops apart.
using run_items = void (*)(void const*, std::size_t, std::size_t);

/// What one thread did of a loop.
struct share {
    std::size_t items = 0;
    std::chrono::nanoseconds took{};
};

/// What an item of one kind of loop took the last times; an entry of a table by kind. Another kind in the same place merely makes
/// it forget.
///
/// Threads    any number; a lost lesson is all that a race costs.
/// Cost       one load to ask.
class estimate {
public:
    [[nodiscard]] bool promises_less_than(std::chrono::nanoseconds most, run_items kind, std::size_t items) const noexcept {
        auto const bits = bits_.load(std::memory_order_relaxed);    // a hint: no other memory hangs on it
        if (bits >> 32 != tag_of(kind)) return false;
        return static_cast<double>(bits & 0xffffffff) * static_cast<double>(items) < static_cast<double>(most.count());
    }
    /// Longer is believed at once, shorter by and by: a loop that is wrongly thought short costs more.
    void learn(run_items kind, share done) noexcept {
        if (done.items == 0) return;
        auto const bits = bits_.load(std::memory_order_relaxed);    // a hint, as above; a lost update is one lesson less
        auto const now = static_cast<std::uint64_t>(done.took.count()) / done.items;
        auto const before = bits >> 32 == tag_of(kind) ? bits & 0xffffffff : now;
        auto const known = std::min<std::uint64_t>(now > before ? now : before - (before - now) / 4, 0xffffffff);
        if (auto const next = tag_of(kind) << 32 | known; next != bits) bits_.store(next, std::memory_order_relaxed);
    }

private:
    static std::uint64_t tag_of(run_items kind) noexcept {
        return (reinterpret_cast<std::uintptr_t>(kind) >> 2 & 0x7fffffff) | 0x80000000;    // never that of an empty entry
    }
    std::atomic<std::uint64_t> bits_{0};    // tag of the kind, nanoseconds an item
};

}  // namespace muster::detail
