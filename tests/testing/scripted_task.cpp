#include <muster/testing/scripted_task.hpp>

#include "catch.hpp"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

using namespace muster;
using namespace std::chrono_literals;
using testing::scripted_task;

TEST_CASE("scripted_task: answers as it was written down, and repeats the last step", "[testing]") {
    scripted_task<int, std::string> const task{failure{cause::unavailable, "down"}, "up", std::string{"still up"}};
    context cx;
    CHECK(task(1, cx).error().is(cause::unavailable));
    CHECK(task(2, cx) == "up");
    CHECK(task(3, cx) == "still up");
    CHECK(task(4, cx) == "still up");
    CHECK(task.called() == 4);
    CHECK(task.calls()[3].item == 4);
}

TEST_CASE("scripted_task: remembers attempt and deadline of each call", "[testing]") {
    scripted_task<int, int> const task{1};
    context cx;
    auto const attempt = cx.change_attempt(7);
    auto const deadline = cx.change_deadline(instant{} + 5s);
    (void)task(1, cx);
    REQUIRE(task.called() == 1);
    CHECK(task.calls()[0].attempt == 7);
    CHECK(task.calls()[0].deadline == instant{} + 5s);
}

TEST_CASE("scripted_task: copies share script and calls; steps are taken in the order of the calls, from any thread", "[testing]") {
    scripted_task<int, int> const task{1, 2, 3, 4, 5, 6, 7, 8, 0};
    std::atomic<int> sum{0};
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 8; ++t)
            threads.emplace_back([&, t, copy = task] {
                context cx;
                sum += *copy(t, cx);
            });
    }
    CHECK(sum == 36);
    CHECK(task.called() == 8);
}

TEST_CASE("scripted_task: a script of steps that fail only", "[testing]") {
    scripted_task<int, void> const task{outcome<void>{}, failure{cause::crashed, "signal 11"}};
    context cx;
    CHECK(task(0, cx).has_value());
    CHECK(task(0, cx).error().is(cause::crashed));
}
