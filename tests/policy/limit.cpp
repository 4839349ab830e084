#include <muster/policy/limit.hpp>

#include "catch.hpp"

#include <stdexcept>

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
