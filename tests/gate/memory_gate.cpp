#include <muster/gate/memory_gate.hpp>

#include "catch.hpp"
#include "testing/event.hpp"

#include <atomic>
#include <optional>
#include <thread>

#include <muster/testing/manual_time.hpp>

using namespace muster;
using namespace std::chrono_literals;
using testing::manual_time;

namespace {

std::atomic<std::uint64_t> held{0};
std::uint64_t held_now() { return held; }

// Until so many waits have begun.
void until_waits(manual_time const& time, std::size_t count) {
    while (time.waits().size() < count) std::this_thread::yield();
}

memory_gate_options bound(std::uint64_t most) { return {.most = most, .look = 10ms, .used = held_now}; }

}  // namespace

TEST_CASE("memory_gate: all pass while there is memory, and one while there is none", "[gate]") {
    held = 100;
    memory_gate gate{bound(100)};
    context cx;
    auto const first = gate.acquire(cx), second = gate.acquire(cx);
    CHECK(first);
    CHECK(second);
    CHECK(gate.inside() == 2);
    held = 101;
    memory_gate full{bound(100)};
    CHECK(full.acquire(cx));    // or nothing would ever go on
    CHECK(full.inside() == 0);
    CHECK(full.waits() == 0);
}

TEST_CASE("memory_gate: who waits goes in when somebody leaves, or when memory was given back", "[gate]") {
    for (bool const by_leaving : {true, false}) {
        manual_time time;
        held = 101;
        memory_gate gate{bound(100)};
        context cx;
        auto inside = std::optional{gate.acquire(cx)};
        REQUIRE(*inside);
        outcome<void> entered;
        std::jthread waits{[&] {
            context mine{time};
            auto const permit = gate.acquire(mine);
            if (!permit) entered = permit.error();
        }};
        until_waits(time, 1);
        CHECK(gate.waiting() == 1);
        if (by_leaving) {
            inside.reset();
        } else {
            time.advance(10ms);    // nothing has changed: it goes on waiting
            until_waits(time, 2);
            CHECK(gate.waiting() == 1);
            held = 99;
            time.advance(10ms);
        }
        waits.join();
        CHECK(entered);
        CHECK(gate.waits() == 1);
    }
}

TEST_CASE("memory_gate: a deadline and a stop end the wait, and leave no one in line", "[gate]") {
    held = 101;
    memory_gate gate{bound(100)};
    context outer;
    auto const inside = gate.acquire(outer);
    std::stop_source stop;
    stop.request_stop();
    context stopped{stop.get_token()};
    CHECK(gate.acquire(stopped).error().is(cause::cancelled));
    manual_time time;
    std::jthread moves{[&] {
        until_waits(time, 1);
        time.advance(10ms);
        until_waits(time, 2);
        time.advance(10ms);
    }};
    context late{time};
    auto const until = late.change_deadline(later(late.now(), 15ms));
    CHECK(gate.acquire(late).error().is(cause::timed_out));
    CHECK(gate.waiting() == 0);
    CHECK(gate.inside() == 1);
}

TEST_CASE("memory_gate: a bound of nothing is refused", "[gate]") {
    CHECK_THROWS_AS(memory_gate{0}, std::invalid_argument);
    CHECK_THROWS_AS(memory_gate(memory_gate_options{.most = 1, .look = 0ms}), std::invalid_argument);
}
