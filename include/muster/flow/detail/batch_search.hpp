#pragma once

#include <algorithm>    // clamp, max, min
#include <array>        // a window
#include <cstddef>      // size_t

namespace muster::detail {

/// Finds how many items a call is best given, from how long calls take. Knows no clock and no lock; guarded by its owner.
///
/// It climbs: what an item costs at a size is compared with what it costs at a larger or a smaller one. A larger one is taken where an
/// item costs at least a twentieth less, a smaller one where it costs as good as the same, for its items wait less. A trial is
/// three calls, of which the middle one counts, and until the first trial that fails one call. Trials go twice as far, after one that
/// failed half as far, and come more rarely each time that they fail; a cost that has changed by half is a new load: all is tried
/// anew.
///
/// Where a call costs `a + b n`, doubling ends when it would save less than a twentieth: an item then costs at most 1.11 b, and b
/// at the least, whatever the size.
///
/// Source     hill climbing as in J. Hellerstein, V. Morrison and E. Eilebrecht, "Applying control theory in the real world" (the
///            thread pool of .NET, 2009), on a cost that is measured per item.
class batch_search {
public:
    explicit batch_search(std::size_t most) : most_(std::max<std::size_t>(1, most)), size_(std::max<std::size_t>(1, most_ / 8)) {}

    [[nodiscard]] std::size_t size() const noexcept { return trial_ != 0 ? trial_ : size_; }

    /// A call with so many items, where `asked` were wanted, has ended well after so long. What waited for more items, or had none, says
    /// nothing of the size.
    void ended(std::size_t asked, std::size_t items, double seconds) noexcept {
        if (asked != size() || items < asked) return;
        window_[calls_++] = seconds / static_cast<double>(items);
        if (calls_ < (settled_ ? window_.size() : 1)) return;
        auto const cost = middle();
        calls_ = 0;
        if (trial_ == 0) rest(cost);
        else judge(cost);
    }

private:
    static constexpr unsigned least_patience = 2, most_patience = 64;    // windows between two trials
    static constexpr double gain = 0.95, same = 1.03, new_load = 1.5, longest_reach = 1, shortest_reach = 0.25;

    [[nodiscard]] double middle() const noexcept {
        auto const [a, b, c] = window_;
        return calls_ == 1 ? a : std::max(std::min(a, b), std::min(std::max(a, b), c));
    }
    void rest(double cost) noexcept {
        if (cost_ > 0 && (cost > cost_ * new_load || cost * new_load < cost_)) {
            patience_ = least_patience;
            wait_ = 0;
            reach_ = longest_reach;
            up_ = true;
        }
        cost_ = cost;
        if (wait_ != 0) {
            --wait_;
            return;
        }
        if (next() == size_) up_ = !up_;
        if (auto const there = next(); there != size_) trial_ = there;
    }
    void judge(double cost) noexcept {
        auto const tried = trial_;
        trial_ = 0;
        if (cost < cost_ * (tried > size_ ? gain : same)) {
            size_ = tried;
            cost_ = cost;
            patience_ = least_patience;
            if (auto const there = next(); there != size_) trial_ = there;
            return;
        }
        settled_ = true;
        if (up_) reach_ = std::max(shortest_reach, reach_ / 2);
        up_ = !up_;
        wait_ = patience_;
        patience_ = std::min(most_patience, 2 * patience_);
    }
    [[nodiscard]] std::size_t next() const noexcept {
        auto const now = static_cast<double>(size_);
        if (up_) return std::min(most_, std::max(size_ + 1, static_cast<std::size_t>(now * (1 + reach_))));
        return std::max<std::size_t>(1, static_cast<std::size_t>(now / (1 + reach_)));
    }

    std::size_t most_, size_, trial_ = 0;
    std::array<double, 3> window_{};
    std::size_t calls_ = 0;
    double cost_ = 0, reach_ = longest_reach;
    unsigned patience_ = least_patience, wait_ = 0;
    bool up_ = true, settled_ = false;
};

}  // namespace muster::detail
