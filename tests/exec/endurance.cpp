#include <muster/exec/thread_pool.hpp>

#include "catch.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include <unistd.h>

#include <muster/exec/blocking_pool.hpp>
#include <muster/exec/join.hpp>
#include <muster/flow/map.hpp>
#include <muster/policy/on.hpp>

// Nothing that a task or a pool takes is kept when it is over. Ten million tasks and ten thousand pools with MUSTER_SOAK, a
// thousandth of that without it. Where a sanitizer keeps what was freed it is that sanitizer's word that counts.

using namespace muster;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool keeps_what_was_freed = true;
#else
constexpr bool keeps_what_was_freed = false;
#endif

std::size_t times(std::size_t many) { return std::getenv("MUSTER_SOAK") ? many : many / 1'000; }

long resident() {
    auto* const file = std::fopen("/proc/self/statm", "r");
    REQUIRE(file != nullptr);
    long all = 0, there = 0;
    auto const read = std::fscanf(file, "%ld %ld", &all, &there);
    std::fclose(file);
    REQUIRE(read == 2);
    return there * ::sysconf(_SC_PAGESIZE);
}

// Stretches of addresses: each stack is one or two.
std::size_t mappings() {
    auto* const file = std::fopen("/proc/self/maps", "r");
    REQUIRE(file != nullptr);
    std::size_t lines = 0;
    for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) lines += c == '\n';
    std::fclose(file);
    return lines;
}

std::size_t threads_now() {
    auto* const file = std::fopen("/proc/self/status", "r");
    REQUIRE(file != nullptr);
    std::array<char, 256> line{};
    std::size_t found = 0;
    while (std::fgets(line.data(), static_cast<int>(line.size()), file)) (void)std::sscanf(line.data(), "Threads: %zu", &found);
    std::fclose(file);
    return found;
}

int fib(worker w, int n) {
    if (n < 2) return n;
    auto const [a, b] = join(w, [n](worker in) { return fib(in, n - 1); }, [n](worker in) { return fib(in, n - 2); });
    return a + b;
}

}  // namespace

TEST_CASE("thread_pool: a million tasks leave no memory behind, posted, submitted, mapped and forked", "[exec][soak]") {
    constexpr std::size_t batch = 1'000;    // of each kind, 4,000 tasks
    auto const batches = std::max<std::size_t>(times(10'000'000) / (4 * batch), 2);
    thread_pool pool{2};
    std::atomic<std::size_t> ran{0};
    std::vector<int> const items(batch, 1);
    auto const some_tasks = [&] {
        for (std::size_t i = 0; i < batch; ++i) pool.post([&] { ran.fetch_add(1, std::memory_order_relaxed); });
        std::vector<pending<int>> handles;
        for (std::size_t i = 0; i < batch; ++i) handles.push_back(pool.submit([] { return 1; }));
        for (auto& each : handles) ran.fetch_add(static_cast<std::size_t>(each.get().value()), std::memory_order_relaxed);
        for (auto const& each : map(items, on{pool} | [](int n) { return n; })) ran.fetch_add(static_cast<std::size_t>(each.value()), std::memory_order_relaxed);
        auto const leaves = pool.run([](worker w) { return fib(w, 15); });    // 986 forks
        ran.fetch_add(leaves.value() == 610 ? batch : 0, std::memory_order_relaxed);
    };
    for (int i = 0; i < 20; ++i) some_tasks();    // the allocator has what it needs
    auto const before = resident();
    for (std::size_t i = 0; i < batches; ++i) some_tasks();
    auto const after = resident();
    INFO(after - before << " bytes more");
    CHECK((keeps_what_was_freed || after - before < 1 << 20));
    pool.run([] {}).value();
    while (ran != (batches + 20) * 4 * batch) std::this_thread::yield();
}

TEST_CASE("thread_pool: pools that come and go take their threads, stacks and queues with them", "[exec][soak]") {
    auto const pools = std::max<std::size_t>(times(10'000), 100);
    auto const one_pool = [](std::size_t i) {
        std::atomic<int> ran{0};
        {
            thread_pool pool{1 + i % 3};
            blocking_pool wide{1 + i % 4};
            for (int k = 0; k < 10; ++k) {
                pool.post([&] { ++ran; });
                wide.post([&] { ++ran; });
            }
            if (i % 2) ran += pool.run([](worker w) { return fib(w, 8); }).value() == 21;
            else ++ran;
        }
        return ran == 21;
    };
    bool right = true;
    for (std::size_t i = 0; i < 20; ++i) right = right && one_pool(i);
    auto const memory = resident();
    auto const places = mappings(), threads = threads_now();
    for (std::size_t i = 0; i < pools; ++i) right = right && one_pool(i);
    CHECK(right);
    CHECK(threads_now() == threads);
    INFO(resident() - memory << " bytes more, " << mappings() << " mappings instead of " << places);
    CHECK((keeps_what_was_freed || resident() - memory < 1 << 20));
    CHECK(mappings() < places + 64);    // the allocator may have opened an arena for a thread or two
}
