#include <muster/gate/adaptive_bulkhead.hpp>

#include "catch.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include <muster/testing/manual_time.hpp>

using namespace muster;
using namespace std::chrono_literals;
using testing::manual_time;

static_assert(!std::copyable<adaptive_bulkhead> && !std::movable<adaptive_bulkhead>);
static_assert(permit<adaptive_bulkhead::permit>);

namespace {

constexpr double refuses = -1;

// A server and clients that always have more to ask, in time of their own: who is let in stays for as long as `latency` says for
// so many inside.
class load {
public:
    explicit load(std::function<double(double inside)> seconds, double noise = 0, adaptive_bulkhead_options options = {})
        : latency(std::move(seconds)), gate(options), noise_(noise) {}

    void run(std::chrono::seconds time) {
        auto const end = cx_.now() + time;
        at_.clear();
        done = refused = 0;
        while (cx_.now() < end) {
            while (gate.inside() == 0 || gate.inside() + 1 <= gate.limit()) let_in();
            auto first = calls_.begin();
            auto const passes = first->first - cx_.now();
            at_[gate.limit()] += std::chrono::duration<double>{passes}.count();
            time_.advance(passes);
            auto const bad = first->second.second;
            first->second.first.settle(bad ? outcome<int>{failure{cause::rejected, "full"}} : outcome<int>{1});
            calls_.erase(first);
            ++(bad ? refused : done);
        }
    }
    /// Which share of the time the limit was within these.
    double share(double least, double most) const {
        double in = 0, all = 0;
        for (auto const& [limit, seconds] : at_) {
            all += seconds;
            if (limit >= least && limit <= most) in += seconds;
        }
        return in / all;
    }

    std::function<double(double inside)> latency;
    adaptive_bulkhead gate;
    double done = 0, refused = 0;

private:
    void let_in() {
        auto entered = gate.acquire(cx_);
        REQUIRE(entered);
        auto seconds = latency(gate.inside());
        bool const bad = seconds == refuses;
        if (bad) seconds = 0.001;
        seed_ = seed_ * 6'364'136'223'846'793'005u + 1'442'695'040'888'963'407u;
        seconds *= 1 + noise_ * (2 * static_cast<double>(seed_ >> 11) * 0x1p-53 - 1);
        calls_.emplace(cx_.now() + std::chrono::nanoseconds{static_cast<long long>(seconds * 1e9)}, std::pair{std::move(*entered), bad});
    }

    manual_time time_;
    context cx_{time_};
    std::multimap<instant, std::pair<adaptive_bulkhead::permit, bool>> calls_;
    std::map<double, double> at_;
    double noise_;
    std::uint64_t seed_ = 1;
};

double twice_above_8(double inside) { return inside > 8 ? 0.1 : 0.05; }

outcome<int> const good{1};

}  // namespace

TEST_CASE("adaptive_bulkhead: where latency doubles above 8 inside it settles at 7 to 9", "[gate]") {
    for (double const noise : {0.0, 0.2, 0.5}) {
        INFO("latencies differ by +-" << noise);
        load server{twice_above_8, noise};
        server.run(5s);
        server.run(100s);
        CHECK(server.share(7, 9) > 0.9);
        CHECK(server.share(10, 200) < 0.02);
        CHECK(server.done / 100 > 0.95 * 8 / 0.05);
    }
}

TEST_CASE("adaptive_bulkhead: a queue that grows slowly is no reason to let more in", "[gate]") {
    for (double const noise : {0.0, 0.2}) {
        INFO("latencies differ by +-" << noise);
        load server{[](double inside) { return 0.05 * std::max(1.0, inside / 8); }, noise};    // 8 are served at once, others queue
        server.run(10s);
        server.run(1'000s);
        CHECK(server.share(8, 12) > 0.9);
        CHECK(server.share(20, 200) < 0.01);
        CHECK(server.done / 1'000 > 0.95 * 8 / 0.05);
    }
}

TEST_CASE("adaptive_bulkhead: finds the number above which a server refuses", "[gate]") {
    load server{[](double inside) { return inside > 8 ? refuses : 0.05; }, 0.2};
    server.run(5s);
    server.run(100s);
    CHECK(server.share(7, 9) > 0.95);
    CHECK(server.refused < 0.01 * server.done);
}

TEST_CASE("adaptive_bulkhead: a server that becomes slower, however many are inside, keeps its share", "[gate]") {
    for (double const noise : {0.0, 0.2}) {
        INFO("latencies differ by +-" << noise);
        load server{twice_above_8, noise};
        server.run(20s);
        server.latency = [](double inside) { return 2 * twice_above_8(inside); };
        server.run(10s);
        CHECK(server.done / 10 > 0.6 * 8 / 0.1);    // what it costs to find out
        server.run(60s);
        CHECK(server.share(7, 9) > 0.9);
        server.latency = twice_above_8;             // and recovers
        server.run(2s);
        server.run(60s);
        CHECK(server.share(7, 9) > 0.9);
        CHECK(server.done / 60 > 0.95 * 8 / 0.05);
    }
}

TEST_CASE("adaptive_bulkhead: follows a server that can do more, or less, than before", "[gate]") {
    load server{twice_above_8, 0.2};
    server.run(20s);
    server.latency = [](double inside) { return inside > 30 ? 0.1 : 0.05; };
    server.run(30s);
    server.run(60s);
    CHECK(server.share(28, 32) > 0.9);
    server.latency = twice_above_8;
    server.run(5s);
    server.run(60s);
    CHECK(server.share(7, 9) > 0.9);
}

TEST_CASE("adaptive_bulkhead: where latency stays flat, more is right, up to the most", "[gate]") {
    load server{[](double) { return 0.05; }, 0.2};
    server.run(3s);
    CHECK(server.gate.limit() == 200);
    server.run(60s);
    CHECK(server.share(200, 200) > 0.9);
    CHECK(server.gate.peak() == 200);
    load small{[](double) { return 0.05; }, 0, {.most = 10}};
    small.run(10s);
    CHECK(small.gate.peak() == 10);
}

TEST_CASE("adaptive_bulkhead: a server that refuses everything is asked by the least, and all it can do when it is back", "[gate]") {
    load server{[](double) { return refuses; }, 0, {.least = 2}};
    server.run(10s);
    CHECK(server.gate.limit() == 2);
    server.latency = twice_above_8;
    server.run(5s);
    server.run(30s);
    CHECK(server.share(7, 9) > 0.9);
}

TEST_CASE("adaptive_bulkhead: few calls do not raise the limit: they say nothing of many", "[gate]") {
    manual_time time;
    context cx{time};
    adaptive_bulkhead gate;
    for (int i = 0; i < 1'000; ++i) {
        auto one = gate.acquire(cx), two = gate.acquire(cx);
        time.advance(50ms);
        one->settle(good);
        two->settle(good);
    }
    CHECK(gate.limit() == 4);
}

TEST_CASE("adaptive_bulkhead: failures that say nothing of too much, and calls without a word, teach nothing", "[gate]") {
    manual_time time;
    context cx{time};
    adaptive_bulkhead gate;
    auto const fail = [&](failure const& how) {
        for (int i = 0; i < 100; ++i) {
            std::vector<outcome<adaptive_bulkhead::permit>> all;
            while (gate.inside() + 1 <= gate.limit()) all.push_back(gate.acquire(cx));
            time.advance(1ms);
            for (auto& each : all) each->settle(outcome<int>{how});
        }
    };
    fail({cause::invalid_input, "wrong"});
    fail({cause::unavailable, "down"});
    CHECK(gate.limit() == 4);
    for (int i = 0; i < 100; ++i) (void)gate.acquire(cx);
    CHECK(gate.limit() == 4);
    CHECK(gate.inside() == 0);
    fail({cause::timed_out, "late"});
    CHECK(gate.limit() == 1);
}

TEST_CASE("adaptive_bulkhead: one cut for all that are refused together", "[gate]") {
    for (auto const& how : {failure{cause::rejected, "full"}, failure{cause::timed_out, "late"},
                            failure{cause::unavailable, "503"}.retry_after(1s)}) {
        manual_time time;
        context cx{time};
        adaptive_bulkhead gate{{.start = 100}};
        std::vector<outcome<adaptive_bulkhead::permit>> all;
        while (gate.inside() + 1 <= gate.limit()) all.push_back(gate.acquire(cx));
        for (auto& each : all) each->settle(outcome<int>{how});
        CHECK(gate.limit() == 75);
        CHECK(gate.inside() == 100);    // who is inside stays
    }
}

TEST_CASE("adaptive_bulkhead: who waits is let in as others leave, in order, and as the limit grows", "[gate]") {
    manual_time time;
    adaptive_bulkhead gate{{.start = 1}};
    context cx{time};
    auto inside = gate.acquire(cx);
    REQUIRE(inside);
    std::vector<int> order;
    std::vector<std::jthread> threads;
    for (int i = 0; i < 5; ++i) {
        threads.emplace_back([&, i] {
            context own{time};
            auto entered = gate.acquire(own);
            order.push_back(i);    // alone inside
        });
        time.until_waiting(static_cast<std::size_t>(i) + 1);
    }
    CHECK(gate.waiting() == 5);
    inside->settle(good);
    { auto const gone = std::move(inside); }
    threads.clear();
    CHECK(order == std::vector<int>{0, 1, 2, 3, 4});
    CHECK(gate.peak() == 1);
}

TEST_CASE("adaptive_bulkhead: a wait ends at the deadline, at a stop, and at once where the line is full", "[gate]") {
    manual_time time{manual_time::jumping};
    adaptive_bulkhead gate{{.start = 1, .most_waiting = 1}};
    context cx{time};
    auto const inside = gate.acquire(cx);
    {
        auto const soon = cx.change_deadline(cx.now() + 5s);
        auto const late = gate.acquire(cx);
        CHECK(late.error().is(cause::timed_out));
    }
    std::stop_source stop;
    stop.request_stop();
    context stopped{stop.get_token(), time};
    CHECK(gate.acquire(stopped).error().is(cause::cancelled));

    manual_time still;
    std::stop_source later_stop;
    std::jthread const waits{[&] {
        context own{later_stop.get_token(), still};
        CHECK(gate.acquire(own).error().is(cause::cancelled));
    }};
    still.until_waiting(1);
    auto const refused = gate.acquire(cx);
    CHECK(refused.error().is(cause::rejected));
    CHECK(refused.error().text() == "1 calls already wait for the adaptive bulkhead");
    later_stop.request_stop();
}

TEST_CASE("adaptive_bulkhead: a heavy item goes in alone, one heavier than the most never", "[gate]") {
    manual_time time;
    context cx{time};
    adaptive_bulkhead gate{{.most = 10, .start = 2}};
    {
        auto const heavy = gate.acquire(cx, 7);
        REQUIRE(heavy);
        CHECK(gate.inside() == 7);
    }
    CHECK(gate.inside() == 0);
    CHECK(gate.acquire(cx, 11).error().is(cause::exhausted));
}

TEST_CASE("adaptive_bulkhead: options that exclude each other are refused", "[gate]") {
    for (auto const& wrong : {adaptive_bulkhead_options{.least = 0}, adaptive_bulkhead_options{.least = 3, .most = 2},
                              adaptive_bulkhead_options{.most = 2.5}, adaptive_bulkhead_options{.start = 0.5},
                              adaptive_bulkhead_options{.tolerance = 1}, adaptive_bulkhead_options{.counts = nullptr}})
        CHECK_THROWS_AS(adaptive_bulkhead(wrong), std::invalid_argument);
    CHECK(adaptive_bulkhead{{.least = 10, .start = 1}}.limit() == 10);
}
