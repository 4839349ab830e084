#pragma once

#include <algorithm>    // min
#include <chrono>       // how long a group took
#include <cstddef>      // size_t

#include <muster/core/context.hpp>    // context
#include <muster/core/waiter.hpp>     // instant, never

namespace muster::detail {

/// Says how many items of a plain task to run until the next look for a stop or the deadline.
///
/// Items that take long are run one by one. Those that are over quickly are run in groups, each at most twice as large as the one
/// before it, and over in about 20 us if its items are like those; where they are not, one by one again. Where nothing can stop
/// the loop there is no look, and the clock is not read.
class pace {
public:
    explicit pace(context const& cx) : cx_(cx), may_stop_(cx.may_stop()) {}

    /// How many of `wanted` items; 0 when no more is to start.
    [[nodiscard]] std::size_t next(std::size_t wanted) {
        if (!may_stop_) return wanted;
        if (left_ == 0 && !look()) return 0;
        auto const now = std::min(left_, wanted);
        left_ -= now;
        return now;
    }

private:
    static constexpr std::size_t few = 32, most = 1'024;
    static constexpr std::chrono::nanoseconds quick{20};    // an item

    bool look() {
        if (cx_.stop_requested()) return false;
        left_ = 1;
        if (measured_ == 0) {
            since_ = cx_.now();
        } else if (measured_ >= few) {
            auto const now = cx_.now();
            if (now - since_ < quick * static_cast<int>(measured_)) left_ = std::min(most, 2 * measured_);
            since_ = now;
            measured_ = 0;
        }
        measured_ += left_;
        return true;
    }

    context const& cx_;
    bool may_stop_;
    std::size_t left_ = 0;        // to run until the next look
    std::size_t measured_ = 0;    // run since `since_`, those that are left among them
    instant since_{};
};

}  // namespace muster::detail
