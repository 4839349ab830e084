// warm against the time that it cannot beat, n * t / width, and against threads that share a counter, for tasks that wait 1 to 10 ms,
// as those do that ask another machine. The cache is empty each time; each answer has to be there in the end. A sleep of 1 ms takes
// longer than that, on a busy machine much longer: t is what the tasks took.

#include <atomic>     // the counter
#include <chrono>     // milliseconds
#include <cstdint>    // int64_t
#include <cstdio>     // fprintf
#include <cstdlib>    // exit
#include <string>     // names
#include <thread>     // jthread, sleep_for
#include <vector>     // items

#include <measure.hpp>

#include <muster/cache/memory_cache.hpp>
#include <muster/exec/thread_pool.hpp>
#include <muster/flow/warm.hpp>
#include <muster/policy/on.hpp>

namespace {

using answers = muster::memory_cache<std::size_t, std::size_t>;

void check(answers& cache, std::vector<std::size_t> const& items) {
    for (auto const item : items)
        if (cache.get(item) != item + 1) {
            std::fprintf(stderr, "warm: the answer of item %zu is not there\n", item);
            std::exit(1);
        }
}

}  // namespace

int main(int argc, char** argv) {
    bench::report const report(argc, argv);
    constexpr std::size_t width = 16;
    muster::thread_pool pool{width};
    auto const rounds = report.size(9, 2);
    for (int const ms : {1, 3, 10}) {
        std::chrono::milliseconds const each{ms};
        std::vector<std::size_t> items(report.size<std::size_t>(1'600, 32));
        for (std::size_t i = 0; i < items.size(); ++i) items[i] = i;
        std::atomic<std::int64_t> slept{0};
        auto const slow = [&slept, each](std::size_t item) {
            auto const start = std::chrono::steady_clock::now();
            std::this_thread::sleep_for(each);
            slept += std::chrono::nanoseconds{std::chrono::steady_clock::now() - start}.count();
            return item + 1;
        };
        // How often as long as n * t / width a run takes.
        auto const against_ideal = [&slept](auto const& run) {
            slept = 0;
            auto const taken = bench::seconds(run);
            return taken * static_cast<double>(width) * 1e9 / static_cast<double>(slept.load());
        };
        auto const by_warm = [&] {
            answers cache{{.entries = 4 * items.size()}};
            auto const ratio = against_ideal([&] { bench::keep(muster::warm(cache, items, muster::on{pool} | slow).computed); });
            check(cache, items);
            return ratio;
        };
        auto const by_hand = [&] {
            answers cache{{.entries = 4 * items.size()}};
            auto const ratio = against_ideal([&] {
                std::atomic<std::size_t> next{0};
                std::vector<std::jthread> threads;
                for (std::size_t t = 0; t < width; ++t)
                    threads.emplace_back([&] {
                        for (std::size_t i; (i = next.fetch_add(1)) < items.size();)
                            if (!cache.get(items[i])) cache.put(items[i], slow(items[i]));
                    });
            });
            check(cache, items);
            return ratio;
        };
        auto const samples = bench::interleaved({{"warm", by_warm}, {"threads", by_hand}}, rounds);
        auto const suffix = std::string{"_"} + std::to_string(ms) + "ms";
        report.figure("warm_against_ideal" + suffix, samples[0], "x");
        report.figure("threads_against_ideal" + suffix, samples[1], "x");
    }
}
