#include <muster/policy/observe.hpp>

#include "catch.hpp"

#include <muster/core/stage.hpp>
#include <muster/policy/named.hpp>
#include <muster/policy/retry.hpp>
#include <muster/testing/manual_time.hpp>
#include <muster/testing/recorder.hpp>

using namespace muster;
using namespace std::chrono_literals;
using testing::recorder;

static_assert(around_policy<observe<recorder>>);
static_assert(!std::constructible_from<observe<recorder>, recorder>);

TEST_CASE("observe: tells when a call starts, and how it ended after how long", "[policy]") {
    testing::manual_time time;
    context cx{time};
    cx.item(4);
    recorder seen;
    auto const task = named{"work"} | observe{seen} | [&](bool good) -> outcome<int> {
        time.advance(3s);
        if (good) return 1;
        return failure{cause::unavailable, "down"};
    };
    CHECK(task(true, cx) == 1);
    CHECK_FALSE(task(false, cx).has_value());
    auto const records = seen.records();
    using kind = call_event::kind;
    REQUIRE(records.size() == 4);
    CHECK(records[0] == recorder::record{kind::started, "work", {4}, 1, 0ns, false});
    CHECK(records[1] == recorder::record{kind::finished, "work", {4}, 1, 3s, false});
    CHECK(records[3] == recorder::record{kind::finished, "work", {4}, 1, 3s, true});
}

TEST_CASE("observe: left of retry it sees items, right of it attempts", "[policy]") {
    testing::manual_time time{testing::manual_time::jumping};
    context cx{time};
    auto const fails = [](int) -> outcome<int> { return failure{cause::unavailable, "down"}; };
    recorder items, attempts;
    (void)(observe{items} | retry{.attempts = 3} | observe{attempts} | fails)(1, cx);
    CHECK(items.records().size() == 2);
    REQUIRE(attempts.records().size() == 6);
    CHECK(attempts.records()[4].attempt == 3);
}

TEST_CASE("observe: a task that throws has finished as well", "[policy]") {
    recorder seen;
    (void)(observe{seen} | [](int) -> int { throw 1; })(1);
    REQUIRE(seen.records().size() == 2);
    CHECK(seen.records()[1].failed);
}
