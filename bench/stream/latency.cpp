#include "latency.hpp"

#include <chrono>      // steady_clock
#include <cmath>       // log
#include <iterator>    // input_iterator_tag
#include <random>      // mt19937_64
#include <thread>      // sleep_until

#include <muster/exec/blocking_pool.hpp>
#include <muster/exec/thread_pool.hpp>
#include <muster/flow/stream.hpp>

namespace bench::stream {

namespace {

using clock = std::chrono::steady_clock;

// Items that come at random moments: each is the moment at which it was due.
class arrivals {
public:
    arrivals(std::size_t count, double mean_seconds) : left_(count), gap_(1 / mean_seconds) {}
    struct iterator {
        using iterator_concept = std::input_iterator_tag;
        using value_type = clock::time_point;
        using difference_type = std::ptrdiff_t;
        arrivals* of = nullptr;
        clock::time_point operator*() const { return of->due_; }
        iterator& operator++() { return of->next(), *this; }
        void operator++(int) { ++*this; }
        bool operator==(std::default_sentinel_t) const { return of->left_ == 0; }
    };
    iterator begin() {
        due_ = clock::now();
        next();
        return {this};
    }
    static std::default_sentinel_t end() { return {}; }

private:
    void next() {
        --left_;
        due_ += std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>(gap_(random_)));
        std::this_thread::sleep_until(due_);
    }
    std::size_t left_;
    std::exponential_distribution<double> gap_;
    std::mt19937_64 random_{1};
    clock::time_point due_{};
};

}  // namespace

std::vector<double> latencies(std::size_t items, double items_a_second, work each) {
    muster::thread_pool pool{workers};
    muster::blocking_pool reader{2};    // the source waits
    auto const step = [each](clock::time_point due) {
        (void)each(1);
        return due;
    };
    std::vector<double> out;
    for (auto& one : muster::stream(arrivals{items, 1 / items_a_second}, muster::pipeline{muster::on{reader, 1} | [](clock::time_point due) { return due; }, muster::on{pool} | step, muster::on{pool} | step,
                                         muster::on{pool} | step}))
        out.push_back(std::chrono::duration<double, std::milli>(clock::now() - *one).count());
    return out;
}

}  // namespace bench::stream
