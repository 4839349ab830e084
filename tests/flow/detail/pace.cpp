#include <muster/flow/detail/pace.hpp>

#include "catch.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <stop_token>
#include <vector>

#include <muster/testing/manual_time.hpp>

using namespace muster;
using namespace std::chrono_literals;
using detail::pace;

namespace {

struct watched_clock {
    bool read = false;
    instant now() { return read = true, instant{}; }
    static bool wait_until(wait_point&, instant) { return false; }
};

// The groups that `items` items are run in, where each takes so long.
std::vector<std::size_t> groups(pace& steps, testing::manual_time& time, std::size_t items, std::chrono::nanoseconds each) {
    std::vector<std::size_t> out;
    while (items != 0) {
        out.push_back(steps.next(items));
        if (out.back() == 0) break;
        items -= out.back();
        time.advance(each * static_cast<int>(out.back()));
    }
    return out;
}

}  // namespace

TEST_CASE("pace: where nothing can stop a loop it is one group, and the clock is not read", "[flow]") {
    watched_clock clock;
    context const cx{clock};
    pace steps{cx};
    CHECK(steps.next(1'000'000) == 1'000'000);
    CHECK(steps.next(1) == 1);
    CHECK_FALSE(clock.read);
}

TEST_CASE("pace: items that take long are run one by one", "[flow]") {
    testing::manual_time time;
    std::stop_source stop;
    context const cx{stop.get_token(), time};
    pace steps{cx};
    CHECK(groups(steps, time, 500, 100ns) == std::vector<std::size_t>(500, 1));
}

TEST_CASE("pace: items that are over quickly are run in groups, each at most twice as large as what went before", "[flow]") {
    testing::manual_time time;
    std::stop_source stop;
    context const cx{stop.get_token(), time};
    pace steps{cx};
    auto const quick = groups(steps, time, 10'000, 1ns);
    std::size_t before = 1, most = 0;
    for (auto const group : quick) {
        REQUIRE(group <= 2 * before);
        before += group;
        most = std::max(most, group);
    }
    CHECK(most == 1'024);
    CHECK(quick.size() < 50);
    // One group turns out to take long: after it they are run one by one again.
    auto const slow = groups(steps, time, 3'000, 1us);
    CHECK(slow[1] == 1);
    CHECK(slow.back() == 1);
}

TEST_CASE("pace: a group is worked off before there is another look, also when it is asked for in parts", "[flow]") {
    testing::manual_time time;
    std::stop_source stop;
    context const cx{stop.get_token(), time};
    pace steps{cx};
    (void)groups(steps, time, 32, 1ns);
    CHECK(steps.next(10) == 10);    // of 64
    stop.request_stop();
    CHECK(steps.next(100) == 54);
    CHECK(steps.next(100) == 0);
}

TEST_CASE("pace: no item starts after a stop or the deadline", "[flow]") {
    testing::manual_time time;
    std::stop_source stop;
    context cx{stop.get_token(), time};
    {
        auto const soon = cx.change_deadline(later(time.now(), 10us));
        pace steps{cx};
        CHECK(groups(steps, time, 500, 1us) == [] {
            std::vector<std::size_t> ten(10, 1);
            ten.push_back(0);
            return ten;
        }());
    }
    pace steps{cx};
    CHECK(steps.next(5) == 1);
    stop.request_stop();
    CHECK(steps.next(5) == 0);
    CHECK(pace{cx}.next(5) == 0);
}
