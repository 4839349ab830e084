#include <muster/policy/limit.hpp>

#include "catch.hpp"

#include <limits>
#include <stdexcept>
#include <string>

#include <muster/gate/bulkhead.hpp>
#include <muster/gate/rate_limiter.hpp>
#include <muster/testing/manual_time.hpp>

using namespace muster;
using namespace std::chrono_literals;

namespace {
struct parcel {
    double kilos;
    friend double weight(parcel const& item) { return item.kilos; }
};

// A gate that says no, and writes down what it was told.
struct telling_gate {
    struct permit {
        telling_gate* of;
        explicit permit(telling_gate& by) : of(&by) {}
        permit(permit&& other) noexcept : of(std::exchange(other.of, nullptr)) {}
        permit& operator=(permit&& other) noexcept { std::swap(of, other.of); return *this; }
        ~permit() { if (of) ++of->released; }
        void settle(auto const& result) { of->good += result.has_value(); ++of->settled; }
    };
    outcome<permit> acquire(context&, double weight) {
        last_weight = weight;
        if (refuses) return failure{cause::rejected, "no"};
        return permit{*this};
    }
    bool refuses = false;
    double last_weight = 0;
    int released = 0, settled = 0, good = 0;
};
}  // namespace

static_assert(around_policy<limit<rate_limiter>>);
static_assert(gate<telling_gate>);
static_assert(!std::constructible_from<limit<rate_limiter>, rate_limiter>);    // a temporary gate does not bind
static_assert(!std::constructible_from<limit<rate_limiter, double (*)(int)>, rate_limiter, double (*)(int)>);
static_assert(sizeof(limit<telling_gate>) == sizeof(void*));

TEST_CASE("limit: a refused item never reaches the task, and the failure says 0 attempts", "[policy][limit]") {
    telling_gate gate{.refuses = true};
    bool called = false;
    auto const answer = (limit{gate} | [&](int n) { called = true; return n; })(1);
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().is(cause::rejected));
    CHECK(answer.error().attempts() == 0);
    CHECK_FALSE(called);
    CHECK(gate.settled == 0);
}

TEST_CASE("limit: the gate is told how the call ended, before it has its permit back", "[policy][limit]") {
    telling_gate gate;
    CHECK((limit{gate} | [&](int n) { CHECK(gate.released == 0); return n; })(1) == 1);
    CHECK((limit{gate} | [](int) -> int { throw std::runtime_error{"no"}; })(1).error().is(cause::threw));
    CHECK(gate.settled == 2);
    CHECK(gate.good == 1);
    CHECK(gate.released == 2);
}

TEST_CASE("limit: an item weighs what its weight() says, else 1", "[policy][limit]") {
    telling_gate gate;
    CHECK((limit{gate} | [](parcel const&) { return 1; })(parcel{2.5}) == 1);
    CHECK(gate.last_weight == 2.5);
    CHECK((limit{gate} | [](int n) { return n; })(7) == 7);
    CHECK(gate.last_weight == 1);
}

TEST_CASE("limit: each cause of a gate goes through: timed_out, cancelled, exhausted", "[policy][limit]") {
    testing::manual_time time{testing::manual_time::jumping};
    context cx{time};
    rate_limiter quota{{.permits = 1, .per = 1h}};
    auto const ask = limit{quota} | [](int n) { return n; };
    CHECK(ask(1, cx) == 1);
    {
        auto const soon = cx.change_deadline(later(time.now(), 1s));
        CHECK(ask(1, cx).error().is(cause::timed_out));
    }
    std::stop_source stop;
    stop.request_stop();
    context stopped{stop.get_token(), time};
    CHECK(ask(1, stopped).error().is(cause::cancelled));
    bulkhead room{1};
    CHECK((limit{room} | [](parcel const&) { return 1; })(parcel{2}).error().is(cause::exhausted));
}

TEST_CASE("limit: equal where the gate is the same one", "[policy][limit]") {
    bulkhead a{1}, b{1};
    CHECK(limit{a} == limit{a});
    CHECK_FALSE(limit{a} == limit{b});
    CHECK(limit{a}.describe() == "limit");
}

TEST_CASE("limit: each gate has its own measure of an item", "[policy][limit]") {
    telling_gate crowd, scale, boxes;
    auto const volume = [](parcel const& item) { return item.kilos * 10; };
    auto const sent = limit{crowd, [](parcel const&) { return 1; }} | limit{scale, &parcel::kilos} | limit{boxes, volume} |
                      [](parcel const&) { return 1; };
    CHECK(sent(parcel{2.5}) == 1);
    CHECK(crowd.last_weight == 1);
    CHECK(scale.last_weight == 2.5);
    CHECK(boxes.last_weight == 25);
    CHECK(sizeof(limit{boxes, volume}) == sizeof(void*));
}

TEST_CASE("limit: the item is weighed before it is given away, and weighed anew at each attempt", "[policy][limit]") {
    telling_gate gate;
    int weighed = 0;
    auto const length = [&](std::string const& text) { ++weighed; return text.size(); };
    auto const ask = limit{gate, length} | [](std::string text) { return text.size(); };
    CHECK(ask(std::string(100, 'a')) == 100u);
    CHECK(gate.last_weight == 100);
    CHECK(ask(std::string{}) == 0u);    // it weighs nothing, and passes
    CHECK(gate.last_weight == 0);
    CHECK(weighed == 2);
}

TEST_CASE("limit: what is no weight is said, and neither the gate nor the task hears of it", "[policy][limit]") {
    telling_gate gate;
    int calls = 0;
    auto const given = [&](double weight) {
        return (limit{gate, [weight](int) { return weight; }} | [&](int) { return ++calls; })(1);
    };
    for (double const wrong : {-1.0, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
        auto const answer = given(wrong);
        REQUIRE_FALSE(answer.has_value());
        CHECK(answer.error().is(cause::invalid_input));
        CHECK(answer.error().attempts() == 0);
        CHECK(answer.error().text().find("a weight is a number from 0 on") != std::string::npos);
    }
    auto const thrown = (limit{gate, [](int) -> double { throw std::runtime_error{"no scale"}; }} | [&](int) { return ++calls; })(1);
    REQUIRE_FALSE(thrown.has_value());
    CHECK(thrown.error().is(cause::threw));
    CHECK(thrown.error().text() == "no scale");
    CHECK(thrown.error().attempts() == 0);
    CHECK(calls == 0);
    CHECK(gate.settled == 0);
    CHECK(given(2).has_value());
}

TEST_CASE("limit: equal where gate and measure are the same", "[policy][limit]") {
    bulkhead a{1}, b{1};
    auto const heavy = [](int) { return 2; };
    CHECK(limit{a, heavy} == limit{a, heavy});
    CHECK_FALSE(limit{a, heavy} == limit{b, heavy});
    CHECK(limit{a, &parcel::kilos} == limit{a, &parcel::kilos});
    double (*one)(int) = [](int) { return 1.0; };
    double (*two)(int) = [](int) { return 2.0; };
    CHECK(limit{a, one} == limit{a, one});
    CHECK_FALSE(limit{a, one} == limit{a, two});
    CHECK(limit{a, heavy}.describe() == "limit");
}
