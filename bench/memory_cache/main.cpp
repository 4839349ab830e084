// memory_cache against what is usually written instead of it: a std::unordered_map behind a std::shared_mutex, which forgets nothing.
//
// A million keys of 16 to 40 bytes, values of 64, all of them held; each thread looks up 95 times of 100 and stores 5 times, by a Zipf
// distribution of exponent 0.99. What is written is millions of calls a second, of all threads together.

#include <algorithm>        // lower_bound
#include <array>            // values
#include <atomic>           // the start
#include <cmath>            // pow
#include <cstdint>          // uint64_t
#include <mutex>            // unique_lock
#include <random>           // mt19937_64
#include <shared_mutex>     // shared_mutex
#include <string>           // keys
#include <thread>           // jthread
#include <unordered_map>    // the rival
#include <vector>           // keys

#include <measure.hpp>

#include <muster/cache/memory_cache.hpp>

namespace {

struct value {
    std::uint64_t of;
    std::array<char, 56> rest{};
};

class shared_map {
public:
    std::optional<value> get(std::string const& key) {
        std::shared_lock lock(mutex_);
        auto const found = map_.find(key);
        return found == map_.end() ? std::nullopt : std::optional{found->second};
    }
    void put(std::string const& key, value const& what) {
        std::unique_lock lock(mutex_);
        map_.insert_or_assign(key, what);
    }

private:
    std::shared_mutex mutex_;
    std::unordered_map<std::string, value> map_;
};

struct calls {
    std::vector<std::string> keys;
    std::vector<std::vector<std::uint32_t>> of_thread;    // numbers of keys; the highest bit: stored
    static constexpr std::uint32_t stored = 1u << 31;
};

calls made(std::size_t keys, std::size_t threads, std::size_t each) {
    calls out;
    std::mt19937_64 random{7};
    for (std::size_t i = 0; i < keys; ++i) {
        auto key = std::to_string(i) + ":";
        key.resize(16 + random() % 25, 'x');
        out.keys.push_back(std::move(key));
    }
    std::shuffle(out.keys.begin(), out.keys.end(), random);
    std::vector<double> sums;
    double sum = 0;
    for (std::size_t i = 0; i < keys; ++i) sums.push_back(sum += 1 / std::pow(static_cast<double>(i + 1), 0.99));
    std::uniform_real_distribution<double> point{0, sum};
    for (std::size_t t = 0; t < threads; ++t) {
        auto& numbers = out.of_thread.emplace_back();
        for (std::size_t i = 0; i < each; ++i) {
            auto const at = std::lower_bound(sums.begin(), sums.end() - 1, point(random)) - sums.begin();
            numbers.push_back(static_cast<std::uint32_t>(at) | (random() % 20 == 0 ? calls::stored : 0));
        }
    }
    return out;
}

template <class Cache>
void run(Cache& cache, calls const& all, std::vector<std::uint32_t> const& numbers, std::atomic<bool>& right) {
    for (auto const number : numbers) {
        auto const which = number & ~calls::stored;
        if (number & calls::stored) {
            cache.put(all.keys[which], value{which});
        } else if (auto const found = cache.get(all.keys[which]); !found || found->of != which) {
            right = false;
        }
    }
}

template <class Cache>
double million_calls_a_second(Cache& cache, calls const& all, std::size_t threads) {
    std::atomic<bool> right{true};
    auto const took = bench::seconds([&] {
        std::vector<std::jthread> running;
        for (std::size_t t = 0; t < threads; ++t) running.emplace_back([&, t] { run(cache, all, all.of_thread[t], right); });
    });
    if (!right) {
        std::fprintf(stderr, "a value was not the one that was stored\n");
        std::exit(1);
    }
    return 1e-6 * static_cast<double>(threads * all.of_thread[0].size()) / took;
}

}  // namespace

int main(int argc, char** argv) {
    bench::report const report(argc, argv);
    auto const keys = report.size<std::size_t>(1'000'000, 10'000);
    auto const all = made(keys, 2, report.size<std::size_t>(2'000'000, 20'000));
    shared_map rival;
    muster::memory_cache<std::string, value> cache{{.entries = keys * 2}};    // no shard is ever full
    for (std::uint32_t i = 0; i < keys; ++i) {
        rival.put(all.keys[i], value{i});
        cache.put(all.keys[i], value{i});
    }
    for (std::size_t const threads : {1u, 2u}) {
        auto const suffix = std::string{"_"} += std::to_string(threads);
        auto const rounds = bench::in_quiet_rounds({{"memory_cache", [&] { return million_calls_a_second(cache, all, threads); }},
                                                    {"shared_map", [&] { return million_calls_a_second(rival, all, threads); }}},
                                                   report.size(15, 2), 60);
        rounds.figures(report, "", suffix, "M/s");
        rounds.ratio(report, "memory_cache_against_shared_map" + suffix, "memory_cache", "shared_map");
    }
}
