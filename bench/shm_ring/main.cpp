// What it costs to pass numbers of 8 bytes through a bounded queue: alone, from one thread to another, and from two to two. Rivals
// are boost::lockfree, where its headers are found, and a deque behind a mutex; neither of them reaches another process.
#include <muster/os/relax.hpp>
#include <muster/shm/shm_ring.hpp>

#include <algorithm>    // min
#include <array>        // batches
#include <atomic>       // sums
#include <cstdint>      // uint64_t
#include <cstdio>       // fprintf
#include <cstdlib>      // exit
#include <deque>        // a rival
#include <memory>       // make_unique
#include <mutex>        // a rival
#include <span>         // batches
#include <string>       // names
#include <thread>       // jthread
#include <vector>       // contenders

#if __has_include(<boost/lockfree/queue.hpp>)
#include <boost/lockfree/queue.hpp>
#include <boost/lockfree/spsc_queue.hpp>
#define BENCH_BOOST_LOCKFREE 1
#endif

#include <measure.hpp>    // interleaved, report

namespace {

using number = std::uint64_t;
constexpr std::size_t capacity = 1'024;

template <muster::ring_kind Kind>
struct muster_ring {
    muster::shm_ring<number, Kind> ring = muster::shm_ring<number, Kind>::make(capacity);
    bool push(number value) { return ring.try_push(value); }
    bool pop(number& value) { return ring.try_pop(std::span{&value, 1}) == 1; }
};

// The forms that wait.
template <muster::ring_kind Kind>
struct waiting_ring {
    muster::shm_ring<number, Kind> ring = muster::shm_ring<number, Kind>::make(capacity);
    bool push(number value) {
        thread_local muster::context cx;
        return ring.push(value, cx).has_value();
    }
    bool pop(number& value) {
        thread_local muster::context cx;
        auto got = ring.pop(cx);
        if (got) value = *got;
        return got.has_value();
    }
};

struct locked_deque {
    std::mutex mutex;
    std::deque<number> values;
    bool push(number value) {
        std::lock_guard const lock(mutex);
        if (values.size() == capacity) return false;
        values.push_back(value);
        return true;
    }
    bool pop(number& value) {
        std::lock_guard const lock(mutex);
        if (values.empty()) return false;
        value = values.front();
        values.pop_front();
        return true;
    }
};

#if defined(BENCH_BOOST_LOCKFREE)
struct boost_spsc {
    boost::lockfree::spsc_queue<number, boost::lockfree::capacity<capacity>> queue;
    bool push(number value) { return queue.push(value); }
    bool pop(number& value) { return queue.pop(value); }
};
struct boost_mpmc {
    boost::lockfree::queue<number, boost::lockfree::capacity<capacity>> queue;
    bool push(number value) { return queue.bounded_push(value); }
    bool pop(number& value) { return queue.pop(value); }
};
#endif

// Tries until it is done; gives its core away after a while, as there may be more threads than cores.
template <class Try>
void until_done(Try&& done) {
    for (unsigned turn = 1; !done(); ++turn) {
        if (turn % 64 == 0) std::this_thread::yield();
        else muster::relax();
    }
}

void check(number sum, number values) {
    if (sum == values * (values - 1) / 2) return;
    std::fprintf(stderr, "a wrong sum\n");
    std::exit(1);
}

template <class Queue>
double alone(number values) {
    auto const queue = std::make_unique<Queue>();
    number sum = 0;
    auto const took = bench::seconds([&] {
        for (number i = 0; i < values; ++i) {
            number got = 0;
            (void)queue->push(i);
            (void)queue->pop(got);
            sum += got;
        }
    });
    check(sum, values);
    return took * 1e9 / static_cast<double>(values);    // ns each
}

template <class Queue>
double across(number values, number threads) {
    auto const queue = std::make_unique<Queue>();
    std::atomic<number> sum{0};
    auto const took = bench::seconds([&] {
        std::vector<std::jthread> all;
        for (number me = 0; me < threads; ++me) {
            all.emplace_back([&, me] {
                for (number i = me; i < values; i += threads) until_done([&] { return queue->push(i); });
            });
            all.emplace_back([&, me] {
                number mine = 0;
                for (number i = me; i < values; i += threads) {
                    number got = 0;
                    until_done([&] { return queue->pop(got); });
                    mine += got;
                }
                sum += mine;
            });
        }
    });
    check(sum, values);
    return static_cast<double>(values) / took / 1e6;    // millions a second
}

template <muster::ring_kind Kind>
double in_batches(number values) {
    auto ring = muster::shm_ring<number, Kind>::make(capacity);
    constexpr number batch = 64;
    number sum = 0;
    auto const took = bench::seconds([&] {
        std::jthread const pushing{[&] {
            std::array<number, batch> some{};
            for (number at = 0; at < values; at += batch) {
                auto const n = std::min(batch, values - at);
                for (number i = 0; i < n; ++i) some[i] = at + i;
                std::size_t done = 0;
                until_done([&] { return (done += ring.try_push(std::span<number const>{some}.subspan(done, n - done))) == n; });
            }
        }};
        std::array<number, batch> some{};
        for (number seen = 0; seen < values;) {
            std::size_t n = 0;
            until_done([&] { return (n = ring.try_pop(some)) != 0; });
            for (std::size_t i = 0; i < n; ++i) sum += some[i];
            seen += n;
        }
    });
    check(sum, values);
    return static_cast<double>(values) / took / 1e6;
}

void compare(bench::report const& out, std::string const& what, char const* unit, std::vector<bench::contender> const& all) {
    auto const samples = bench::interleaved(all, out.size(9, 1));
    for (std::size_t i = 0; i < all.size(); ++i) out.figure(what + "/" + all[i].name, samples[i], unit);
}

}  // namespace

int main(int argc, char** argv) {
    using enum muster::ring_kind;
    bench::report const out{argc, argv};
    auto const few = out.size<number>(4'000'000, 10'000);
    std::vector<bench::contender> one{{"muster spsc", [=] { return alone<muster_ring<spsc>>(few); }},
                                      {"muster mpmc", [=] { return alone<muster_ring<mpmc>>(few); }},
                                      {"mutex and deque", [=] { return alone<locked_deque>(few); }}};
    std::vector<bench::contender> pair{{"muster spsc", [=] { return across<muster_ring<spsc>>(few, 1); }},
                                       {"muster spsc, waiting", [=] { return across<waiting_ring<spsc>>(few, 1); }},
                                       {"muster spsc, batches of 64", [=] { return in_batches<spsc>(few); }},
                                       {"muster mpmc", [=] { return across<muster_ring<mpmc>>(few, 1); }},
                                       {"muster mpmc, waiting", [=] { return across<waiting_ring<mpmc>>(few, 1); }},
                                       {"muster mpmc, batches of 64", [=] { return in_batches<mpmc>(few); }},
                                       {"mutex and deque", [=] { return across<locked_deque>(few, 1); }}};
    std::vector<bench::contender> four{{"muster mpmc", [=] { return across<muster_ring<mpmc>>(few, 2); }},
                                       {"muster mpmc, waiting", [=] { return across<waiting_ring<mpmc>>(few, 2); }},
                                       {"mutex and deque", [=] { return across<locked_deque>(few, 2); }}};
#if defined(BENCH_BOOST_LOCKFREE)
    one.push_back({"boost spsc_queue", [=] { return alone<boost_spsc>(few); }});
    one.push_back({"boost queue", [=] { return alone<boost_mpmc>(few); }});
    pair.push_back({"boost spsc_queue", [=] { return across<boost_spsc>(few, 1); }});
    pair.push_back({"boost queue", [=] { return across<boost_mpmc>(few, 1); }});
    four.push_back({"boost queue", [=] { return across<boost_mpmc>(few, 2); }});
#endif
    compare(out, "push and pop", "ns", one);
    compare(out, "1 to 1", "M/s", pair);
    compare(out, "2 to 2", "M/s", four);
}
