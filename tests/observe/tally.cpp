#include <muster/observe/tally.hpp>
#include <muster/core/stage.hpp>            // operator|
#include <muster/policy/observe.hpp>        // observe
#include <muster/testing/manual_time.hpp>   // manual_time

#include "catch.hpp"

#include <thread>
#include <vector>

using namespace muster;
using namespace std::chrono_literals;

namespace {

instant const start = instant{} + 1h;

void call(tally& into, context const& cx, instant from, std::chrono::nanoseconds took, bool fails = false) {
    failure const broken{cause::threw, "x"};
    into.on_call({.what = call_event::kind::started, .call = &cx, .at = from});
    into.on_call({.what = call_event::kind::finished,
        .call = &cx,
        .at = from + took,
        .took = took,
        .error = fails ? &broken : nullptr});
}

}  // namespace

TEST_CASE("tally: speed-up and efficiency agree with busy and wall, for calls that overlap", "[observe][tally]") {
    tally sums;
    context cx;
    run_info const run{.items = 8, .configured = 8, .width = 4, .cores = 4, .why = sequential_reason::none};
    auto const guard = cx.change_run(&run);
    for (int i = 0; i < 8; ++i) call(sums, cx, start + (i / 4) * 100ms, i % 4 == 3 ? 100ms : 90ms, i == 5);
    auto const report = sums.report();
    CHECK(report == run_report{.items = 8, .finished = 8, .failed = 1, .configured = 8, .workers = 4, .cores = 4,
                               .why = sequential_reason::none, .wall = 200ms, .busy = 740ms});
    CHECK(report.speedup() == Approx(3.7));
    CHECK(report.efficiency() == Approx(0.925));
}

TEST_CASE("tally: a call that was seen at its end alone counts from its start", "[observe][tally]") {
    tally sums;
    sums.on_call({.what = call_event::kind::finished, .at = start + 3s, .took = 2s});
    CHECK(sums.report().wall == 2s);
    CHECK(sums.report().busy == 2s);
    CHECK(sums.report().items == 1);
}

TEST_CASE("tally: nothing observed is an empty run", "[observe][tally]") {
    CHECK(tally{}.report() == run_report{});
    tally begun;
    begun.on_call({.what = call_event::kind::started, .at = start});
    CHECK(begun.report().wall == 0s);
    CHECK(begun.report().finished == 0);
}

TEST_CASE("tally: items that never ran are told from those that did", "[observe][tally]") {
    tally sums;
    context cx;
    run_info const run{.items = 100, .why = sequential_reason::disabled};
    auto const guard = cx.change_run(&run);
    call(sums, cx, start, 1ms);
    CHECK(sums.report().items == 100);
    CHECK(sums.report().finished == 1);
    CHECK(sums.report().why == sequential_reason::disabled);
}

TEST_CASE("tally: calls of many threads are all counted", "[observe][tally]") {
    tally sums;
    run_info const run{.items = 40'000, .width = 8, .why = sequential_reason::none};
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 8; ++t)
            threads.emplace_back([&, t] {
                context cx;
                auto const guard = cx.change_run(&run);
                for (int i = 0; i < 5'000; ++i) call(sums, cx, start + i * 1us + t * 1ns, 1us, i % 10 == 0);
            });
    }
    auto const report = sums.report();
    CHECK(report.finished == 40'000);
    CHECK(report.failed == 4'000);
    CHECK(report.busy == 40ms);
    CHECK(report.wall == 5ms + 7ns);
}

TEST_CASE("tally: it observes a stage, in the stage's own time", "[observe][tally]") {
    testing::manual_time time{testing::manual_time::jumping};
    context cx{waiter_ref{time}};
    tally sums;
    auto const ask = observe{sums} | [](int n, context& inside) -> outcome<int> {
        if (auto const waited = inside.pause(std::chrono::seconds{n}); !waited) return waited.error();
        if (n == 2) return failure{cause::rejected, "two"};
        return n;
    };
    for (int const n : {1, 2, 3}) (void)ask(n, cx);
    auto const report = sums.report();
    CHECK(report.finished == 3);
    CHECK(report.failed == 1);
    CHECK(report.busy == 6s);
    CHECK(report.wall == 6s);
    CHECK(report.speedup() == 1.0);
}

TEST_CASE("tally: reset, it begins again", "[observe][tally]") {
    tally sums;
    context cx;
    run_info const first{.items = 5, .width = 3, .why = sequential_reason::none},
        second{.items = 2, .why = sequential_reason::asked_for};
    {
        auto const guard = cx.change_run(&first);
        call(sums, cx, start, 1s);
    }
    sums.reset();
    CHECK(sums.report() == run_report{});
    auto const guard = cx.change_run(&second);
    call(sums, cx, start, 2s);
    CHECK(sums.report().items == 2);
    CHECK(sums.report().why == sequential_reason::asked_for);
    CHECK(sums.report().wall == 2s);
}

TEST_CASE("tally: two in one process share nothing", "[observe][tally]") {
    tally a, b;
    context const cx;
    call(a, cx, start, 1s);
    CHECK(b.report() == run_report{});
}
