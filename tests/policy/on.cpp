#include <muster/policy/on.hpp>

#include "catch.hpp"

#include <thread>

#include <muster/core/stage.hpp>
#include <muster/exec/inline_executor.hpp>
#include <muster/exec/thread_pool.hpp>

using namespace muster;

static_assert(place_policy<on<thread_pool>>);
static_assert(!std::constructible_from<on<thread_pool>, thread_pool>);    // a temporary does not bind

TEST_CASE("on: says where, and how wide: a number, the rule, or as wide as the executor", "[policy]") {
    inline_executor here, there;
    CHECK(&on{here}.where() == &here);
    CHECK(on{here}.asked() == nullptr);
    CHECK(on{here, 4}.asked()->fixed() == 4u);
    CHECK(on{here, automatic{.cap = 3}}.asked()->rule().cap == 3);
    CHECK(on{here} == on{here});
    CHECK_FALSE(on{here} == on{there});
    CHECK_FALSE(on{here} == on{here, 2});
    CHECK(on{here}.describe() == "on");
    CHECK(on{here, 4}.describe() == "on{4}");
    CHECK(on{here, automatic{}}.describe() == "on{automatic}");
}

TEST_CASE("on: a stage called as a function runs on the caller's thread", "[policy]") {
    thread_pool pool{4};
    CHECK((on{pool} | [](int) { return std::this_thread::get_id(); })(1) == std::this_thread::get_id());
    CHECK(pool.started() == 0);
}
