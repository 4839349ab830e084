// The price of each policy alone and of the usual chain together, next to the bare call.
//
// The task is a few dependent multiplications; each call takes the result of the one before, so that calls cannot be merged. What is
// written is ns a call, and for what must cost nothing its ratio to the bare call.

#include <array>      // repetitions
#include <chrono>     // deadlines
#include <cstdint>    // uint64_t

#include <measure.hpp>

#include <muster/cache/memory_cache.hpp>
#include <muster/core/any_stage.hpp>
#include <muster/core/pipeline.hpp>
#include <muster/core/stage.hpp>
#include <muster/exec/inline_executor.hpp>
#include <muster/gate/bulkhead.hpp>
#include <muster/gate/circuit_breaker.hpp>
#include <muster/gate/rate_limiter.hpp>
#include <muster/gate/retry_budget.hpp>
#include <muster/policy/cached.hpp>
#include <muster/policy/deadline.hpp>
#include <muster/policy/fallback.hpp>
#include <muster/policy/limit.hpp>
#include <muster/policy/named.hpp>
#include <muster/policy/observe.hpp>
#include <muster/policy/on.hpp>
#include <muster/policy/retry.hpp>
#include <muster/policy/scratch.hpp>
#include <muster/policy/trip.hpp>

namespace {

using namespace muster;
using namespace std::chrono_literals;

struct work {
    std::uint64_t operator()(std::uint64_t x) const noexcept {
        x ^= x >> 33;
        x *= 0xff51afd7ed558ccd;
        x ^= x >> 33;
        x *= 0xc4ceb9fe1a85ec53;
        return x ^ (x >> 33);
    }
};

struct pass_through {
    using policy_concept = around_tag;
    template <class Next, class Item>
    auto around(Next const& next, context& cx, Item&& item) const -> outcome_of<Next, Item> {
        return next(cx, std::forward<Item>(item));
    }
};

struct silent {
    void on_call(call_event const&) noexcept {}
};

constexpr std::uint64_t seed = 0x2545f4914f6cdd1d;

// ns a call of `n` calls in a row, each fed with the answer before; out of line, so that each is compiled on its own.
template <class Task>
[[gnu::noinline]] double ns_a_call(Task const& task, std::uint64_t n, std::uint64_t expected) {
    std::uint64_t x = seed;
    auto const took = bench::seconds([&] {
        context cx;
        for (std::uint64_t i = 0; i < n; ++i) {
            if constexpr (std::is_same_v<Task, work>) x = task(x);
            else x = *task(x, cx);
        }
    });
    bench::keep(x);
    if (expected != 0 && x != expected) std::abort();    // every contender gives the same answer
    return took * 1e9 / static_cast<double>(n);
}

}  // namespace

int main(int argc, char** argv) {
    bench::report const report(argc, argv);
    auto const n = report.size<std::uint64_t>(2'000'000, 20'000);
    auto const rounds = report.size(31, 3);

    work const bare;
    std::uint64_t expected = seed;
    for (std::uint64_t i = 0; i < n; ++i) expected = bare(expected);

    rate_limiter fast{{.permits = 1e12, .per = 1s, .burst = 1e12}};
    bulkhead room{64};
    circuit_breaker breaker;
    retry_budget budget;
    memory_cache<std::uint64_t, std::uint64_t> known{{.entries = 16}};
    silent nobody;
    inline_executor here;

    auto const three = pass_through{} | pass_through{} | pass_through{} | bare;
    any_stage<std::uint64_t, std::uint64_t> const erased = three;
    auto const usual = named{"usual"} | deadline{30s} | trip{breaker} | retry{} | limit{room} | deadline{5s} | bare;

    auto const contend = [&](std::string name, auto const& task) {
        return bench::contender{std::move(name), [&task, n, expected] { return ns_a_call(task, n, expected); }};
    };
    auto const named_stage = named{"alone"} | bare;
    auto const deadline_stage = deadline{30s} | bare;
    auto const retry_stage = retry{} | bare;
    auto const limit_rate = limit{fast} | bare;
    auto const limit_room = limit{room} | bare;
    auto const limit_budget = limit{budget} | bare;
    auto const trip_stage = trip{breaker} | bare;
    auto const fallback_stage = fallback{bare} | bare;
    auto const observe_stage = observe{nobody} | bare;
    auto const scratch_stage = scratch{[] { return 0; }} | [bare](std::uint64_t x, int&) noexcept { return bare(x); };
    auto const placed_stage = on{here} | bare;
    pipeline const two{bare, [](std::uint64_t x) noexcept { return x; }};

    std::vector<bench::contender> const all{
        contend("bare", bare), contend("pass_through", three), contend("named", named_stage), contend("on", placed_stage),
        contend("deadline", deadline_stage), contend("retry", retry_stage), contend("limit_rate", limit_rate),
        contend("limit_bulkhead", limit_room), contend("limit_budget", limit_budget), contend("trip", trip_stage),
        contend("fallback", fallback_stage), contend("observe", observe_stage), contend("scratch", scratch_stage),
        contend("pipeline", two), contend("any_stage", erased), contend("usual_chain", usual)};
    auto const samples = bench::interleaved(all, rounds);
    for (std::size_t i = 0; i < all.size(); ++i) report.figure(all[i].name + "_ns", samples[i], "ns");
    for (auto const* free : {"pass_through", "named", "on", "retry", "fallback", "pipeline"})
        for (std::size_t i = 0; i < all.size(); ++i)
            if (all[i].name == free) report.figure(all[i].name + "_ratio", bench::ratios(samples[i], samples[0]), "x");

    // A hit needs a cache that holds the key: the same item again and again.
    auto const hit = cached{known} | bare;
    std::vector<double> hits;
    for (int i = 0; i < rounds; ++i)
        hits.push_back(bench::seconds([&] {
                           for (std::uint64_t k = 0; k < n / 10; ++k) bench::keep(*hit(seed));
                       }) *
                       1e10 / static_cast<double>(n));
    report.figure("cached_hit_ns", hits, "ns");
}
