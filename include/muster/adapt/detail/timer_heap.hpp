#pragma once

#include <algorithm>    // min
#include <cstddef>      // size_t
#include <vector>       // vector

#include <muster/core/waiter.hpp>    // instant

namespace muster::detail {

/// Who is due first. Each knows its place, so that it can be taken out: most waits are over before their time is.
///
/// Shape      T has a member `std::size_t timer`, `no_timer` outside.
/// Threads    none.
/// Cost       four children a place: half as deep as with two. No allocation up to what was reserved.
template <class T>
class timer_heap {
public:
    /// Room for so many at once; more must not be there.
    void reserve(std::size_t most) { all_.reserve(most); }

    [[nodiscard]] bool empty() const noexcept { return all_.empty(); }
    [[nodiscard]] instant first_due() const noexcept { return all_.front().due; }
    [[nodiscard]] T& first() const noexcept { return *all_.front().who; }

    void add(T& who, instant due) noexcept {
        all_.push_back({due, &who});
        rise(all_.size() - 1);
    }
    /// Does nothing where it is not in.
    void remove(T& who) noexcept {
        auto const at = who.timer;
        if (at == T::no_timer) return;
        who.timer = T::no_timer;
        auto const last = all_.back();
        all_.pop_back();
        if (last.who == &who) return;
        put(at, last);
        rise(at);
        sink(last.who->timer);
    }

private:
    static constexpr std::size_t children = 4;
    struct entry {
        instant due;
        T* who;
    };
    void put(std::size_t at, entry what) noexcept {
        all_[at] = what;
        what.who->timer = at;
    }
    void rise(std::size_t at) noexcept {
        auto const what = all_[at];
        for (; at != 0; at = (at - 1) / children) {
            auto const above = all_[(at - 1) / children];
            if (above.due <= what.due) break;
            put(at, above);
        }
        put(at, what);
    }
    void sink(std::size_t at) noexcept {
        auto const what = all_[at];
        for (;;) {
            auto const begin = at * children + 1, end = std::min(begin + children, all_.size());
            if (begin >= end) break;
            auto first = begin;
            for (auto each = begin + 1; each < end; ++each)
                if (all_[each].due < all_[first].due) first = each;
            if (what.due <= all_[first].due) break;
            put(at, all_[first]);
            at = first;
        }
        put(at, what);
    }

    std::vector<entry> all_;
};

}  // namespace muster::detail
