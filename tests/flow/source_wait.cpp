#include <muster/flow/source_wait.hpp>

#include "catch.hpp"

#include <stop_token>    // a stop

#include <muster/testing/manual_time.hpp>    // manual_time

using namespace muster;
using namespace std::chrono_literals;
using muster::testing::manual_time;

namespace {

/// How long it waits in all, where the first record is there from `first` on and nothing more comes.
std::chrono::nanoseconds waits(read_bounds bounds, std::chrono::nanoseconds first, std::chrono::nanoseconds poll = 10ms) {
    manual_time time{manual_time::jumping};
    context cx{time};
    auto const begin = time.now();
    if (bounds.until != never && bounds.until != instant::min()) bounds.until = begin + (bounds.until - instant{});
    source_wait wait{bounds, poll};
    while (wait.more(cx, time.now() - begin >= first)) {}
    return time.now() - begin;
}

}  // namespace

TEST_CASE("source_wait: for the first record it waits until the bound, then for as long as a batch lingers", "[flow][source_wait]") {
    CHECK(waits({.until = instant{50ms}}, 1h) == 50ms);
    CHECK(waits({.linger = 30ms, .until = instant{40ms}}, 20ms) == 40ms);
    CHECK(waits({.linger = 30ms, .until = instant{1h}}, 20ms) == 50ms);
    CHECK(waits({.linger = 30ms}, 20ms) == 50ms);
    CHECK(waits({.linger = 30ms, .until = instant::min()}, 0ms) == 0ms);    // who has other partitions does not wait at all
    CHECK(waits({.until = instant::min()}, 1h) == 0ms);
    CHECK(waits({}, 40ms) == 40ms);
    CHECK(waits({.linger = 25ms}, 20ms) == 45ms);    // the last poll is no longer than what is left
}

TEST_CASE("source_wait: a stop or the deadline ends it", "[flow][source_wait]") {
    manual_time time{manual_time::jumping};
    std::stop_source stop;
    context cx{stop.get_token(), time};
    read_bounds const bounds{.linger = 1h};
    {
        auto const until = cx.change_deadline(cx.now() + 25ms);
        source_wait wait{bounds, 10ms};
        CHECK(wait.more(cx, false));
        CHECK(wait.more(cx, false));
        CHECK_FALSE(wait.more(cx, false));
        CHECK(cx.expired());
    }
    stop.request_stop();
    source_wait wait{bounds, 10ms};
    CHECK_FALSE(wait.more(cx, true));
}
