#include <muster/policy/stop_on_failure.hpp>

#include "catch.hpp"

#include <chrono>
#include <concepts>
#include <numeric>
#include <stop_token>
#include <vector>

#include <muster/core/outcome.hpp>
#include <muster/core/stage.hpp>
#include <muster/exec/thread_pool.hpp>
#include <muster/flow/map.hpp>
#include <muster/flow/stream.hpp>
#include <muster/policy/on.hpp>
#include <muster/policy/retry.hpp>

using namespace muster;

namespace {
outcome<int> no_five(int n) {
    if (n == 5) return failure{cause::unavailable, "five"};
    return n;
}
std::vector<int> numbers(int n) {
    std::vector<int> out(static_cast<std::size_t>(n));
    std::iota(out.begin(), out.end(), 0);
    return out;
}
}  // namespace

static_assert(around_policy<stop_on_failure>);
static_assert(!std::constructible_from<stop_on_failure, std::stop_source>);    // a temporary source does not bind

TEST_CASE("stop_on_failure: a failure ends the run, and a success does not", "[policy]") {
    std::stop_source ends;
    auto const task = stop_on_failure{ends} | no_five;
    CHECK(task(4) == 4);
    CHECK_FALSE(ends.stop_requested());
    CHECK(task(5).error().is(cause::unavailable));
    CHECK(ends.stop_requested());
    CHECK(stop_on_failure{ends}.describe() == "stop_on_failure");
}

TEST_CASE("stop_on_failure: under map what comes after it is not run", "[policy]") {
    std::stop_source ends;
    auto const answers = map(numbers(20), stop_on_failure{ends} | no_five, context{ends.get_token()});
    CHECK(answers[4] == 4);
    CHECK(answers[5].error().text() == "five");
    for (std::size_t i = 6; i < 20; ++i) {
        CHECK(answers[i].error().is(cause::cancelled));
        CHECK(answers[i].error().attempts() == 0);
    }
}

TEST_CASE("stop_on_failure: a stream ends with it, with and without workers", "[policy]") {
    thread_pool pool{3};
    auto const check = [](std::stop_source& ends, auto&& answers) {
        int fives = 0, others = 0;
        for (auto& one : answers) {
            if (one) continue;
            if (one.error().text() == "five") ++fives;
            else {
                CHECK(one.error().is(cause::cancelled));
                ++others;
            }
        }
        CHECK(fives == 1);
        CHECK(others >= 1);    // the last of them says how far the source was read
        CHECK(ends.stop_requested());
        CHECK(answers.report().stopped);
        CHECK(answers.report().read < 100'000);
    };
    std::stop_source a, b;
    check(a, stream(numbers(100'000), stop_on_failure{a} | no_five, context{a.get_token()}));
    check(b, stream(numbers(100'000), on{pool} | stop_on_failure{b} | no_five, context{b.get_token()}));
}

TEST_CASE("stop_on_failure: left of retry it looks at the last attempt", "[policy]") {
    std::stop_source ends;
    auto const second_time = [](int n, context& cx) -> outcome<int> {
        if (cx.attempt() == 1) return failure{cause::unavailable, "not yet"};
        return n;
    };
    CHECK((stop_on_failure{ends} | retry{.attempts = 2, .delay = std::chrono::nanoseconds{0}} | second_time)(3) == 3);
    CHECK_FALSE(ends.stop_requested());
}
