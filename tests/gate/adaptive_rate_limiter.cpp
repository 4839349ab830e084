#include <muster/gate/adaptive_rate_limiter.hpp>

#include "catch.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <muster/testing/manual_time.hpp>

using namespace muster;
using namespace std::chrono_literals;
using testing::manual_time;

static_assert(!std::copyable<adaptive_rate_limiter> && !std::movable<adaptive_rate_limiter>);
static_assert(permit<adaptive_rate_limiter::permit>);

namespace {

// A server that grants so much a second and asks whom it refuses to come back later; and callers that do, in a time of their own.
struct plan {
    double rate = 1'000;               // a second
    double burst = 100;
    double seconds = 0.05;             // of an answer
    double refusal_seconds = 0.0002;
    double hint = 0.5;                 // seconds
    int callers = 200;                 // each waits for its answer, or until it may ask again
    int requests = 5'000;
    bool states = false;               // each answer states the limit, a minute's worth of it
    double weight = 1;
    adaptive_rate_options options{.seed = 1};
};

struct result {
    double seconds = 0;
    double requests_per_success = 0;
    double pace = 0;
    std::uint64_t pauses = 0;
    int most_in_10_ms = 0;
    int refused_late = 0;    // of the second half
    [[nodiscard]] double against_ideal(plan const& of) const {
        return seconds / ((of.requests * of.weight - of.burst) / of.rate);
    }
};

std::chrono::nanoseconds in(double seconds) { return std::chrono::nanoseconds{static_cast<long long>(seconds * 1e9)}; }

result run(plan const& of) {
    manual_time time;
    context cx{time};
    adaptive_rate_limiter gate{of.options};
    enum class kind { answered, refused, back };
    struct event {
        kind what;
        std::optional<adaptive_rate_limiter::permit> of;
    };
    std::multimap<instant, event> events;
    std::uint64_t seed = of.options.seed;
    auto const random = [&seed] {
        seed = seed * 6'364'136'223'846'793'005u + 1'442'695'040'888'963'407u;
        return static_cast<double>(seed >> 11) * 0x1p-53;
    };
    double level = of.burst;
    auto filled = cx.now();
    auto const start = cx.now();
    int left = of.requests, ready = of.callers, done = 0, sent = 0;
    result out;
    std::vector<instant> sends;
    while (done < of.requests) {
        auto const next = events.empty() ? never : events.begin()->first;
        if (auto const due = std::max(cx.now(), gate.ready_at(cx.now())); ready > 0 && left > 0 && due <= next) {
            time.advance(due - cx.now());
            auto permit = gate.acquire(cx, of.weight);
            --ready, --left, ++sent;
            sends.push_back(cx.now());
            level = std::min(of.burst, level + of.rate * std::chrono::duration<double>{cx.now() - filled}.count());
            filled = cx.now();
            bool const granted = level >= of.weight;
            if (granted) level -= of.weight;
            else if (done > of.requests / 2) ++out.refused_late;
            auto const takes = (granted ? of.seconds : of.refusal_seconds) * (0.8 + 0.4 * random());
            events.emplace(cx.now() + in(takes), event{granted ? kind::answered : kind::refused, std::move(*permit)});
            continue;
        }
        time.advance(next - cx.now());
        auto now = std::move(events.begin()->second);
        events.erase(events.begin());
        if (now.what == kind::answered) {
            now.of->settle(outcome<int>{1});
            if (of.states) gate.observe({.permits = of.rate * 60, .per = 60s});
            ++done, ++ready;
        } else if (now.what == kind::refused) {
            now.of->settle(outcome<int>{failure{cause::unavailable, "429"}.retry_after(in(of.hint))});
            events.emplace(cx.now() + in(of.hint + 0.1 * random()), event{kind::back, {}});
        } else {
            ++ready, ++left;
        }
    }
    out.seconds = std::chrono::duration<double>{cx.now() - start}.count();
    out.requests_per_success = static_cast<double>(sent) / of.requests;
    out.pace = gate.pace().permits;
    out.pauses = gate.pauses();
    for (std::size_t first = 0, last = 0; last < sends.size(); ++last) {
        while (sends[last] - sends[first] > 10ms) ++first;
        out.most_in_10_ms = std::max(out.most_in_10_ms, static_cast<int>(last - first + 1));
    }
    return out;
}

outcome<int> refusal(std::chrono::nanoseconds wait) { return failure{cause::unavailable, "429"}.retry_after(wait); }
outcome<int> const good{1};

struct calls {
    manual_time time{manual_time::jumping};
    context cx{time};
    // When the next call passes, in time since `from`.
    std::chrono::nanoseconds pass(adaptive_rate_limiter& gate, instant from, outcome<int> const& result = good) {
        auto permit = gate.acquire(cx);
        REQUIRE(permit);
        auto const at = cx.now() - from;
        permit->settle(result);
        return at;
    }
};

}  // namespace

TEST_CASE("adaptive_rate_limiter: finds a limit that nobody states, with few refusals and in little more than the ideal time", "[gate]") {
    for (std::uint64_t seed = 1; seed <= 10; ++seed)
        for (double const late : {0.0002, 0.05}) {
            plan const of{.refusal_seconds = late, .options = {.seed = seed}};
            auto const got = run(of);
            INFO("seed " << seed << ", refused after " << late << " s: " << got.seconds << " s");
            CHECK(got.against_ideal(of) <= 1.35);
            CHECK(got.requests_per_success <= 1.05);
            CHECK(got.pauses == 2);
            CHECK(got.pace == Approx(970).epsilon(0.03));
        }
}

TEST_CASE("adaptive_rate_limiter: a start that is too low or too high costs little", "[gate]") {
    for (double const start : {30.0, 300.0, 1'000.0, 3'000.0})
        for (double const late : {0.0002, 0.05}) {
            plan const of{.refusal_seconds = late, .options = {.permits = start, .seed = 1}};
            auto const got = run(of);
            INFO("start " << start << ", refused after " << late << " s");
            CHECK(got.against_ideal(of) <= 1.37);
            CHECK(got.requests_per_success <= 1.05);
        }
}

TEST_CASE("adaptive_rate_limiter: other limits and other bursts are found as well", "[gate]") {
    for (double const rate : {20.0, 100.0, 1'000.0})
        for (double const burst : {rate / 100, rate / 10, rate}) {
            plan of{.rate = rate, .burst = std::max(2.0, burst), .requests = static_cast<int>(60 * rate)};
            auto const got = run(of);
            INFO("rate " << rate << ", burst " << of.burst << ", pace " << got.pace);
            CHECK(got.against_ideal(of) <= 1.4);
            CHECK(got.requests_per_success <= 1.03);
            CHECK(got.pace > 0.7 * rate);
            CHECK(got.pace < 1.5 * rate);    // it may be trying more
        }
}

TEST_CASE("adaptive_rate_limiter: over a long time it tries more, gently and ever more rarely", "[gate]") {
    plan const of{.requests = 200'000};
    auto const got = run(of);
    CHECK(got.against_ideal(of) <= 1.06);
    CHECK(got.requests_per_success <= 1.001);
    CHECK(got.pauses <= 7);
}

TEST_CASE("adaptive_rate_limiter: keeps to 0.97 of a limit that is stated, evenly, and is refused nothing", "[gate]") {
    plan const of{.states = true};
    auto const got = run(of);
    CHECK(got.pauses == 0);
    CHECK(got.requests_per_success == 1);
    CHECK(got.against_ideal(of) <= 1.10);
    CHECK(got.pace == Approx(970));
    CHECK(got.most_in_10_ms <= 20);    // 10 by the rate, 10 that were late
}

TEST_CASE("adaptive_rate_limiter: heavy permits count by their weight", "[gate]") {
    plan const of{.rate = 10'000, .burst = 1'000, .requests = 2'500, .weight = 20, .options = {.permits = 1'000, .seed = 1}};
    auto const got = run(of);
    CHECK(got.against_ideal(of) <= 1.4);
    CHECK(got.requests_per_success <= 1.05);
    CHECK(got.pace == Approx(9'700).epsilon(0.05));
}

TEST_CASE("adaptive_rate_limiter: a limit that rises is found again", "[gate]") {
    calls call;
    adaptive_rate_limiter gate{{.seed = 1}};
    double level = 10;
    auto filled = call.cx.now();
    auto const serve = [&](double rate, std::chrono::seconds time) {
        for (auto const end = call.cx.now() + time; call.cx.now() < end;) {
            auto permit = gate.acquire(call.cx);
            level = std::min(10.0, level + rate * std::chrono::duration<double>{call.cx.now() - filled}.count());
            filled = call.cx.now();
            permit->settle(level >= 1 ? good : refusal(500ms));
            if (level >= 1) --level;
        }
    };
    serve(200, 60s);
    CHECK(gate.pace().permits == Approx(194).epsilon(0.25));
    serve(2'000, 120s);
    CHECK(gate.pace().permits == Approx(1'940).epsilon(0.25));
    serve(200, 60s);
    CHECK(gate.pace().permits == Approx(194).epsilon(0.25));
}

TEST_CASE("adaptive_rate_limiter: after a refusal all callers pause, and come back one after the other", "[gate]") {
    calls call;
    adaptive_rate_limiter gate{{.permits = 1'000, .jitter = 0.1, .seed = 1, .catch_up = 0ns}};
    auto const start = call.cx.now();
    call.pass(gate, start, refusal(500ms));
    auto const first = call.pass(gate, start);
    CHECK(first >= 500ms);
    CHECK(first < 551ms);
    CHECK(gate.pauses() == 1);
    auto before = first;
    for (int i = 0; i < 10; ++i) {
        auto const next = call.pass(gate, start);
        CHECK(next - before >= 1ms);    // not together
        before = next;
    }
}

TEST_CASE("adaptive_rate_limiter: the jitter of a pause differs between processes, and is no part of the rest", "[gate]") {
    auto const back = [](std::uint64_t seed, double jitter) {
        calls call;
        adaptive_rate_limiter gate{{.jitter = jitter, .seed = seed}};
        auto const start = call.cx.now();
        call.pass(gate, start, refusal(1s));
        return call.pass(gate, start);
    };
    CHECK(back(1, 0.5) != back(2, 0.5));
    CHECK(back(1, 0.5) == back(1, 0.5));
    CHECK(back(1, 0) == 1s);
    CHECK(back(1, 0.5) <= 1500ms);
}

TEST_CASE("adaptive_rate_limiter: refusals of what was under way are one pause, as long as the longest asks", "[gate]") {
    calls call;
    adaptive_rate_limiter gate{{.permits = 100, .jitter = 0, .seed = 1}};
    auto const start = call.cx.now();
    auto one = gate.acquire(call.cx), two = gate.acquire(call.cx), three = gate.acquire(call.cx);
    one->settle(refusal(500ms));
    two->settle(refusal(2s));
    three->settle(refusal(100ms));
    CHECK(gate.pauses() == 1);
    auto const back = call.pass(gate, start);
    CHECK(back >= 2s);
    CHECK(back < 2100ms);
}

TEST_CASE("adaptive_rate_limiter: pauses without a time are the default's, endless ones are bounded, negative ones are none", "[gate]") {
    auto const back = [](outcome<int> const& result) {
        calls call;
        adaptive_rate_limiter gate{{.pause = 300ms, .longest_pause = 10s, .jitter = 0}};
        auto const start = call.cx.now();
        call.pass(gate, start, result);
        return call.pass(gate, start);
    };
    CHECK(back(failure{cause::rejected, "full"}) == 300ms);
    CHECK(back(refusal(std::chrono::hours{24 * 365})) == 10s);
    CHECK(back(refusal(std::chrono::nanoseconds::max())) == 10s);
    CHECK(back(refusal(-1s)) < 1s);
    CHECK(back(failure{cause::invalid_input, "wrong"}) == 0s);    // no refusal: only the catch-up of one
    CHECK(back(failure{cause::unavailable, "down"}) == 0s);
}

TEST_CASE("adaptive_rate_limiter: what is stated holds at once, what is not positive says nothing", "[gate]") {
    calls call;
    adaptive_rate_limiter gate{{.permits = 1, .catch_up = 0ns}};
    auto const start = call.cx.now();
    CHECK(call.pass(gate, start) == 0s);
    gate.observe({.permits = -1});
    gate.observe({.permits = 0});
    gate.observe({.permits = 10, .per = 0s});
    CHECK_FALSE(gate.settled());
    CHECK(gate.pace().permits == 1);
    gate.observe({.permits = 6'000, .per = 60s});
    CHECK(gate.settled());
    CHECK(gate.pace().permits == Approx(97));
    auto const next = call.pass(gate, start);
    CHECK(next > 10ms);
    CHECK(next < 11ms);
    call.pass(gate, start, refusal(1s));    // others share it
    call.pass(gate, start);
    CHECK(gate.pace().permits == Approx(0.9 * 97));
    gate.observe({.permits = 6'000, .per = 60s});
    CHECK(gate.pace().permits == Approx(0.9 * 97));
    gate.observe({.permits = 12'000, .per = 60s});
    CHECK(gate.pace().permits == Approx(194));
}

TEST_CASE("adaptive_rate_limiter: stopped, it gives every waiter and later caller the failure, and the first counts", "[gate]") {
    manual_time time;
    adaptive_rate_limiter gate{{.permits = 1}};
    context cx{time};
    REQUIRE(gate.acquire(cx));
    std::mutex mutex;
    std::vector<std::string> said;
    std::vector<std::jthread> threads;
    for (int i = 0; i < 10; ++i)
        threads.emplace_back([&] {
            context own{time};
            auto const refused = gate.acquire(own);
            std::lock_guard lock(mutex);
            said.push_back(refused.error().text());
        });
    time.until_waiting(10);
    gate.stop({cause::exhausted, "the quota is spent"});
    gate.stop({cause::exhausted, "too late"});
    threads.clear();
    CHECK(said == std::vector<std::string>(10, "the quota is spent"));
    CHECK(gate.acquire(cx).error().is(cause::exhausted));
    CHECK(gate.stopped());
    CHECK(gate.waiting() == 0);
}

TEST_CASE("adaptive_rate_limiter: a wait ends at the deadline, at a stop, and at once where the line is full", "[gate]") {
    calls call;
    adaptive_rate_limiter gate{{.permits = 1, .most_waiting = 1}};
    REQUIRE(gate.acquire(call.cx));
    {
        auto const soon = call.cx.change_deadline(call.cx.now() + 500ms);
        CHECK(gate.acquire(call.cx).error().is(cause::timed_out));
    }
    std::stop_source stop;
    stop.request_stop();
    context stopped{stop.get_token(), call.time};
    CHECK(gate.acquire(stopped).error().is(cause::cancelled));

    manual_time still;
    std::stop_source later_stop;
    std::jthread const waits{[&] {
        context own{later_stop.get_token(), still};
        CHECK(gate.acquire(own).error().is(cause::cancelled));
    }};
    still.until_waiting(1);
    auto const refused = gate.acquire(call.cx);
    CHECK(refused.error().is(cause::rejected));
    CHECK(refused.error().text() == "1 calls already wait for the adaptive rate limiter");
    later_stop.request_stop();
}

TEST_CASE("adaptive_rate_limiter: callers wait in order, and what late wake-ups missed is made good within bounds", "[gate]") {
    manual_time time;
    context cx{time};
    adaptive_rate_limiter gate{{.permits = 1'000, .catch_up = 10ms}};
    auto const passes = [&] {
        int count = 0;
        for (; gate.ready_at(cx.now()) <= cx.now(); ++count) REQUIRE(gate.acquire(cx));
        return count;
    };
    passes();
    time.advance(5ms);
    CHECK(passes() == 5);
    time.advance(1h);
    CHECK(passes() == 11);    // 10 ms, and the one that is due
}

TEST_CASE("adaptive_rate_limiter: options that grant nothing are refused", "[gate]") {
    for (auto const& wrong : {adaptive_rate_options{.permits = 0}, adaptive_rate_options{.per = 0s}, adaptive_rate_options{.least = 0},
                              adaptive_rate_options{.permits = 1, .least = 2}, adaptive_rate_options{.share = 0},
                              adaptive_rate_options{.share = 1.1}, adaptive_rate_options{.pause = -1s},
                              adaptive_rate_options{.jitter = -1}, adaptive_rate_options{.counts = nullptr}})
        CHECK_THROWS_AS(adaptive_rate_limiter(wrong), std::invalid_argument);
}
