#include <muster/core/outcome.hpp>

#include "catch.hpp"

#include <any>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using namespace muster;

namespace {

failure const broken{cause::threw, "broken"};

// Counts what lives, and throws in whichever operation a test names.
struct fragile {
    static inline int alive = 0;
    static inline bool copies_throw = false, moves_throw = false;
    static void calm() { copies_throw = moves_throw = false; }
    int value;
    explicit fragile(int v) : value(v) {
        if (v < 0) throw std::invalid_argument{"negative"};
        ++alive;
    }
    fragile(fragile const& other) : value(other.value) {
        if (copies_throw) throw std::runtime_error{"copy"};
        ++alive;
    }
    fragile(fragile&& other) : value(other.value) {
        if (moves_throw) throw std::runtime_error{"move"};
        ++alive;
        other.value = -1;
    }
    fragile& operator=(fragile const&) = default;
    ~fragile() { --alive; }
};

struct base { virtual ~base() = default; };
struct derived : base {};

}  // namespace

static_assert(sizeof(outcome<int>) <= 16);
static_assert(sizeof(outcome<void*>) <= 16);
static_assert(sizeof(outcome<void>) <= 16);
static_assert(std::movable<outcome<std::unique_ptr<int>>> && !std::copyable<outcome<std::unique_ptr<int>>>);
static_assert(!std::is_copy_constructible_v<outcome<std::unique_ptr<int>>>);
static_assert(!std::is_copy_assignable_v<outcome<std::unique_ptr<int>>>);
static_assert(std::regular<outcome<int>> && std::regular<outcome<void>> && std::regular<outcome<std::string>>);
static_assert(std::is_nothrow_move_constructible_v<outcome<std::string>>);
static_assert(!std::is_nothrow_move_constructible_v<outcome<fragile>>);
static_assert(std::convertible_to<failure, outcome<int>> && std::convertible_to<failure, outcome<void>>);
static_assert(std::convertible_to<outcome<int>, outcome<long>>);
static_assert(!std::convertible_to<outcome<std::string>, outcome<int>>);
static_assert(!std::convertible_to<outcome<void>, outcome<int>>);
static_assert(!std::convertible_to<outcome<int>, bool>);    // `bool ok = fetch(x);` would drop the failure

TEST_CASE("outcome: nothing said means did not run; of void it means done", "[core][outcome]") {
    outcome<int> const number;
    CHECK_FALSE(number);
    CHECK(number.error() == failure{});
    outcome<void> const done;
    CHECK(done.has_value());
}

TEST_CASE("outcome: carries values that can only be moved", "[core][outcome]") {
    outcome<std::unique_ptr<int>> first = std::make_unique<int>(7);
    outcome<std::unique_ptr<int>> second = std::move(first);
    REQUIRE(second);
    CHECK(**second == 7);
    CHECK(first.has_value());    // as with std::expected: still a value, an empty one
    first = std::move(second);
    CHECK(**first == 7);
    auto const owned = std::move(first).value();
    CHECK(*owned == 7);
    auto const taken = outcome<std::unique_ptr<int>>{std::make_unique<int>(3)}.transform([](auto p) { return *p; });
    CHECK(taken == 3);
}

TEST_CASE("outcome: assigning it to itself keeps what it holds", "[core][outcome]") {
    outcome<std::string> value = std::string(100, 'x');
    auto& same = value;
    value = same;
    CHECK(value == std::string(100, 'x'));
    value = std::move(same);
    CHECK(value == std::string(100, 'x'));
    value = *value;               // its own value
    CHECK(value == std::string(100, 'x'));
    value = std::move(*value);
    CHECK(value == std::string(100, 'x'));

    outcome<std::string> failed = broken;
    auto& same_failure = failed;
    failed = same_failure;
    CHECK(failed.error() == broken);
    failed = std::move(same_failure);
    CHECK(failed.error() == broken);
    failed = failed.error();
    CHECK(failed.error() == broken);
}

TEST_CASE("outcome: assignment crosses from value to failure and back", "[core][outcome]") {
    fragile::calm();
    {
        outcome<fragile> one{fragile{1}}, none{broken};
        one = none;
        CHECK(one.error() == broken);
        CHECK(fragile::alive == 0);
        one = outcome<fragile>{fragile{2}};
        CHECK(one->value == 2);
        none = one;
        CHECK(none->value == 2);
        CHECK(fragile::alive == 2);
    }
    CHECK(fragile::alive == 0);
}

TEST_CASE("outcome: a move that throws leaves a failure, never an empty shell", "[core][outcome]") {
    fragile::calm();
    {
        outcome<fragile> target{fragile{1}}, source{fragile{2}};
        fragile::moves_throw = true;
        CHECK_THROWS_AS(target = std::move(source), std::runtime_error);
        CHECK_FALSE(target);
        CHECK(target.error() == failure{});
        REQUIRE(source);
        CHECK(source->value == 2);
        fragile::calm();
        target = source;    // and can be used again
        CHECK(target->value == 2);
    }
    CHECK(fragile::alive == 0);
}

TEST_CASE("outcome: a copy that throws leaves the target as it was", "[core][outcome]") {
    fragile::calm();
    {
        outcome<fragile> target{fragile{1}}, source{fragile{2}};
        fragile::copies_throw = true;
        CHECK_THROWS_AS(target = source, std::runtime_error);
        REQUIRE(target);
        CHECK(target->value == 1);
    }
    fragile::calm();
    CHECK(fragile::alive == 0);
}

TEST_CASE("outcome: a constructor that throws inside emplace leaves a failure", "[core][outcome]") {
    fragile::calm();
    {
        outcome<fragile> held{fragile{1}};
        CHECK_THROWS_AS(held.emplace(-1), std::invalid_argument);
        CHECK_FALSE(held);
        CHECK(held.error() == failure{});
        CHECK(held.emplace(5).value == 5);
        CHECK(held->value == 5);
        outcome<fragile> failed{broken};
        CHECK_THROWS(failed.emplace(-1));
        CHECK_FALSE(failed);
    }
    CHECK(fragile::alive == 0);
}

TEST_CASE("outcome: value() throws the failure, and only where there is no value", "[core][outcome]") {
    outcome<int> good = 4, bad = broken;
    CHECK(good.value() == 4);
    CHECK(std::as_const(good).value() == 4);
    try {
        (void)bad.value();
        FAIL("no throw");
    } catch (bad_outcome const& thrown) {
        CHECK(thrown.error() == broken);
        CHECK(thrown.what() == to_string(broken));
    }
    CHECK_THROWS_AS(std::move(bad).value(), bad_outcome);
    CHECK_THROWS_AS(outcome<void>{broken}.value(), bad_outcome);
    CHECK_NOTHROW(outcome<void>{}.value());
}

TEST_CASE("outcome: converts values that convert, and hands failures over", "[core][outcome]") {
    outcome<std::string> const text = "literal";
    CHECK(*text == "literal");
    outcome<long> const wide = outcome<int>{3};
    CHECK(wide == 3);
    outcome<long> const still_failed = outcome<int>{broken};
    CHECK(still_failed.error() == broken);
    outcome<std::unique_ptr<base>> const up = outcome<std::unique_ptr<derived>>{std::make_unique<derived>()};
    CHECK(*up != nullptr);
    outcome<std::any> const anything = outcome<int>{3};    // the value, not an outcome in an any
    CHECK(std::any_cast<int>(&*anything) != nullptr);
    outcome<std::any> const nothing = broken;              // a failure, not a failure in an any
    CHECK_FALSE(nothing);
    outcome<bool> const no = false;
    CHECK(no.has_value());
    CHECK_FALSE(*no);
}

TEST_CASE("outcome: monadic steps run on a value and pass a failure through untouched", "[core][outcome]") {
    int calls = 0;
    auto const half = [&](int n) -> outcome<int> {
        ++calls;
        if (n % 2) return failure{cause::invalid_input, "odd"};
        return n / 2;
    };
    CHECK(outcome<int>{8}.and_then(half).and_then(half) == 2);
    CHECK(calls == 2);
    CHECK(outcome<int>{6}.and_then(half).and_then(half).error().is(cause::invalid_input));
    CHECK(outcome<int>{broken}.and_then(half).error() == broken);
    CHECK(calls == 4);

    CHECK(outcome<int>{3}.transform([](int n) { return std::to_string(n); }) == "3");
    CHECK(outcome<int>{broken}.transform([](int n) { return std::to_string(n); }).error() == broken);
    bool ran = false;
    outcome<void> const done = outcome<int>{3}.transform([&](int) { ran = true; });
    CHECK((done.has_value() && ran));

    CHECK(outcome<int>{broken}.or_else([](failure const& why) -> outcome<int> {
        return static_cast<int>(why.text().size());
    }) == 6);
    CHECK(outcome<int>{3}.or_else([](failure const&) -> outcome<int> { return 0; }) == 3);
    CHECK(outcome<int>{broken}.value_or(9) == 9);
    CHECK(outcome<int>{3}.value_or(9) == 3);
    CHECK(outcome<std::string>{std::string{"moved"}}.value_or("other") == "moved");
}

TEST_CASE("outcome: done has the same monadic steps, without a value", "[core][outcome]") {
    CHECK(outcome<void>{}.and_then([] { return outcome<int>{3}; }) == 3);
    CHECK(outcome<void>{broken}.and_then([] { return outcome<int>{3}; }).error() == broken);
    CHECK(outcome<void>{}.transform([] { return 3; }) == 3);
    CHECK(outcome<void>{broken}.transform([] { return 3; }).error() == broken);
    int ran = 0;
    CHECK(outcome<void>{}.transform([&] { ++ran; }).has_value());
    CHECK_FALSE(outcome<void>{broken}.transform([&] { ++ran; }).has_value());
    CHECK(ran == 1);
    CHECK(outcome<void>{broken}.or_else([](failure const&) { return outcome<void>{}; }).has_value());
}

TEST_CASE("outcome: comparing never takes a failure for a value", "[core][outcome]") {
    CHECK(outcome<int>{3} == outcome<int>{3});
    CHECK_FALSE(outcome<int>{3} == outcome<int>{4});
    CHECK_FALSE(outcome<int>{} == outcome<int>{0});
    CHECK(outcome<int>{broken} == outcome<int>{broken});
    CHECK_FALSE(outcome<int>{broken} == 0);
    CHECK(3 == outcome<int>{3});
    CHECK(outcome<std::string>{"a"} == "a");
    CHECK(outcome<void>{} == outcome<void>{});
    CHECK_FALSE(outcome<void>{} == outcome<void>{broken});
}

TEST_CASE("outcome: a done that failed stays failed when it is moved or copied", "[core][outcome]") {
    outcome<void> bad = broken;
    outcome<void> const copy = bad;
    outcome<void> const moved = std::move(bad);
    CHECK(copy.error() == broken);
    CHECK(moved.error() == broken);
    CHECK_FALSE(bad.has_value());
}

TEST_CASE("outcome: swapping and sorting move values about without losing any", "[core][outcome]") {
    std::vector<outcome<std::unique_ptr<int>>> many;
    for (int i = 0; i < 5; ++i) many.emplace_back(std::make_unique<int>(i));
    many.emplace_back(broken);
    for (std::size_t i = 0; i < many.size() / 2; ++i) std::swap(many[i], many[many.size() - 1 - i]);
    CHECK(many.front().error() == broken);
    for (std::size_t i = 1; i < many.size(); ++i) CHECK(**many[i] == static_cast<int>(5 - i));
}
