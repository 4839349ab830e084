#include <muster/gate/rate_limiter.hpp>

#include "catch.hpp"
#include "testing/event.hpp"

#include <array>
#include <limits>
#include <thread>
#include <vector>

#include <muster/testing/manual_time.hpp>

using namespace muster;
using namespace std::chrono_literals;
using testing::manual_time;

static_assert(!std::copyable<rate_limiter> && !std::movable<rate_limiter>);
static_assert(std::movable<rate_limiter::permit> && !std::copyable<rate_limiter::permit>);

namespace {

// Who passed, in order; a test waits until there are so many.
class passed {
public:
    void add(int who) {
        std::lock_guard lock(mutex_);
        order_.push_back(who);
        changed_.notify_all();
    }
    [[nodiscard]] std::vector<int> first(std::size_t n) {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, testing::longest_wait, [&] { return order_.size() >= n; });
        return order_;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<int> order_;
};

}  // namespace

TEST_CASE("rate_limiter: spaces calls evenly", "[gate]") {
    manual_time time{manual_time::jumping};
    context cx{time};
    rate_limiter quota{{.permits = 10, .per = 1s}};
    auto const start = cx.now();
    for (int i = 0; i < 31; ++i) REQUIRE(quota.acquire(cx));
    CHECK(cx.now() - start == 3s);
    CHECK(time.waits() == std::vector<std::chrono::nanoseconds>(30, 100ms));
}

TEST_CASE("rate_limiter: an hour of silence earns one permit, or the burst that was asked for, and no more", "[gate]") {
    for (int const burst : {1, 2, 5}) {
        manual_time time{manual_time::jumping};
        context cx{time};
        rate_limiter quota{{.permits = 10, .per = 1s, .burst = static_cast<double>(burst)}};
        for (int round = 0; round < 3; ++round) {
            time.advance(1h);
            auto const start = cx.now();
            for (int i = 0; i < burst; ++i) REQUIRE(quota.acquire(cx));
            CHECK(cx.now() == start);
            REQUIRE(quota.acquire(cx));
            CHECK(cx.now() - start == 100ms);
        }
    }
}

TEST_CASE("rate_limiter: an item that weighs 5 delays whoever comes after it by 5 intervals, itself by none", "[gate]") {
    manual_time time{manual_time::jumping};
    context cx{time};
    rate_limiter quota{{.permits = 10, .per = 1s}};
    auto const start = cx.now();
    REQUIRE(quota.acquire(cx, 5));
    CHECK(cx.now() == start);
    REQUIRE(quota.acquire(cx, 0.5));
    CHECK(cx.now() - start == 500ms);
    REQUIRE(quota.acquire(cx));
    CHECK(cx.now() - start == 550ms);
}

TEST_CASE("rate_limiter: permits of many threads together never exceed the rate", "[gate]") {
    manual_time time{manual_time::jumping};
    rate_limiter quota{{.permits = 100, .per = 1s}};
    auto const start = time.now();
    std::atomic<int> granted{0};
    {
        std::vector<std::jthread> callers;
        for (int c = 0; c < 16; ++c)
            callers.emplace_back([&] {
                context cx{time};
                for (int i = 0; i < 50; ++i) granted += quota.acquire(cx).has_value();
            });
    }
    CHECK(granted == 800);
    CHECK(time.now() - start == 799 * 10ms);
    CHECK(quota.waiting() == 0);
}

TEST_CASE("rate_limiter: waiters pass first come first served, one an interval", "[gate]") {
    manual_time time;
    rate_limiter quota{{.permits = 1, .per = 1s}};
    context own{time};
    REQUIRE(quota.acquire(own));
    passed order;
    std::vector<std::jthread> callers;
    for (int who = 0; who < 8; ++who) {
        callers.emplace_back([&, who] {
            context cx{time};
            if (quota.acquire(cx)) order.add(who);
        });
        time.until_waiting(static_cast<std::size_t>(who) + 1);
    }
    CHECK(quota.waiting() == 8);
    time.advance(999ms);
    CHECK(quota.waiting() == 8);
    std::vector<int> expected;
    for (int who = 0; who < 8; ++who) {
        time.advance(who == 0 ? 1ms : 1s);
        expected.push_back(who);
        REQUIRE(order.first(expected.size()) == expected);
    }
}

TEST_CASE("rate_limiter: whoever arrives late does not overtake, whatever those before it weigh", "[gate]") {
    manual_time time;
    rate_limiter quota{{.permits = 1, .per = 1s}};
    context own{time};
    REQUIRE(quota.acquire(own, 3));
    passed order;
    std::jthread const first([&] {
        context cx{time};
        if (quota.acquire(cx, 2)) order.add(1);
    });
    time.until_waiting(1);
    std::jthread const second([&] {
        context cx{time};
        if (quota.acquire(cx)) order.add(2);
    });
    time.until_waiting(2);
    time.advance(3s);
    REQUIRE(order.first(1) == std::vector{1});
    time.advance(2s);
    REQUIRE(order.first(2) == std::vector{1, 2});
}

TEST_CASE("rate_limiter: a waiter that is stopped or runs out of time leaves no hole", "[gate]") {
    manual_time time;
    rate_limiter quota{{.permits = 1, .per = 1s}};
    context own{time};
    REQUIRE(quota.acquire(own));
    passed order;
    std::stop_source stop;
    std::array<outcome<void>, 2> ends;
    std::jthread stopped([&] {
        context cx{stop.get_token(), time};
        if (auto granted = quota.acquire(cx); !granted) ends[0] = granted.error();
    });
    time.until_waiting(1);
    std::jthread expired([&] {
        context cx{time};
        auto const soon = cx.change_deadline(later(time.now(), 500ms));
        if (auto granted = quota.acquire(cx); !granted) ends[1] = granted.error();
    });
    time.until_waiting(2);
    std::jthread const patient([&] {
        context cx{time};
        if (quota.acquire(cx)) order.add(3);
    });
    time.until_waiting(3);

    stop.request_stop();
    stopped.join();
    CHECK(ends[0].error().is(cause::cancelled));
    time.advance(500ms);
    expired.join();
    CHECK(ends[1].error().is(cause::timed_out));
    CHECK(quota.waiting() == 1);
    time.advance(500ms);
    CHECK(order.first(1) == std::vector{3});
}

TEST_CASE("rate_limiter: a call that is stopped or late before it arrives takes no permit", "[gate]") {
    manual_time time{manual_time::jumping};
    rate_limiter quota{{.permits = 1, .per = 1s}};
    std::stop_source stop;
    stop.request_stop();
    context stopped{stop.get_token(), time};
    CHECK(quota.acquire(stopped).error().is(cause::cancelled));
    context late{time};
    auto const deadline = late.change_deadline(time.now());
    CHECK(quota.acquire(late).error().is(cause::timed_out));
    context cx{time};
    CHECK(quota.acquire(cx).has_value());
    CHECK(time.waits().empty());
}

TEST_CASE("rate_limiter: one more than may wait is rejected at once", "[gate]") {
    manual_time time;
    rate_limiter quota{{.permits = 1, .per = 1s, .most_waiting = 2}};
    context cx{time};
    REQUIRE(quota.acquire(cx));
    passed order;
    std::vector<std::jthread> callers;
    for (int who = 0; who < 2; ++who) {
        callers.emplace_back([&, who] {
            context mine{time};
            if (quota.acquire(mine)) order.add(who);
        });
        time.until_waiting(static_cast<std::size_t>(who) + 1);
    }
    auto const third = quota.acquire(cx);
    REQUIRE_FALSE(third.has_value());
    CHECK(third.error().is(cause::rejected));
    time.advance(1s);
    CHECK(order.first(1).size() == 1);
    time.advance(1s);
    CHECK(order.first(2).size() == 2);
}

TEST_CASE("rate_limiter: a faster rate acts at once on those who wait, whatever the last one weighed", "[gate]") {
    for (double const weight : {1.0, 10.0}) {
        manual_time time;
        rate_limiter quota{{.permits = 1, .per = 1h}};
        context own{time};
        REQUIRE(quota.acquire(own, weight));
        passed order;
        std::jthread const waiter([&] {
            context cx{time};
            if (quota.acquire(cx)) order.add(1);
        });
        time.until_waiting(1);
        quota.retune({.permits = 1, .per = 1s});
        CHECK(quota.tuned().per == 1s);
        time.advance(std::chrono::seconds{static_cast<int>(weight)});
        CHECK(order.first(1) == std::vector{1});
        time.advance(24h);    // so that a failed check ends the test too
    }
}

TEST_CASE("rate_limiter: another rate holds for what the last permit has still to pay off", "[gate]") {
    for (double const weight : {1.0, 10.0}) {
        manual_time time{manual_time::jumping};
        context cx{time};
        rate_limiter quota{{.permits = 1'000, .per = 1s}};
        auto const start = cx.now();
        REQUIRE(quota.acquire(cx, weight));
        quota.retune({.permits = 1, .per = 1h});
        REQUIRE(quota.acquire(cx));
        CHECK(cx.now() - start == std::chrono::hours{static_cast<int>(weight)});
        quota.retune({.permits = 1, .per = 1s});
        auto const again = cx.now();
        REQUIRE(quota.acquire(cx));
        CHECK(cx.now() - again == 1s);
    }
}

TEST_CASE("rate_limiter: may be retuned while many wait", "[gate]") {
    manual_time time{manual_time::jumping};
    rate_limiter quota{{.permits = 10, .per = 1s}};
    std::vector<std::jthread> threads;
    std::atomic<int> granted{0};
    for (int c = 0; c < 8; ++c)
        threads.emplace_back([&] {
            context cx{time};
            for (int i = 0; i < 50; ++i) granted += quota.acquire(cx).has_value();
        });
    for (int i = 0; i < 100; ++i) quota.retune({.permits = 10.0 + i, .per = 1s, .burst = 1.0 + i % 3});
    threads.clear();
    CHECK(granted == 400);
    CHECK(quota.waiting() == 0);
}

TEST_CASE("rate_limiter: rates that mean nothing are refused", "[gate]") {
    auto const nan = std::numeric_limits<double>::quiet_NaN();
    for (rate const bad : {rate{.permits = 0}, rate{.permits = -1}, rate{.permits = nan}, rate{.per = 0s}, rate{.per = -1s},
                           rate{.burst = 0.5}, rate{.burst = nan}}) {
        CHECK_THROWS_AS(rate_limiter{bad}, std::invalid_argument);
        rate_limiter quota{rate{}};
        CHECK_THROWS_AS(quota.retune(bad), std::invalid_argument);
        CHECK(quota.tuned() == rate{});
    }
}

TEST_CASE("rate_limiter: extreme rates and weights neither overflow nor hang", "[gate]") {
    manual_time time{manual_time::jumping};
    rate_limiter slow{{.permits = 1e-300, .per = std::chrono::nanoseconds::max()}};
    context cx{time};
    REQUIRE(slow.acquire(cx, 1e300));
    auto const deadline = cx.change_deadline(later(cx.now(), 1s));
    CHECK(slow.acquire(cx).error().is(cause::timed_out));
    context other{time};
    rate_limiter fast{{.permits = 1e300, .per = 1ns, .burst = std::numeric_limits<double>::infinity()}};
    for (int i = 0; i < 100; ++i) CHECK(fast.acquire(other).has_value());
}
