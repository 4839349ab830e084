#pragma once

#include <algorithm>    // max, min
#include <chrono>       // steady_clock

namespace muster::llm::detail {

/// A limit as endpoints keep it: so much a second, some of it at once after a pause.
class token_bucket {
public:
    using clock = std::chrono::steady_clock;

    token_bucket() = default;
    /// `per_second` 0: no limit.
    token_bucket(double per_second, double size) : rate_(per_second), size_(size), level_(size) {}

    [[nodiscard]] bool is_limit() const noexcept { return rate_ > 0; }
    [[nodiscard]] bool has(double cost, clock::time_point now) {
        if (!is_limit()) return true;
        fill(now);
        // What never fits passes when the bucket is full: else it could never be asked.
        return level_ + 1e-9 >= std::min(cost, size_);
    }
    void take(double cost) noexcept {
        if (is_limit()) level_ -= cost;
    }
    [[nodiscard]] double rate() const noexcept { return rate_; }
    /// What was taken and has not come back yet.
    [[nodiscard]] double taken() const noexcept { return size_ - level_; }
    /// Until all of that has come back.
    [[nodiscard]] std::chrono::nanoseconds until_full() const noexcept {
        return std::chrono::nanoseconds{is_limit() ? static_cast<long long>(std::max(0.0, taken()) / rate_ * 1e9) : 0};
    }

private:
    void fill(clock::time_point now) {
        if (now <= filled_) return;
        level_ = std::min(size_, level_ + rate_ * std::chrono::duration<double>{now - filled_}.count());
        filled_ = now;
    }

    double rate_ = 0;
    double size_ = 0;
    double level_ = 0;
    clock::time_point filled_{};
};

}  // namespace muster::llm::detail
