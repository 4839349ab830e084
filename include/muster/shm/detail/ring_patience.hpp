#pragma once

#include <algorithm>    // clamp
#include <atomic>       // atomic
#include <cstdint>      // uint32_t

#include <muster/os/relax.hpp>    // relax

namespace muster::detail {

/// How long to look again and again before sleeping: longer where that was worth it lately, hardly at all where it was not, as when
/// the other side needs this core.
///
/// Threads    any number.
/// Cost       100 us at most, of a core that is else idle.
class ring_patience {
public:
    /// True when `look()` was, before the patience was at its end.
    template <class Look>
    bool spin(Look&& look) noexcept {
        auto const turns = turns_.load(std::memory_order_relaxed);    // a hint, as below
        for (std::uint32_t turn = 0; turn < turns; ++turn) {
            relax();
            if (!look()) continue;
            learn(turns * 2);
            return true;
        }
        learn(turns / 2);
        return false;
    }

private:
    void learn(std::uint32_t turns) noexcept { turns_.store(std::clamp(turns, 16u, 2'048u), std::memory_order_relaxed); }    // a hint

    std::atomic<std::uint32_t> turns_{256};
};

}  // namespace muster::detail
