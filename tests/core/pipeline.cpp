#include <muster/core/pipeline.hpp>
#include <muster/core/stage.hpp>    // operator|

#include "catch.hpp"

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
struct twice {
    using policy_concept = around_tag;
    int* calls;
    template <class Next, class Item>
    auto around(Next const& next, context& cx, Item&& item) const
        -> outcome_of<Next, std::remove_cvref_t<Item> const&> {
        ++*calls;
        auto const& kept = item;
        auto first = next(cx, kept);
        return first ? next(cx, kept) : first;
    }
};

outcome<int> parse(std::string const& text) {
    if (text.empty()) return failure{cause::invalid_input, "empty"};
    return std::stoi(text);
}
int half(int n) { return n / 2; }

}  // namespace

static_assert(
    std::same_as<decltype(pipeline{parse, half}), pipeline<outcome<int> (*)(std::string const&), int (*)(int)>>);

TEST_CASE("pipeline: each stage gets what the one before it answered", "[core][pipeline]") {
    pipeline const flow{parse, half, [](int n) { return std::to_string(n) + "!"; }};
    CHECK(flow("84") == "42!");
    static_assert(std::same_as<decltype(flow("84")), outcome<std::string>>);
}

TEST_CASE("pipeline: it is a task, bare and in front of policies", "[core][pipeline]") {
    pipeline const flow{parse, half};
    static_assert(task_for<pipeline<outcome<int> (*)(std::string const&), int (*)(int)>, std::string const&>);
    int calls = 0;
    auto const ask = called{"flow"} | twice{&calls} | flow;
    CHECK(ask(std::string{"8"}) == 4);
    CHECK(calls == 1);
    pipeline const outer{flow, half};    // and in another pipeline
    CHECK(outer("16") == 4);
}

TEST_CASE("pipeline: the first failure ends it, and no later stage is called", "[core][pipeline]") {
    int later = 0;
    pipeline const flow{parse, [&](int n) { ++later; return n; }, [&](int n) { ++later; return n; }};
    CHECK(flow("").error().is(cause::invalid_input));
    CHECK(later == 0);
    CHECK(flow("x").error().is(cause::threw));    // stoi threw
    CHECK(later == 0);
    CHECK(flow("3") == 3);
    CHECK(later == 2);
}

TEST_CASE("pipeline: a failure says in which stage it happened", "[core][pipeline]") {
    pipeline const flow{called{"parse"} | parse, called{"halve"} | [](int n) -> outcome<int> {
                            if (n % 2) return failure{cause::invalid_input, "odd"};
                            return n / 2;
                        }};
    context cx;
    cx.item(5);
    auto const result = flow("3", cx);
    REQUIRE_FALSE(result);
    CHECK(result.error().stage() == "halve");
    CHECK(result.error().index() == 5);
    CHECK(flow("", cx).error().stage() == "parse");
    CHECK(cx.stage().empty());
}

TEST_CASE("pipeline: a bare task that fails in it is stamped too", "[core][pipeline]") {
    pipeline const flow{half, [](int) -> int { throw 1; }};
    context cx;
    cx.item(9);
    auto const result = flow(4, cx);
    REQUIRE_FALSE(result);
    CHECK(result.error().index() == 9);
    CHECK(result.error().attempts() == 1);
}

TEST_CASE("pipeline: values travel by move, so what can only be moved goes all the way", "[core][pipeline]") {
    pipeline const flow{[](int n) { return std::make_unique<int>(n); },
                        [](std::unique_ptr<int> p) { ++*p; return p; },
                        [](std::unique_ptr<int>&& p) { return *p; }};
    CHECK(flow(4) == 5);
    pipeline const takes{[](std::unique_ptr<int> p) { return *p; }};
    CHECK(takes(std::make_unique<int>(6)) == 6);
}

TEST_CASE("pipeline: the last stage may answer nothing", "[core][pipeline]") {
    int sum = 0;
    pipeline const flow{parse, [&](int n) { sum += n; }};
    static_assert(std::same_as<decltype(flow("1")), outcome<void>>);
    CHECK(flow("20").has_value());
    CHECK(sum == 20);
    CHECK_FALSE(flow("").has_value());
}

TEST_CASE("pipeline: every stage that asks for the context gets the same one", "[core][pipeline]") {
    pipeline const flow{[](int n, context& cx) { return n + static_cast<int>(cx.index()); },
                        [](int n, context& cx) { return n * static_cast<int>(cx.index()); }};
    context cx;
    cx.item(3);
    CHECK(flow(1, cx) == 12);
}

TEST_CASE("pipeline: its stages can be read, and equal ones compare", "[core][pipeline]") {
    pipeline const flow{parse, half};
    CHECK(std::get<1>(flow.stages()) == half);
    CHECK(flow == pipeline{parse, half});
}
