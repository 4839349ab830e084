#include <muster/gate/circuit_breaker.hpp>

#include "catch.hpp"

#include <limits>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include <muster/testing/manual_time.hpp>

using namespace muster;
using namespace std::chrono_literals;
using testing::manual_time;
using state = circuit_breaker::state;

static_assert(!std::copyable<circuit_breaker> && !std::movable<circuit_breaker>);

namespace {

outcome<int> const good{1};
outcome<int> bad() { return failure{cause::unavailable, "refused"}; }

struct calls {
    circuit_breaker& breaker;
    context& cx;
    // True when the call was let through.
    bool operator()(outcome<int> const& result) const {
        auto permit = breaker.acquire(cx);
        if (permit) permit->settle(result);
        return permit.has_value();
    }
    void open() const {
        (*this)(bad());
        (*this)(bad());
    }
};

circuit_breaker_options const small{.window = 4, .minimum = 2, .failure_rate = 0.5, .open_for = 10s};

}  // namespace

TEST_CASE("circuit_breaker: closed, it opens when the share of failures among the last calls is reached", "[gate]") {
    struct row {
        char const* told;    // + good, - bad
        state after;
    };
    for (auto const& [told, after] : {row{"-", state::closed}, row{"--", state::open}, row{"+-", state::open},
                                      row{"++-", state::closed}, row{"+++-", state::closed}, row{"++--", state::open},
                                      row{"++++--", state::open}, row{"++++-+-", state::open}, row{"+++-+++-", state::closed},
                                      row{"++++++++-", state::closed}}) {
        manual_time time;
        context cx{time};
        circuit_breaker breaker{small};
        calls const call{breaker, cx};
        INFO(told);
        for (auto const* one = told; *one; ++one) CHECK(call(*one == '+' ? good : bad()));
        CHECK(breaker.now() == after);
    }
}

TEST_CASE("circuit_breaker: open, it rejects and says how long it still will", "[gate]") {
    manual_time time;
    context cx{time};
    circuit_breaker breaker{small};
    calls const call{breaker, cx};
    call.open();
    time.advance(4s);
    auto const refused = breaker.acquire(cx);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().is(cause::rejected));
    CHECK(refused.error().retry_after() == 6s);
    CHECK(refused.error().text() == "the circuit breaker is open for another 6s");
    time.advance(6s - 1ns);
    CHECK_FALSE(call(good));
    CHECK(breaker.now() == state::open);
    time.advance(1ns);
    CHECK(call(good));
    CHECK(breaker.now() == state::closed);
}

TEST_CASE("circuit_breaker: half open, it lets as many through as it probes with, and all must succeed", "[gate]") {
    manual_time time;
    context cx{time};
    auto options = small;
    options.probes = 2;
    circuit_breaker breaker{options};
    calls const call{breaker, cx};
    call.open();
    time.advance(10s);
    auto first = breaker.acquire(cx), second = breaker.acquire(cx);
    REQUIRE(first.has_value());
    REQUIRE(second.has_value());
    CHECK(breaker.now() == state::half_open);
    CHECK(breaker.acquire(cx).error().is(cause::rejected));
    first->settle(good);
    CHECK(breaker.now() == state::half_open);
    CHECK(breaker.acquire(cx).error().is(cause::rejected));    // two are enough
    second->settle(good);
    CHECK(breaker.now() == state::closed);
    CHECK(call(bad()));    // it starts afresh: one failure is below the minimum
    CHECK(breaker.now() == state::closed);
}

TEST_CASE("circuit_breaker: a failed probe opens it for another whole time", "[gate]") {
    manual_time time;
    context cx{time};
    circuit_breaker breaker{small};
    calls{breaker, cx}.open();
    time.advance(10s);
    auto probe = breaker.acquire(cx);
    REQUIRE(probe.has_value());
    time.advance(3s);
    probe->settle(bad());
    CHECK(breaker.now() == state::open);
    CHECK(breaker.acquire(cx).error().retry_after() == 10s);
}

TEST_CASE("circuit_breaker: a probe that ends without a word, or says nothing of the other side, is given back", "[gate]") {
    manual_time time;
    context cx{time};
    circuit_breaker breaker{small};
    calls const call{breaker, cx};
    call.open();
    time.advance(10s);
    {
        auto const silent = breaker.acquire(cx);
        REQUIRE(silent.has_value());
    }
    CHECK(breaker.now() == state::half_open);
    CHECK(call(failure{cause::invalid_input, "wrong item"}));
    CHECK(call(failure{cause::cancelled, "stopped"}));
    CHECK(breaker.now() == state::half_open);
    CHECK(call(good));
    CHECK(breaker.now() == state::closed);
}

TEST_CASE("circuit_breaker: a call that began before a change of state no longer counts", "[gate]") {
    manual_time time;
    context cx{time};
    circuit_breaker breaker{small};
    auto slow_good = breaker.acquire(cx), slow_bad = breaker.acquire(cx);
    std::optional<outcome<circuit_breaker::permit>> forgotten{breaker.acquire(cx)};
    calls{breaker, cx}.open();
    REQUIRE(breaker.now() == state::open);
    slow_bad->settle(bad());
    CHECK(breaker.acquire(cx).error().retry_after() == 10s);
    time.advance(10s);
    auto probe = breaker.acquire(cx);
    REQUIRE(breaker.now() == state::half_open);
    slow_good->settle(good);
    forgotten.reset();
    CHECK(breaker.now() == state::half_open);
    CHECK_FALSE(breaker.acquire(cx).has_value());    // the one probe is still under way
    probe->settle(good);
    CHECK(breaker.now() == state::closed);
}

TEST_CASE("circuit_breaker: failures that say nothing of the other side do not open it; counts may say otherwise", "[gate]") {
    manual_time time;
    context cx{time};
    for (auto const which : {cause::invalid_input, cause::cancelled, cause::rejected}) {
        circuit_breaker breaker{small};
        for (int i = 0; i < 20; ++i) calls{breaker, cx}(failure{which, "no"});
        CHECK(breaker.now() == state::closed);
    }
    auto options = small;
    options.counts = [](failure const& what) { return what.is(cause::invalid_input); };
    circuit_breaker breaker{options};
    for (int i = 0; i < 4; ++i) calls{breaker, cx}(bad());
    CHECK(breaker.now() == state::closed);
    for (int i = 0; i < 4; ++i) calls{breaker, cx}(failure{cause::invalid_input, "no"});
    CHECK(breaker.now() == state::open);
}

TEST_CASE("circuit_breaker: of many callers at the end of its time as many pass as it probes with", "[gate]") {
    manual_time time;
    context own{time};
    circuit_breaker breaker{small};
    calls{breaker, own}.open();
    time.advance(10s);
    std::vector<outcome<circuit_breaker::permit>> permits(16);
    {
        std::vector<std::jthread> callers;
        for (auto& each : permits)
            callers.emplace_back([&] {
                context cx{time};
                each = breaker.acquire(cx);
            });
    }
    CHECK(std::count_if(permits.begin(), permits.end(), [](auto const& each) { return each.has_value(); }) == 1);
}

TEST_CASE("circuit_breaker: options that could never open or close it are refused", "[gate]") {
    using options = circuit_breaker_options;
    for (options const wrong : {options{.window = 0}, options{.minimum = 0}, options{.window = 5, .minimum = 6},
                                options{.failure_rate = 0}, options{.failure_rate = 1.1},
                                options{.failure_rate = std::numeric_limits<double>::quiet_NaN()}, options{.open_for = -1s},
                                options{.probes = 0}, options{.counts = nullptr}})
        CHECK_THROWS_AS(circuit_breaker{wrong}, std::invalid_argument);
}

TEST_CASE("circuit_breaker: a rule that throws gives the probe back", "[gate]") {
    static bool throws = false;
    circuit_breaker breaker{{.window = 1, .minimum = 1, .open_for = 0s, .counts = [](failure const&) {
        if (throws) throw std::runtime_error{"no idea"};
        return true;
    }}};
    context cx;
    breaker.acquire(cx)->settle(bad());
    REQUIRE(breaker.now() == state::open);
    throws = true;
    CHECK_THROWS_AS(breaker.acquire(cx)->settle(bad()), std::runtime_error);
    throws = false;
    REQUIRE(breaker.now() == state::half_open);
    auto probe = breaker.acquire(cx);
    REQUIRE(probe.has_value());
    probe->settle(good);
    CHECK(breaker.now() == state::closed);
}
