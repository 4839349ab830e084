#include <muster/testing/recorder.hpp>

#include "catch.hpp"

#include <thread>
#include <vector>

#include <muster/core/context.hpp>

using namespace muster;
using namespace std::chrono_literals;

TEST_CASE("recorder: writes down what it is told, in order", "[testing]") {
    testing::recorder seen;
    CHECK(seen.records().empty());
    context cx;
    cx.item(2);
    auto const stage = cx.change_stage("fetch");
    auto const attempt = cx.change_attempt(3);
    failure const why{cause::unavailable, "down"};
    seen.on_call({.what = call_event::kind::started, .call = &cx});
    seen.on_call({.what = call_event::kind::finished, .call = &cx, .took = 5ms, .error = &why});
    using record = testing::recorder::record;
    CHECK(seen.records() == std::vector<record>{{call_event::kind::started, "fetch", {2}, 3, 0ns, false},
                                                {call_event::kind::finished, "fetch", {2}, 3, 5ms, true}});
}

TEST_CASE("recorder: takes events from many threads", "[testing]") {
    testing::recorder seen;
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 8; ++t)
            threads.emplace_back([&] {
                context cx;
                for (int i = 0; i < 100; ++i) seen.on_call({.call = &cx});
            });
    }
    CHECK(seen.records().size() == 800);
}
