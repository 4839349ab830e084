#include <muster/core/with.hpp>

#include "catch.hpp"

#include <memory>
#include <string>

#include <muster/core/concepts.hpp>
#include <muster/core/invoke_task.hpp>
#include <muster/core/stage.hpp>

using namespace muster;

namespace {

int minus(int item, int less) { return item - less; }

auto const scaled = with{3, [](int item, int by) { return item * by; }};
auto const in_context = with{3, [](int item, int by, context& cx) { return item * by + static_cast<int>(cx.attempt()); }};
auto const choosy = with{1, [](auto... all) { return sizeof...(all); }};
[[maybe_unused]] auto const silent = with{1, [](int, int) noexcept {}};
[[maybe_unused]] auto const keeper = with{1, [](int& item, int by) -> int& { return item += by; }};

}  // namespace

static_assert(task_for<decltype(scaled), int> && !task_for<decltype(scaled), std::string>);
static_assert(detail::takes_item<decltype(scaled), int> && !detail::takes_context<decltype(scaled), int>);
static_assert(detail::takes_context<decltype(in_context), int> && !detail::takes_item<decltype(in_context), int>);
static_assert(std::is_nothrow_invocable_v<decltype(silent), int> && !std::is_nothrow_invocable_v<decltype(scaled), int>);
static_assert(std::is_same_v<std::invoke_result_t<decltype(keeper), int&>, int&>);
static_assert(!task_for<decltype(keeper), int>);
static_assert(std::is_same_v<decltype(with{"text", &minus}), with<char const*, int (*)(int, int)>>);    // decayed
static_assert(std::is_same_v<decltype(scaled)::values_type, std::tuple<int>>);
static_assert(sizeof(with<int, decltype([](int, int) {})>) == sizeof(int));
static_assert(std::copyable<with<int, int (*)(int, int)>>);
static_assert(with{2, [](int item, int by) { return item * by; }}(4) == 8);

TEST_CASE("with: the function is given the item, then the values", "[core][with]") {
    CHECK(scaled(4) == 12);
    CHECK(with{2, &minus}(5) == 3);
    CHECK(with{std::string{"a"}, std::string{"b"}, [](std::string const& item, std::string const& x, std::string const& y) {
                   return item + x + y;
               }}("c") == "cab");
    CHECK(with{[](int item) { return item; }}(7) == 7);
}

TEST_CASE("with: the context comes last, where the function takes it", "[core][with]") {
    context cx;
    CHECK(in_context(4, cx) == 12 + static_cast<int>(cx.attempt()));
    CHECK(choosy(0) == 2);
    CHECK(choosy(0, cx) == 3);
}

TEST_CASE("with: the values are copies, and the function cannot change them", "[core][with]") {
    std::string name = "a";
    auto const task = with{name, [](int, std::string const& n) { return n; }};
    name = "b";
    CHECK(task(0) == "a");
    CHECK(std::get<0>(task.values()) == "a");
    static_assert(!task_for<decltype(with{1, [](int, int& n) { ++n; }}), int>);
}

TEST_CASE("with: values and function can be seen", "[core][with]") {
    auto const task = with{1, 2.5, &minus};
    CHECK(task.values() == std::tuple{1, 2.5});
    CHECK(task.function() == &minus);
}

TEST_CASE("with: holds what cannot be copied", "[core][with]") {
    auto const task = with{std::make_unique<int>(5), [](int item, std::unique_ptr<int> const& more) { return item + *more; }};
    CHECK(task(1) == 6);
}

TEST_CASE("with: is a task of a stage", "[core][with]") {
    context cx;
    CHECK(invoke_task(in_context, cx, 2) == 6 + static_cast<int>(cx.attempt()));
    auto const failing = with{1, [](int, int) -> outcome<int> { return failure{cause::rejected, "no"}; }};
    CHECK(invoke_task(failing, cx, 2).error() == failure{cause::rejected, "no"});
}
