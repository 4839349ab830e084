#include <muster/gate/retry_budget.hpp>

#include "catch.hpp"

#include <atomic>
#include <thread>
#include <vector>

using namespace muster;

static_assert(!std::copyable<retry_budget> && !std::movable<retry_budget>);

namespace {
outcome<retry_budget::permit> attempt(retry_budget& budget, unsigned number, double weight = 1) {
    context cx;
    auto const now = cx.change_attempt(number);
    return budget.acquire(cx, weight);
}
}  // namespace

TEST_CASE("retry_budget: first attempts always pass, further ones as long as it covers them", "[gate]") {
    retry_budget budget{{.ratio = 0, .reserve = 3}};
    for (int i = 0; i < 100; ++i) CHECK(attempt(budget, 1).has_value());
    for (unsigned i = 2; i < 5; ++i) CHECK(attempt(budget, i).has_value());
    auto const refused = attempt(budget, 2);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().is(cause::exhausted));
    CHECK(attempt(budget, 1).has_value());
    CHECK(budget.left() == 0);
}

TEST_CASE("retry_budget: first attempts earn retries, saved up to the reserve", "[gate]") {
    retry_budget budget{{.ratio = 0.1, .reserve = 2}};
    for (int i = 0; i < 1'000; ++i) CHECK(attempt(budget, 1).has_value());
    CHECK(budget.left() == 2);
    CHECK(attempt(budget, 2).has_value());
    CHECK(attempt(budget, 3).has_value());
    for (int i = 0; i < 9; ++i) CHECK(attempt(budget, 1).has_value());
    CHECK_FALSE(attempt(budget, 2).has_value());
    CHECK(attempt(budget, 1).has_value());
    CHECK(attempt(budget, 2).has_value());    // ten times 0.1 are one, whatever floating point makes of it
}

TEST_CASE("retry_budget: of 10,000 items that all fail one in ten is tried again, shared by many threads", "[gate]") {
    retry_budget budget{{.ratio = 0.1, .reserve = 10}};
    std::atomic<int> first{0}, retries{0};
    {
        std::vector<std::jthread> callers;
        for (int c = 0; c < 10; ++c)
            callers.emplace_back([&] {
                for (int i = 0; i < 1'000; ++i) {
                    first += attempt(budget, 1).has_value();
                    retries += attempt(budget, 2).has_value();
                }
            });
    }
    CHECK(first == 10'000);
    CHECK(retries >= 990);
    CHECK(retries <= 1'010);
}

TEST_CASE("retry_budget: negative options are refused", "[gate]") {
    CHECK_THROWS_AS(retry_budget({.ratio = -0.1}), std::invalid_argument);
    CHECK_THROWS_AS(retry_budget({.reserve = -1}), std::invalid_argument);
}
