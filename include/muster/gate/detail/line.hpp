#pragma once

#include <cstddef>    // size_t

#include <muster/core/intrusive_list.hpp>    // intrusive_list
#include <muster/core/waiter.hpp>            // wait_point

namespace muster::detail {

/// Calls that wait for a gate, first come first served. Every member is called under the gate's mutex.
class waiting_line {
public:
    /// One waiting call, on its own stack; it leaves the line before it is gone.
    struct place {
        wait_point point;
        place* before = nullptr;
        place* after = nullptr;
    };

    [[nodiscard]] bool empty() const noexcept { return places_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return places_.size(); }
    [[nodiscard]] bool is_first(place const& who) const noexcept { return places_.first() == &who; }

    void join(place& who) noexcept { places_.push_back(who); }
    /// Leaves the line; whoever is first now is woken to look.
    void leave(place& who) noexcept {
        auto const was_first = is_first(who);
        places_.erase(who);
        if (was_first) call_first();
    }
    void call_first() noexcept {
        if (auto* first = places_.first()) first->point.wake();
    }

private:
    intrusive_list<place> places_;
};

}  // namespace muster::detail
