#pragma once

#include <chrono>      // steady_clock
#include <cstddef>     // size_t
#include <iterator>    // input_iterator_tag
#include <random>      // mt19937_64
#include <thread>      // sleep_until

namespace bench::stream {

/// Items that come at random moments: each is the moment at which it was due.
class arrivals {
public:
    arrivals(std::size_t count, double mean_seconds) : left_(count), gap_(1 / mean_seconds) {}
    struct iterator {
        using iterator_concept = std::input_iterator_tag;
        using value_type = std::chrono::steady_clock::time_point;
        using difference_type = std::ptrdiff_t;
        arrivals* of = nullptr;
        std::chrono::steady_clock::time_point operator*() const { return of->due_; }
        iterator& operator++() { return of->next(), *this; }
        void operator++(int) { ++*this; }
        bool operator==(std::default_sentinel_t) const { return of->left_ == 0; }
    };
    iterator begin() {
        due_ = std::chrono::steady_clock::now();
        next();
        return {this};
    }
    static std::default_sentinel_t end() { return {}; }

private:
    void next() {
        --left_;
        due_ += std::chrono::duration_cast<std::chrono::steady_clock::duration>(std::chrono::duration<double>(gap_(random_)));
        std::this_thread::sleep_until(due_);
    }
    std::size_t left_;
    std::exponential_distribution<double> gap_;
    std::mt19937_64 random_{1};
    std::chrono::steady_clock::time_point due_{};
};

inline double milliseconds_since(std::chrono::steady_clock::time_point due) {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - due).count();
}

}  // namespace bench::stream
