#pragma once

#include <list>     // the queue
#include <mutex>    // unique_lock

#include <muster/core/context.hpp>    // context
#include <muster/core/waiter.hpp>     // wait_point

namespace muster::detail {

/// Calls that wait for a gate, first come first served. Every member is called under the gate's mutex.
class waiting_line {
public:
    struct place {
        double weight = 1;
        bool admitted = false;
        wait_point point;
    };
    using ticket = std::list<place>::iterator;

    [[nodiscard]] bool empty() const noexcept { return places_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return places_.size(); }
    [[nodiscard]] place& front() noexcept { return places_.front(); }

    ticket join(double weight) {
        places_.emplace_back();
        places_.back().weight = weight;
        return std::prev(places_.end());
    }
    [[nodiscard]] bool is_first(ticket who) noexcept { return who == places_.begin(); }

    /// Leaves the line; whoever is first now is woken to look.
    void leave(ticket who) noexcept {
        auto const was_first = is_first(who);
        places_.erase(who);
        if (was_first) call_first();
    }
    void call_first() noexcept {
        if (!places_.empty()) places_.front().point.wake();
    }

private:
    std::list<place> places_;
};

}  // namespace muster::detail
