#include <muster/core/latency_histogram.hpp>

#include "catch.hpp"

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>
#include <vector>

using namespace muster;
using namespace std::chrono_literals;

TEST_CASE("latency_histogram: nothing recorded is nothing measured", "[core]") {
    latency_histogram const none;
    CHECK(none.figures() == latency_figures{});
}

TEST_CASE("latency_histogram: few nanoseconds are exact, the longest always is", "[core]") {
    latency_histogram some;
    for (int i = 0; i < 9; ++i) some.record(3ns);
    some.record(1'234'567ns);
    CHECK(some.figures() == latency_figures{.samples = 10, .p50 = 3ns, .p99 = 1'234'567ns, .most = 1'234'567ns});
}

TEST_CASE("latency_histogram: quantiles of any durations lie within an eighth", "[core]") {
    std::mt19937_64 random{20'261'123};
    for (double const scale : {3.0, 8.0, 14.0, 20.0}) {
        latency_histogram counted;
        std::vector<std::int64_t> exact;
        for (int i = 0; i < 10'000; ++i) {
            auto const ns = static_cast<std::int64_t>(std::lognormal_distribution<double>{scale, 1.0}(random));
            exact.push_back(ns);
            counted.record(std::chrono::nanoseconds{ns});
        }
        std::sort(exact.begin(), exact.end());
        auto const got = counted.figures();
        auto const near = [](std::chrono::nanoseconds is, std::int64_t should) {
            CHECK(is.count() >= should);
            CHECK(static_cast<double>(is.count()) <= static_cast<double>(should) * 1.125 + 1);
        };
        CHECK(got.samples == 10'000);
        near(got.p50, exact[4'999]);
        near(got.p99, exact[9'899]);
        CHECK(got.most.count() == exact.back());
    }
}

TEST_CASE("latency_histogram: less than nothing and more than everything have their place", "[core]") {
    latency_histogram some;
    some.record(-5ns);
    some.record(0ns);
    some.record(std::chrono::nanoseconds::max());
    auto const got = some.figures();
    CHECK(got.samples == 3);
    CHECK(got.p50 == 0ns);
    CHECK(got.most == std::chrono::nanoseconds::max());
    CHECK(got.p99 >= 1h);
}

TEST_CASE("latency_histogram: many threads may record", "[core]") {
    latency_histogram all;
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t)
            threads.emplace_back([&, t] {
                for (int i = 0; i < 1'000; ++i) all.record(std::chrono::nanoseconds{t * 1'000 + i});
            });
    }
    CHECK(all.figures().samples == 4'000);
    CHECK(all.figures().most == 3'999ns);
}
