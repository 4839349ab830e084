#pragma once

#include <algorithm>    // max
#include <chrono>       // steady_clock
#include <cmath>        // floor
#include <cstdint>      // uint64_t

namespace muster::llm::detail {

/// A limit as Azure keeps it: in each window of some seconds its share of what a minute has, however little came in the windows before.
///
/// Shape      a window begins with the first request after the one before, and lets at least one through.
class request_window {
public:
    using clock = std::chrono::steady_clock;

    request_window(double per_second, std::chrono::nanoseconds length)
        : length_(length), most_(share_of(per_second * std::chrono::duration<double>{length}.count())) {}

    [[nodiscard]] bool has(clock::time_point now) const noexcept { return is_over(now) || taken_ < most_; }
    void take(clock::time_point now) noexcept {
        if (is_over(now)) {
            began_ = now;
            taken_ = 0;
        }
        ++taken_;
    }
    /// How long it lasts from now on.
    [[nodiscard]] std::chrono::nanoseconds left(clock::time_point now) const noexcept {
        return is_over(now) ? std::chrono::nanoseconds{0} : std::chrono::nanoseconds{began_ + length_ - now};
    }

private:
    static std::uint64_t share_of(double requests) { return static_cast<std::uint64_t>(std::max(1.0, std::floor(requests + 1e-9))); }
    [[nodiscard]] bool is_over(clock::time_point now) const noexcept { return taken_ == 0 || now - began_ >= length_; }

    std::chrono::nanoseconds length_;
    std::uint64_t most_;
    std::uint64_t taken_ = 0;
    clock::time_point began_{};
};

}  // namespace muster::llm::detail
