#include <muster/adapt/tbb_arena.hpp>

#include "catch.hpp"
#include "testing/event.hpp"

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include <muster/flow/map.hpp>
#include <muster/testing/conformance.hpp>

using namespace muster;
using testing::event;

// oneTBB itself is not compiled for ThreadSanitizer, which then sees none of its synchronisation.
#if defined(__SANITIZE_THREAD__)
#define MUSTER_WITHOUT_TSAN SKIP("oneTBB is not compiled for ThreadSanitizer")
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MUSTER_WITHOUT_TSAN SKIP("oneTBB is not compiled for ThreadSanitizer")
#endif
#endif
#ifndef MUSTER_WITHOUT_TSAN
#define MUSTER_WITHOUT_TSAN static_cast<void>(0)
#endif

namespace {
template <class Each>
auto items(Each each) {
    return [each](std::size_t first, std::size_t last) {
        for (; first != last; ++first) each(first);
    };
}
}  // namespace

static_assert(!std::copyable<tbb_arena> && !std::movable<tbb_arena>);

TEST_CASE("conformance: tbb_arena of 1, 2 and 64", "[adapt][tbb]") {
    MUSTER_WITHOUT_TSAN;
    for (std::size_t const width : {1u, 2u, 64u}) {
        tbb_arena arena{width};
        CHECK(arena.width() == width);
        CHECK(testing::conformance::of_executor(arena) == testing::conformance::broken{});
    }
}

TEST_CASE("tbb_arena: a nested bulk under a lock runs no stranger's item on the thread that holds it", "[adapt][tbb]") {
    MUSTER_WITHOUT_TSAN;
    tbb_arena arena{4};
    std::mutex one_at_a_time;
    static thread_local bool holding = false;
    std::atomic<std::size_t> strangers{0}, inner{0};
    arena.bulk(60, 4, items([&](std::size_t) {
        strangers += holding;
        std::lock_guard const lock(one_at_a_time);
        holding = true;
        arena.bulk(20, 4, items([&](std::size_t) { ++inner; }));
        holding = false;
    }));
    CHECK(strangers == 0);
    CHECK(inner == 1'200);
}

TEST_CASE("tbb_arena: the destructor runs out what was posted, and what that posts, and waits for what runs", "[adapt][tbb]") {
    MUSTER_WITHOUT_TSAN;
    for (std::size_t const width : {1u, 2u, 64u}) {
        std::atomic<int> ran{0};
        {
            tbb_arena arena{width};
            for (int i = 0; i < 200; ++i)
                arena.post([&] {
                    ++ran;
                    arena.post([&] { ++ran; });
                });
        }
        CHECK(ran == 400);
    }
}

TEST_CASE("tbb_arena: jobs that oneTBB finds after the arena is gone do nothing", "[adapt][tbb]") {
    MUSTER_WITHOUT_TSAN;
    for (int round = 0; round < 200; ++round) {
        int ran = 0;
        std::mutex mutex;
        {
            tbb_arena arena{2};
            for (int i = 0; i < 5; ++i)
                arena.post([&] {
                    std::lock_guard const lock(mutex);
                    ++ran;
                });
        }
        REQUIRE(ran == 5);
    }
}

TEST_CASE("tbb_arena: map gives the same answers as on our own pools, nested too, from many callers", "[adapt][tbb]") {
    MUSTER_WITHOUT_TSAN;
    tbb_arena arena{3};
    std::vector<int> numbers;
    for (int i = 0; i < 500; ++i) numbers.push_back(i);
    std::atomic<int> wrong{0};
    {
        std::vector<std::jthread> callers;
        for (int c = 0; c < 8; ++c)
            callers.emplace_back([&] {
                auto const answers = map(numbers, on{arena} | [&](int n, context& cx) {
                    auto const inner = map(std::vector{n, n + 1}, on{arena} | [](int m) { return 2 * m; }, cx);
                    return *inner[0] + *inner[1];
                });
                for (int i = 0; i < 500; ++i) wrong += !(answers[static_cast<std::size_t>(i)] == 4 * i + 2);
            });
    }
    CHECK(wrong == 0);
}
