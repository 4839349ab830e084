#pragma once

#include <algorithm>    // clamp, max, min
#include <cmath>        // abs
#include <cstddef>      // size_t
#include <utility>      // move
#include <vector>       // what was sent

namespace muster::detail {

/// Finds the rate that the other side grants from when it refuses. Knows no clock, no lock and no caller; guarded by its owner,
/// who pauses after a refusal. Times are seconds of one clock.
///
/// The other side is taken for a bucket of unknown size that fills at the rate sought. Until the first refusal the pace doubles.
/// A refusal says that the bucket was empty: what was sent until then, less what had come back, is its size. Each rate gives
/// another size; two refusals after stretches of different length agree on one size for one rate alone. That rate, a little less,
/// is kept; from time to time it is raised gently, more rarely each time that this is refused.
class rate_search {
public:
    rate_search(double start, double least, double share) : least_(least), share_(share), rate_(start) {}

    /// What may be sent in a second.
    [[nodiscard]] double rate() const noexcept { return rate_; }
    /// Counts the refusals that led to a pause: what was sent before the last one says nothing new.
    [[nodiscard]] unsigned long long era() const noexcept { return era_; }
    /// True once the rate is known rather than guessed.
    [[nodiscard]] bool settled() const noexcept { return mode_ == mode::settled || mode_ == mode::stated; }

    void sent(double now, double weight);
    void answered(double sent_at, double now);
    /// True where this is news: the owner pauses. Of a call that was sent in an era before it is not.
    bool refused(unsigned long long era, double sent_at);
    /// The other side has said what it grants in a second.
    void stated(double rate);

private:
    enum class mode : unsigned char { doubling, seeking, settled, stated };
    struct piece {
        double from, to;    // when its first and its last were sent, evenly
        double weight;      // of all in it
    };
    struct stretch {      // between two pauses
        std::vector<piece> pieces;
        double end = 0;             // when what was refused had been sent
        double last = 0;            // when the last was sent, which may be later
        bool from_the_start = true;
    };
    static constexpr std::size_t most_pieces = 1'024;
    static constexpr double piece_length = 0.01, shortest_window = 0.1, first_hold = 10, longest_hold = 320;

    [[nodiscard]] double window() const { return std::max({shortest_window, 2 * latency_, 3 / rate_}); }
    void grow(double now);
    void decide(double now);
    [[nodiscard]] static double level(stretch const& of, double rate, double before);
    /// How much larger the bucket would be after the second stretch than after the first, if it filled at `rate`.
    [[nodiscard]] double gap(double rate) const {
        auto const first = level(before_, rate, 0);
        return level(now_, rate, std::max(0.0, first - rate * (now_.pieces.front().from - before_.last))) - first;
    }
    [[nodiscard]] double solved() const;    // 0: they do not say
    [[nodiscard]] double guessed() const;
    void set(double rate) { rate_ = std::clamp(rate, least_, 1e7); }

    double const least_, share_;
    double rate_;
    double stated_ = 0;
    mode mode_ = mode::doubling;
    unsigned long long era_ = 0;
    bool undecided_ = false;        // refused, and nothing was sent since: more refusals may tell more
    stretch before_, now_;
    double latency_ = 0;
    double window_from_ = -1;       // none yet
    double window_sent_ = 0;
    bool window_answered_ = false;  // something that was sent in it
    unsigned unsolved_ = 0;         // refusals that have not told the rate
    double hold_ = first_hold;      // how long a settled rate is kept
    double until_ = 0;              // and until when
    double step_ = 0.01;            // by which it is raised after that
};

// Implementation

inline void rate_search::sent(double now, double weight) {
    if (std::exchange(undecided_, false)) decide(now);
    if (window_from_ < 0) window_from_ = now;
    if (now - window_from_ >= window()) grow(now);
    window_sent_ += weight;

    auto& pieces = now_.pieces;
    now_.last = now;
    if (!pieces.empty() && now - pieces.back().from < piece_length) {
        pieces.back().to = now;
        pieces.back().weight += weight;
        return;
    }
    if (pieces.size() == most_pieces) {
        pieces.erase(pieces.begin(), pieces.begin() + most_pieces / 2);
        now_.from_the_start = false;
    }
    pieces.push_back({now, now, weight});
}

inline void rate_search::answered(double sent_at, double now) {
    auto const took = std::max(0.0, now - sent_at);
    latency_ = latency_ == 0 ? took : latency_ + (took - latency_) / 16;
    if (sent_at >= window_from_ && window_from_ >= 0) window_answered_ = true;
}

// At the end of a window: faster, where the pace was what held the calls back and nothing speaks against it.
inline void rate_search::grow(double now) {
    bool const used = window_answered_ && window_sent_ >= 0.7 * rate_ * (now - window_from_);
    window_from_ = now;
    window_sent_ = 0;
    window_answered_ = false;
    if (!used) return;
    switch (mode_) {
        case mode::doubling: return set(2 * rate_);
        case mode::seeking:
        case mode::settled:
            if (now < until_) return;
            set(rate_ * (1 + step_));
            step_ = std::min(mode_ == mode::settled ? 0.25 : 0.5, 1.1 * step_);
            return;
        case mode::stated: return set(std::min(share_ * stated_, 1.01 * rate_));
    }
}

inline bool rate_search::refused(unsigned long long era, double sent_at) {
    if (undecided_ && era + 1 == era_) now_.end = std::min(now_.end, sent_at);    // answers do not come in the order of requests
    if (era != era_ || now_.pieces.empty()) return false;
    ++era_;
    now_.end = sent_at;
    return undecided_ = true;
}

// When the pause is over: at which pace to go on.
inline void rate_search::decide(double now) {
    auto const most = share_ * rate_;    // slower in any case
    double keep = 0;
    auto const on_trial = mode_ == mode::settled && now_.end >= until_;
    if (mode_ == mode::stated) {
        set(std::max(0.25 * share_ * stated_, 0.9 * rate_));    // what is stated is not all: others may share it
    } else if (auto const found = solved(); found > 0) {
        set(std::min(most, share_ * found));
        mode_ = mode::settled;
        unsolved_ = 0;
    } else if (auto const guess = share_ * guessed(); mode_ == mode::settled && (on_trial || guess > 0.8 * rate_)) {
        set(std::min(most, guess));
    } else {
        if (mode_ == mode::settled) unsolved_ = 0;    // it grants far less than it did
        set(std::clamp(guess, rate_ / 8, 0.9 * rate_));
        mode_ = mode::seeking;
        keep = ++unsolved_ < 2 ? 0 : std::min(longest_hold, 0.5 * static_cast<double>(1u << std::min(unsolved_, 10u)));
    }
    hold_ = on_trial ? std::min(longest_hold, 2 * hold_) : first_hold;
    before_ = std::move(now_);
    now_ = {};
    window_from_ = now;
    window_sent_ = 0;
    window_answered_ = false;
    step_ = mode_ == mode::settled ? 0.01 : 0.1;
    until_ = now + (mode_ == mode::settled ? hold_ : keep);
}

inline void rate_search::stated(double rate) {
    if (rate == stated_) return;
    stated_ = rate;
    mode_ = mode::stated;
    set(share_ * rate);
}

// What would be missing from the bucket at the end, if `before` was missing at the start and it fills at `rate`.
inline double rate_search::level(stretch const& of, double rate, double before) {
    auto missing = before;
    auto last = of.pieces.front().from;
    for (auto const& each : of.pieces) {
        if (each.from > of.end) break;
        missing = std::max(0.0, missing - rate * (each.from - last));
        auto const to = std::min(each.to, of.end);
        auto const weight = each.to > of.end ? each.weight * (to - each.from) / (each.to - each.from) : each.weight;
        missing = std::max(0.0, missing + weight - rate * (to - each.from));
        last = to;
    }
    return missing;
}

inline double rate_search::solved() const {
    if (before_.pieces.empty() || !before_.from_the_start) return 0;
    if (now_.end <= now_.pieces.front().from) return 0;
    double low = 1e-3 * rate_, high = rate_;    // it was refused at that
    auto const sign = gap(low) > 0;
    if (sign == (gap(high) > 0)) return 0;
    for (int i = 0; i < 40; ++i) (sign == (gap((low + high) / 2) > 0) ? low : high) = (low + high) / 2;
    // Stretches of like length agree on every rate.
    auto const size = level(before_, low, 0);
    return std::abs(gap(0.9 * low) - gap(1.1 * low)) >= std::max(3.0, 0.03 * size) ? low : 0;
}

// From one refusal alone: with a bucket that fills in a tenth of a second. Whatever was sent before the bucket was last full counts
// for nothing: that is the stretch that gives the most.
inline double rate_search::guessed() const {
    double sum = 0, most = 0;
    for (auto each = now_.pieces.rbegin(); each != now_.pieces.rend(); ++each) {
        if (each->from > now_.end) continue;
        sum += each->to > now_.end ? each->weight * (now_.end - each->from) / (each->to - each->from) : each->weight;
        most = std::max(most, sum / (now_.end - each->from + 0.1));
    }
    return most;
}

}  // namespace muster::detail
