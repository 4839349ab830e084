#include "problem.hpp"

#include <chrono>     // literals
#include <cstdlib>    // abort
#include <string>     // names
#include <vector>     // blocks

#include <muster/core/stage.hpp>
#include <muster/os/affinity.hpp>
#include <muster/policy/isolate.hpp>
#include <muster/process/process_pool.hpp>

#include "child.hpp"
#include "raw_ring.hpp"    // sleep_on, wake, relax

namespace bench::process {
namespace {

using namespace muster;
using namespace std::chrono_literals;

/// Two words on which two processes take turns.
class ping_pong {
public:
    enum class kind { sleeps, looks };

    ping_pong(kind how, std::size_t cpu)
        : words_(*::new (shared_pages(sizeof(words))) words), how_(how), other_([&] {
              (void)pin_to(cpu);
              for (std::uint32_t n = 1;; ++n) {
                  await(words_.ping, n);
                  say(words_.pong, n);
              }
          }) {}

    void round_trip() {
        say(words_.ping, ++number_);
        await(words_.pong, number_);
    }

private:
    struct words {
        alignas(64) std::atomic<std::uint32_t> ping{0};
        alignas(64) std::atomic<std::uint32_t> pong{0};
    };
    void say(std::atomic<std::uint32_t>& word, std::uint32_t number) const {
        word.store(number, std::memory_order_release);    // pairs with the load in `await`
        if (how_ == kind::sleeps) wake(word);
    }
    void await(std::atomic<std::uint32_t>& word, std::uint32_t number) const {
        while (word.load(std::memory_order_acquire) != number)
            if (how_ == kind::sleeps) sleep_on(word, number - 1);
            else relax();
    }

    words& words_;
    kind how_;
    std::uint32_t number_ = 0;
    child other_;
};

/// Microseconds: the median of blocks of round trips, after one block that is not counted.
template <class RoundTrip>
double microseconds_each(int blocks, int trips, RoundTrip const& round_trip) {
    std::vector<double> took;
    for (int block = 0; block <= blocks; ++block) {
        took.push_back(seconds([&] {
                           for (int i = 0; i < trips; ++i) round_trip(i);
                       }) *
                       1e6 / trips);
    }
    took.erase(took.begin());
    return median(took);
}

process_pool_options one_worker(std::size_t cpu, std::chrono::nanoseconds spin) {
    process_pool_options options;
    options.workers = 1;
    options.cpus = {cpu};
    options.spin = spin;
    return options;
}

}  // namespace

void compare_round_trips(report const& to) {
    auto const cpus = affinity::of_thread().cpus();
    auto const here = cpus.front(), there = cpus.back();
    constexpr auto empty = [](int x) { return negated(x); };
    auto const call = [&](process_pool& cells) {
        return [stage = isolate{cells} | empty](int i) {
            if (stage(i).value() != -i) std::abort();
        };
    };
    // Made before this thread is bound: what they start is not.
    process_pool asleep{one_worker(there, 0ns)}, asleep_here{one_worker(here, 0ns)}, awake{one_worker(there, 1ms)};
    auto const bound = pinned::to(affinity{here});
    if (!bound) std::fprintf(stderr, "  round trips: %s\n", bound.error().text().c_str());

    auto const blocks = to.size(30, 3);
    auto const rounds = to.size(11, 1);
    auto const compare = [&](std::string const& prefix, process_pool& cells, std::string const& name, ping_pong::kind how, std::size_t cpu, int trips) {
        ping_pong raw{how, cpu};
        auto const taken = in_quiet_rounds({{"muster", [&] { return microseconds_each(blocks, trips, call(cells)); }},
                                            {name, [&] { return microseconds_each(blocks, trips, [&](int) { raw.round_trip(); }); }}},
                                           rounds, 10);
        taken.figures(to, prefix, "_us", "us");
        taken.ratio(to, prefix + "against_" + name, "muster", name);
    };
    compare("round_trip_parked_", asleep, "raw_futex", ping_pong::kind::sleeps, there, 20);
    compare("round_trip_parked_same_cpu_", asleep_here, "raw_futex", ping_pong::kind::sleeps, here, 100);
    if (here != there) compare("round_trip_awake_", awake, "raw_spin", ping_pong::kind::looks, there, 500);
    else std::fprintf(stderr, "  round trips: one CPU, on which two processes cannot both look\n");
}

}  // namespace bench::process
