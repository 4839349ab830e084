#include <memory>    // unique_ptr
#include <string>    // names

#include <unistd.h>    // getpid

#include <measure.hpp>

#include <muster/cache/memory_cache.hpp>
#include <muster/cache/shm_cache.hpp>

#include "policies.hpp"
#include "problem.hpp"

namespace {

using namespace bench::hits;

class in_shared_memory {
public:
    explicit in_shared_memory(std::size_t capacity)
        : name_("muster-bench-hits-" + std::to_string(::getpid())),
          cache_(std::make_unique<entries>(name_, muster::shm_cache_options{.entries = capacity, .entry_bytes = 16})) {
        (void)entries::unlink(name_);
    }
    bool look(std::uint64_t key) {
        if (cache_->get(key)) return true;
        (void)cache_->put(key, key);
        return false;
    }

private:
    using entries = muster::shm_cache<std::uint64_t, std::uint64_t>;
    std::string name_;
    std::unique_ptr<entries> cache_;
};
class in_memory {
public:
    explicit in_memory(std::size_t capacity) : cache_(std::make_unique<entries>(muster::memory_cache_options{.entries = capacity})) {}
    bool look(std::uint64_t key) {
        if (cache_->get(key)) return true;
        cache_->put(key, key);
        return false;
    }

private:
    using entries = muster::memory_cache<std::uint64_t, std::uint64_t>;
    std::unique_ptr<entries> cache_;
};

/// Of the second half: the first one fills.
template <class Policy>
double misses(trace const& what, std::size_t capacity) {
    Policy policy{capacity};
    std::size_t missed = 0;
    auto const half = what.asked.size() / 2;
    for (std::size_t i = 0; i < what.asked.size(); ++i) missed += !policy.look(what.asked[i]) && i >= half;
    return static_cast<double>(missed) / static_cast<double>(what.asked.size() - half);
}

/// The share of the objects that has to be held for so many hits; 1 where all of them are not enough.
template <class Policy>
double capacity_for(trace const& what, double hits) {
    std::size_t low = 1, high = what.objects;
    if (1 - misses<Policy>(what, high) < hits) return 1;
    while (high - low > what.objects / 500) {
        auto const middle = (low + high) / 2;
        (1 - misses<Policy>(what, middle) < hits ? low : high) = middle;
    }
    return static_cast<double>(high) / static_cast<double>(what.objects);
}

}  // namespace

int main(int argc, char** argv) {
    bench::report const to{argc, argv};
    auto const objects = to.size<std::size_t>(1'000'000, 20'000);
    auto const length = to.size<std::size_t>(10'000'000, 100'000);
    for (auto const& each : {zipf(objects, length), zipf_with_scans(objects, length), loop(objects, length)}) {
        for (std::size_t const percent : {1u, 10u}) {
            auto const capacity = objects * percent / 100;
            auto const prefix = each.name + '_' + std::to_string(percent) + "_percent_";
            auto const of = [&](char const* policy, double share) {
                to.figure(prefix + policy, {share}, "missed");
                return share;
            };
            auto const shared = of("shm_cache", misses<in_shared_memory>(each, capacity)), mine = of("memory_cache", misses<in_memory>(each, capacity));
            auto const s3 = of("s3_fifo", misses<s3_fifo>(each, capacity)), least = of("lru", misses<lru>(each, capacity));
            (void)of("sieve", misses<sieve>(each, capacity));
            (void)of("clock", misses<clock_2_bits>(each, capacity));
            to.figure(prefix + "shm_cache_against_s3_fifo", {shared / s3}, "x");
            to.figure(prefix + "shm_cache_against_lru", {shared / least}, "x");
            to.figure(prefix + "memory_cache_against_s3_fifo", {mine / s3}, "x");
        }
    }
    auto const steady = zipf(objects, length);
    for (double const hits : {0.95, 0.98}) {
        auto const suffix = std::to_string(static_cast<int>(100 * hits + 0.5)) + "_percent_hits_";
        to.figure("zipf_share_held_for_" + suffix + "shm_cache", {capacity_for<in_shared_memory>(steady, hits)}, "of the objects");
        to.figure("zipf_share_held_for_" + suffix + "lru", {capacity_for<lru>(steady, hits)}, "of the objects");
    }
}
