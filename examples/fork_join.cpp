// Cookbook: divide and conquer: a sort whose two halves may run at the same time, with no size at which it stops to fork.
// ctest:

#include <algorithm>    // is_sorted, partition
#include <chrono>       // steady_clock
#include <cstdint>      // uint32_t
#include <cstdio>       // printf
#include <span>         // the part to sort
#include <vector>       // numbers

#include <muster/muster.hpp>

using namespace muster;

// [join]
void sort(worker w, std::span<std::uint32_t> numbers) {
    if (numbers.size() < 2) return;
    auto const pivot = numbers[numbers.size() / 2];
    auto const less = std::partition(numbers.begin(), numbers.end(), [=](auto n) { return n < pivot; });
    auto const more = std::partition(less, numbers.end(), [=](auto n) { return n == pivot; });
    join(w, [=](worker here) { sort(here, {numbers.begin(), less}); },     // on this thread
            [=](worker here) { sort(here, {more, numbers.end()}); });      // after it, or on an idle worker
}
// [end]

int main() {
    std::vector<std::uint32_t> numbers(2'000'000);
    std::uint32_t state = 1;
    for (auto& n : numbers) n = state = state * 1'664'525 + 1'013'904'223;

    thread_pool pool;
    pool.warm_up();
    auto const start = std::chrono::steady_clock::now();
    outcome<void> const sorted = pool.run([&](worker w) { sort(w, numbers); });
    auto const took = std::chrono::steady_clock::now() - start;
    if (!sorted) return std::fprintf(stderr, "%s\n", to_string(sorted.error()).c_str()), 1;
    if (!std::is_sorted(numbers.begin(), numbers.end())) return 1;

    std::uint64_t shared = 0;
    for (std::size_t i = 0; i <= pool.started(); ++i) shared += pool.stats(i).shared;
    std::printf("sorted %zu numbers in %lld ms on %zu workers; idle ones asked for %llu forks\n", numbers.size(),
                static_cast<long long>(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()), pool.width(),
                static_cast<unsigned long long>(shared));
}
