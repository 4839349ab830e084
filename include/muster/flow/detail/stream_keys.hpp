#pragma once

#include <atomic>     // what others see
#include <cstddef>    // size_t
#include <deque>      // items of a lane
#include <utility>    // move
#include <vector>     // lanes

namespace muster::detail {

/// Items of a stream that wait for their key, in lanes by the hash of it: whoever works on a lane has it alone.
///
/// Threads    guarded by its owner, but for `waiting` and `free`, which anybody may ask.
template <class Parcel>
class key_lanes {
public:
    struct lane {
        std::deque<Parcel> items{};
        bool busy = false;
    };

    void make(std::size_t lanes) { lanes_ = std::vector<lane>(lanes); }

    void put(std::size_t hash, Parcel&& one) {
        auto& to = lanes_[hash % lanes_.size()];
        to.items.push_back(std::move(one));
        waiting_.fetch_add(1);
        if (!to.busy && to.items.size() == 1) free_.fetch_add(1);
    }
    /// A lane that has items and that nobody works on, with up to `most` of them in `taken`; they take turns. Null where there is none.
    lane* begin(std::size_t most, std::vector<Parcel>& taken) {
        for (std::size_t tried = 0; tried != lanes_.size(); ++tried) {
            auto& next = lanes_[turn_++ % lanes_.size()];
            if (next.busy || next.items.empty()) continue;
            next.busy = true;
            free_.fetch_sub(1);
            for (; !next.items.empty() && most != 0; --most) {
                taken.push_back(std::move(next.items.front()));
                next.items.pop_front();
            }
            waiting_.fetch_sub(taken.size());
            return &next;
        }
        return nullptr;
    }
    void end(lane& mine) noexcept {
        mine.busy = false;
        if (!mine.items.empty()) free_.fetch_add(1);
    }

    // Sequential: who changes one then looks whether anybody is awake for it.
    /// Items in all lanes.
    [[nodiscard]] std::size_t waiting() const noexcept { return waiting_.load(); }
    /// Lanes with items that nobody works on.
    [[nodiscard]] std::size_t free() const noexcept { return free_.load(); }

private:
    std::vector<lane> lanes_{};
    std::size_t turn_ = 0;
    std::atomic<std::size_t> waiting_{0}, free_{0};
};

}  // namespace muster::detail
