#pragma once

#include <algorithm>    // clamp, max, min, nth_element
#include <cmath>        // floor, sqrt
#include <cstddef>      // size_t
#include <utility>      // exchange
#include <vector>       // the window

namespace muster::detail {

/// Finds how many calls may be inside at once from how long they take. Knows no clock, no lock and no caller; guarded by its owner.
///
/// A window is the calls that began since the limit last changed. Its median latency is compared with that of few calls at once:
/// good, at most `tolerance` times as long; else bad. Good windows raise the limit, twice as high at a time until one is bad; from
/// then on it lies between the highest good and the lowest bad limit, and half the way between is tried until they meet. Then it
/// rests at the good one, and tries the next from time to time, more rarely each time that it fails.
///
/// At rest it looks from time to time, for one window, how long half as many calls take: what few calls take is not learned from
/// many, for a queue that grows slowly would then be taken for what they cost.
///
/// A bad limit that was good before is cut, a little first and then by halves, until a window is good again. Where cuts do not help
/// the calls themselves have become longer: what few calls take is measured anew, and the limit goes back to where it was.
class concurrency_search {
public:
    concurrency_search(double least, double most, double start, double tolerance)
        : least_(least), most_(most), tolerance_(tolerance), limit_(std::clamp(start, least, most)) {}

    [[nodiscard]] double limit() const noexcept { return limit_; }
    /// Counts the changes of the limit: a call that began before the last one says nothing of it.
    [[nodiscard]] unsigned long long era() const noexcept { return era_; }

    /// All that may be inside was inside.
    void full() noexcept { full_ = true; }
    /// A call of era `began` has ended well after so many seconds.
    void ended(unsigned long long began, double seconds);
    /// A call of era `began` was refused, or took too long: there is no doubt that this is too much.
    void dropped(unsigned long long began);

private:
    static constexpr std::size_t fewest_calls = 10, most_calls = 200;    // of a window
    static constexpr unsigned least_patience = 4, most_patience = 64;
    static constexpr unsigned between_looks = 128;                       // windows at rest

    [[nodiscard]] double nth(std::size_t which);
    void good(double median);
    void bad(double median);
    void move_to(double limit);
    [[nodiscard]] double next_above(double limit) const noexcept;
    [[nodiscard]] double down_to(double share) const noexcept { return std::max(least_, std::min(limit_ - 1, std::floor(limit_ * share))); }

    double const least_, most_, tolerance_;
    double limit_;
    unsigned long long era_ = 0;
    std::vector<double> window_;
    bool full_ = false;
    double alone_ = 0;        // seconds that few calls at once take; 0: not known
    double good_ = 0;         // the highest limit that was good lately; 0: none yet
    double bad_ = 0;          // the lowest that was bad since; 0: none
    double trouble_ = 0;      // the limit at which a cut began that has not helped yet; 0: none
    double median_ = 0;       // of the first bad window of that cut
    double step_ = 1e9;       // to the next limit where no bad one is known; at most as large again
    unsigned doubts_ = 0;     // bad windows in a row at a limit that was good
    unsigned patience_ = least_patience;    // good windows before the next limit is tried
    unsigned rested_ = 0;
    unsigned since_look_ = 0;
    double looks_from_ = 0;   // the limit to go back to after a look at half as many; 0: there is none
};

// Implementation

inline void concurrency_search::ended(unsigned long long began, double seconds) {
    if (began != era_) return;
    window_.push_back(seconds);
    auto const least = std::clamp(static_cast<std::size_t>(limit_), fewest_calls, most_calls);
    if (window_.size() < least || (window_.size() < most_calls && window_.size() % fewest_calls != 0)) return;
    auto const size = window_.size();
    auto const median = nth(size / 2);
    // How far off this median may be, as a share: two standard errors, for a normal distribution of as wide a middle half.
    auto const doubt = 1.85 * (nth(size * 3 / 4) - nth(size / 4)) / (std::max(median, 1e-12) * std::sqrt(static_cast<double>(size)));
    auto const longest = alone_ * tolerance_;
    bool const compares = looks_from_ == 0 && alone_ > 0;
    bool const clear = doubt < 0.16 && (!compares || median * (1 + doubt) <= longest || median * (1 - doubt) > longest);
    if (!clear && size < most_calls) return;
    window_.clear();
    if (looks_from_ != 0) {
        alone_ = (alone_ + median) / 2;
        return move_to(std::exchange(looks_from_, 0));
    }
    if (alone_ <= 0) alone_ = median;
    if (median <= alone_ * tolerance_) good(median);
    else bad(median);
    full_ = false;
}

inline double concurrency_search::nth(std::size_t which) {
    auto const place = window_.begin() + static_cast<std::ptrdiff_t>(which);
    std::nth_element(window_.begin(), place, window_.end());
    return *place;
}

inline void concurrency_search::good(double median) {
    if (median < 0.75 * alone_) alone_ = median;    // more than chance: calls have become shorter
    doubts_ = 0;
    trouble_ = 0;
    if (!full_) return;    // fewer were inside than may be: that says nothing of more
    good_ = limit_;
    if (bad_ != 0 && bad_ <= good_) {    // what was bad is good again
        bad_ = 0;
        patience_ = std::max(least_patience, patience_ / 2);
        step_ = std::max(1.0, std::floor(limit_ / 8));    // not twice as many: perhaps chance
    }
    auto const next = next_above(limit_);
    if (next <= limit_ || (bad_ != 0 && next >= bad_ && ++rested_ < patience_)) {    // they have met
        if (++since_look_ < between_looks || limit_ <= least_) return;
        since_look_ = 0;
        looks_from_ = limit_;
        return move_to(down_to(0.5));
    }
    rested_ = 0;
    step_ = std::min(1e9, 2 * step_);
    move_to(next);
}

inline double concurrency_search::next_above(double limit) const noexcept {
    double next = limit + std::min(limit, step_);
    if (bad_ != 0) next = bad_ - limit > 1 ? limit + std::floor((bad_ - limit) / 2) : bad_;
    return std::min(most_, std::max(limit + 1, next));
}

inline void concurrency_search::bad(double median) {
    if (trouble_ != 0) {    // cut already
        if (median < 0.8 * median_) median_ = median;    // it helps
        else if (limit_ <= std::max(least_, std::floor(trouble_ / 8))) {
            alone_ = median;    // it did not: calls take that long now
            bad_ = 0;
            auto const back = trouble_;
            trouble_ = 0;
            return move_to(back);
        }
        return move_to(down_to(0.5));
    }
    if (limit_ <= good_ && ++doubts_ < 2) return;    // it was good: perhaps chance
    doubts_ = 0;
    bad_ = limit_;
    rested_ = 0;
    if (good_ != 0 && good_ < limit_) {    // tried too much: back to what is known
        patience_ = std::min(most_patience, patience_ * 2);
        return move_to(good_);
    }
    trouble_ = limit_;
    median_ = median;
    good_ = 0;
    if (limit_ <= least_) {    // nothing to cut
        trouble_ = 0;
        bad_ = 0;
        alone_ = median;
        return;
    }
    patience_ = std::min(most_patience, patience_ * 2);
    move_to(down_to(0.875));    // a little first: where it stands on the brink that is enough
}

inline void concurrency_search::dropped(unsigned long long began) {
    if (began != era_) return;    // one cut for all that were refused together
    looks_from_ = 0;
    bad_ = limit_;
    rested_ = 0;
    if (good_ != 0 && good_ < limit_) {
        patience_ = std::min(most_patience, patience_ * 2);
        return move_to(good_);
    }
    good_ = 0;
    move_to(down_to(0.75));
}

inline void concurrency_search::move_to(double limit) {
    limit_ = std::clamp(limit, least_, most_);
    window_.clear();
    full_ = false;
    ++era_;
}

}  // namespace muster::detail
