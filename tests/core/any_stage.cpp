#include <muster/core/any_stage.hpp>
#include <muster/core/pipeline.hpp>    // pipeline
#include <muster/core/stage.hpp>       // operator|

#include "catch.hpp"

#include <map>
#include <memory>
#include <string>

using namespace muster;

namespace {

struct called {
    using policy_concept = place_tag;
    std::string_view text;
    [[nodiscard]] std::string_view name() const { return text; }
    [[nodiscard]] auto enter(context& cx) const { return cx.change_stage(text); }
};
struct again {
    using policy_concept = around_tag;
    template <class Next, class Item>
    auto around(Next const& next, context& cx, Item&& item) const -> outcome_of<Next, Item> {
        auto first = next(cx, item);
        return first ? std::move(first) : next(cx, item);
    }
};

using erased = any_stage<int, long>;
struct changes { int operator()(int); };

}  // namespace

static_assert(std::copyable<erased>);
static_assert(!std::default_initializable<erased>);
static_assert(std::constructible_from<erased, int (*)(int)>);
static_assert(std::constructible_from<erased, outcome<int> (*)(int, context&)>);
static_assert(!std::constructible_from<erased, changes>);                     // const means thread-safe, erased or not
static_assert(!std::constructible_from<erased, std::string (*)(int)>);        // its answer does not convert
static_assert(!std::constructible_from<erased, int (*)(std::string)>);        // it cannot take the item
static_assert(!std::constructible_from<erased, int>);

TEST_CASE("any_stage: it forgets the type and keeps the behaviour", "[core][any_stage]") {
    erased const ask = called{"named"} | [](int n) -> outcome<int> {
        if (n < 0) return failure{cause::invalid_input, "negative"};
        return n + 1;
    };
    CHECK(ask(1) == 2);
    context cx;
    cx.item(4);
    auto const failed = ask(-1, cx);
    REQUIRE_FALSE(failed);
    CHECK(failed.error().is(cause::invalid_input));
    CHECK(failed.error().stage() == "named");
    CHECK(failed.error().index() == 4);
}

TEST_CASE("any_stage: what a bare task throws becomes a failure, stamped", "[core][any_stage]") {
    erased const ask = [](int) -> int { throw std::runtime_error{"no"}; };
    context cx;
    cx.item(2);
    auto const failed = ask(1, cx);
    REQUIRE_FALSE(failed);
    CHECK(failed.error().is(cause::threw));
    CHECK(failed.error().index() == 2);
    CHECK(failed.error().attempts() == 1);
}

TEST_CASE("any_stage: a copy shares the task", "[core][any_stage]") {
    auto const counter = std::make_shared<int>(0);
    erased const one = [counter](int n) { return *counter += n; };
    erased const two = one;
    CHECK(counter.use_count() == 2);
    CHECK(one(2) == 2);
    CHECK(two(3) == 5);
}

TEST_CASE("any_stage: it takes tasks that can only be moved", "[core][any_stage]") {
    erased const ask = [p = std::make_unique<int>(40)](int n) { return *p + n; };
    CHECK(ask(2) == 42);
}

TEST_CASE("any_stage: chains can be chosen while running, and policies stand in front of them", "[core][any_stage]") {
    std::map<std::string, erased> const by_name{
        {"plain", [](int n) { return n; }},
        {"again", again{} | [tries = std::make_shared<int>(0)](int n) -> outcome<int> {
             if (++*tries == 1) return failure{cause::unavailable, "first"};
             return n * 10;
         }},
        {"flow", pipeline{[](int n) { return n + 1; }, [](int n) { return n * 2; }}}};
    CHECK(by_name.at("plain")(3) == 3);
    CHECK(by_name.at("again")(3) == 30);
    CHECK(by_name.at("flow")(3) == 8);
    auto const outer = called{"outer"} | again{} | by_name.at("flow");
    CHECK(outer(4) == 10);
}

TEST_CASE("any_stage: a task may answer nothing", "[core][any_stage]") {
    int seen = 0;
    any_stage<int, void> const ask = [&](int n) { seen = n; };
    CHECK(ask(5).has_value());
    CHECK(seen == 5);
}
