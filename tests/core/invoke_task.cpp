#include <muster/core/invoke_task.hpp>    // first: proves the header stands alone

#include <new>          // bad_alloc
#include <stdexcept>    // runtime_error

#include "catch.hpp"

using namespace muster;

TEST_CASE("invoke_task: makes an outcome of a value, of nothing and of an outcome", "[core]") {
    context cx;
    STATIC_REQUIRE(std::is_same_v<decltype(invoke_task([](int i) { return i; }, cx, 1)), outcome<int>>);
    STATIC_REQUIRE(std::is_same_v<decltype(invoke_task([](int) {}, cx, 1)), outcome<void>>);
    STATIC_REQUIRE(std::is_same_v<decltype(invoke_task([](int) { return outcome<long>{1}; }, cx, 1)), outcome<long>>);
    CHECK(*invoke_task([](int i) { return i + 1; }, cx, 1) == 2);
    CHECK(invoke_task([](int) {}, cx, 1).has_value());
}

TEST_CASE("invoke_task: a task that takes the context gets it, and scratch state comes last", "[core]") {
    context cx;
    auto const changed = cx.change_attempt(7);
    int state = 30;
    CHECK(*invoke_task([](int, context& own) { return own.attempt(); }, cx, 1) == 7);
    CHECK(*invoke_task([](int i, int& mine) { return i + mine; }, cx, 1, state) == 31);
    CHECK(*invoke_task([](int i, context& own, int& mine) { return i + mine + static_cast<int>(own.attempt()); }, cx, 1, state) == 38);
}

TEST_CASE("invoke_task: whatever a task throws becomes its failure", "[core]") {
    context cx;
    auto const thrown = invoke_task([](int) -> int { throw std::runtime_error("no route"); }, cx, 1);
    CHECK(thrown.error().code() == cause::threw);
    CHECK(thrown.error().text() == "no route");
    CHECK_THROWS_AS(std::rethrow_exception(thrown.error().exception()), std::runtime_error);

    CHECK(invoke_task([](int) -> int { throw std::bad_alloc{}; }, cx, 1).error().code() == cause::out_of_memory);
    CHECK(invoke_task([](int) -> int { throw 42; }, cx, 1).error().code() == cause::threw);
}

TEST_CASE("invoke_task: the failure of an outcome whose value was asked for goes on as it is", "[core]") {
    context cx;
    auto const inner = [] { return outcome<int>{failure{cause::unavailable, "down"}.retry_after(std::chrono::seconds{3})}; };
    auto const passed = invoke_task([&](int) { return inner().value(); }, cx, 1);
    CHECK(passed.error().code() == cause::unavailable);
    CHECK(passed.error().retry_after() == std::chrono::seconds{3});
}
