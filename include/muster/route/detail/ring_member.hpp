#pragma once

#include <array>      // lines
#include <atomic>     // counters
#include <chrono>     // nanoseconds
#include <cstdint>    // uint64_t
#include <limits>     // up
#include <string>     // name
#include <utility>    // move

#include <muster/core/waiter.hpp>                   // instant, waiter_ref, later
#include <muster/os/thread_stripe.hpp>    // thread_stripes
#include <muster/route/hash_ring_health.hpp>        // ring_node_state

namespace muster::detail {

/// Whether a node is asked: not while it is down, but for a probe now and then.
///
/// It is no `circuit_breaker`: that locks on every call, and lets one at a time probe; a node that hangs would hold the only
/// probe, and not be back within a second. Here a node that is up costs one load, and no look at the clock.
class node_breaker {
public:
    /// True for a node that is not down, and once every `probe_every` for one that is.
    [[nodiscard]] bool admits(waiter_ref time, std::chrono::nanoseconds probe_every) {
        auto probe_at = probe_at_.load();
        if (probe_at == is_up) return true;
        auto const now = time.now();
        if (ticks(now) < probe_at) return false;
        return probe_at_.compare_exchange_strong(probe_at, ticks(later(now, probe_every))) || probe_at == is_up;
    }

    void succeeded() noexcept {
        if (in_a_row_.load() != 0) in_a_row_.store(0);
        if (probe_at_.load() != is_up) probe_at_.store(is_up);
    }

    /// So many in a row take the node down; a failure of one that is down already, a probe's too, leaves the time of the next
    /// probe as it is.
    void failed(waiter_ref time, std::uint32_t most, std::chrono::nanoseconds probe_every) {
        if (in_a_row_.fetch_add(1) + 1 < most) return;
        auto expected = is_up;
        if (probe_at_.load() == is_up) probe_at_.compare_exchange_strong(expected, ticks(later(time.now(), probe_every)));
    }

    [[nodiscard]] ring_node_state state() const noexcept {
        if (probe_at_.load() != is_up) return ring_node_state::down;
        return in_a_row_.load() != 0 ? ring_node_state::suspect : ring_node_state::up;
    }

private:
    static constexpr std::int64_t is_up = std::numeric_limits<std::int64_t>::min();
    [[nodiscard]] static std::int64_t ticks(instant when) noexcept { return when.time_since_epoch().count(); }

    std::atomic<std::int64_t> probe_at_{is_up};
    std::atomic<std::uint32_t> in_a_row_{0};
};

/// A node of a ring: who it is, how it does, who uses it.
template <class Node>
struct ring_member {
    ring_member(std::string of, Node& at, double share) : name(std::move(of)), node(&at), weight(share) {}

    struct alignas(64) line {
        std::atomic<std::uint32_t> under_way{0};
        std::atomic<std::uint64_t> hits{0}, misses{0}, failures{0};
    };

    /// Final once it is true and no call can come any more.
    [[nodiscard]] bool unused() const noexcept {
        for (auto const& each : lines)
            if (each.under_way.load() != 0) return false;
        return true;
    }

    std::string const name;
    Node* const node;
    double const weight;
    node_breaker breaker;
    std::array<line, thread_stripes> lines{};
};

}  // namespace muster::detail
