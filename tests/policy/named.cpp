#include <muster/policy/named.hpp>

#include "catch.hpp"

#include <string>

#include <muster/core/stage.hpp>

using namespace muster;

static_assert(place_policy<named>);
static_assert(named{"a"} == named{"a"} && named{"a"} != named{"b"});

TEST_CASE("named: the task, and its failure, know the name of their stage", "[policy]") {
    auto const stage_of = named{"fetch"} | [](int, context& cx) { return std::string{cx.stage()}; };
    CHECK(stage_of(1) == "fetch");
    auto const answer = (named{"fetch"} | [](int) -> outcome<int> { return failure{cause::unavailable, "down"}; })(1);
    CHECK(answer.error().stage() == "fetch");
}

TEST_CASE("named: the innermost name counts, and the outer one is there again afterwards", "[policy]") {
    context cx;
    std::string inner, outer;
    auto const nested = named{"outer"} | [&](int n, context& own) {
        (void)(named{"inner"} | [&](int, context& below) { inner = below.stage(); })(n, own);
        outer = own.stage();
    };
    CHECK(nested(1, cx).has_value());
    CHECK(inner == "inner");
    CHECK(outer == "outer");
    CHECK(cx.stage().empty());
}

TEST_CASE("named: says itself", "[policy]") { CHECK(named{"fetch"}.describe() == "named{fetch}"); }
