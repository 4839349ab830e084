#include <muster/core/chain.hpp>
#include <muster/core/stage.hpp>    // operator|

#include "catch.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

using namespace muster;

namespace {

using trace = std::vector<std::string>;

// Says when it is entered and left.
struct traced {
    using policy_concept = around_tag;
    trace* into;
    char name;
    template <class Next, class Item>
    auto around(Next const& next, context& cx, Item&& item) const -> outcome_of<Next, Item> {
        into->push_back(std::string{"+"} + name);
        auto result = next(cx, std::forward<Item>(item));
        into->push_back(std::string{"-"} + name);
        return result;
    }
    friend bool operator==(traced const&, traced const&) = default;
};
struct skip {    // calls next zero times
    using policy_concept = around_tag;
    template <class Next, class Item>
    auto around(Next const&, context&, Item&&) const -> outcome_of<Next, Item> {
        return failure{cause::rejected, "not today"};
    }
};
struct thrice {    // calls next many times: with a const lvalue, for the item must survive
    using policy_concept = around_tag;
    template <class Next, class Item>
    auto around(Next const& next, context& cx, Item&& item) const
        -> outcome_of<Next, std::remove_cvref_t<Item> const&> {
        auto const& kept = item;
        (void)next(cx, kept);
        (void)next(cx, kept);
        return next(cx, kept);
    }
};
struct as_text {    // answers another type than what follows
    using policy_concept = around_tag;
    template <class Next, class Item>
    auto around(Next const& next, context& cx, Item&& item) const -> outcome<std::string> {
        return next(cx, std::forward<Item>(item)).transform([](auto const& v) { return std::to_string(v); });
    }
};
struct doubled {    // changes the item
    using policy_concept = around_tag;
    template <class Next, class Item>
    auto around(Next const& next, context& cx, Item&& item) const -> outcome_of<Next, int> {
        return next(cx, item * 2);
    }
};
struct keeper {    // hands out a copy of the rest for later
    using policy_concept = around_tag;
    std::function<outcome<int>(context&, int)>* keep;
    template <class Next, class Item>
    auto around(Next const& next, context& cx, Item&& item) const -> outcome_of<Next, Item> {
        *keep = next.owned();
        return next(cx, std::forward<Item>(item));
    }
};
template <int N>
struct place {
    using policy_concept = place_tag;
    int value = N;
    friend bool operator==(place const&, place const&) = default;
};
struct counted_place {    // kept during the call, not longer
    using policy_concept = place_tag;
    int* inside;
    struct stay {
        int* inside;
        explicit stay(int* where) : inside(where) { ++*inside; }
        stay(stay const&) = delete;
        ~stay() { --*inside; }
    };
    [[nodiscard]] stay enter(context&) const { return stay{inside}; }
};

int add_one(int n) { return n + 1; }
constexpr auto plus_one = [](int n) { return n + 1; };

template <class P>
struct is_second : std::bool_constant<std::same_as<P, place<2>>> {};
template <class P>
struct is_any_place : std::bool_constant<place_policy<P>> {};

// Policies and tasks of another namespace, which has an operator| that takes everything.
namespace elsewhere {
struct timed {
    using policy_concept = muster::around_tag;
    int* calls;
    auto around(auto const& next, muster::context& cx, auto&& item) const {  // a deduced return type, as users write it
        ++*calls;
        auto result = next(cx, std::forward<decltype(item)>(item));
        return result;
    }
};
struct greedy_result {};
template <class A, class B>
constexpr greedy_result operator|(A&&, B&&) { return {}; }
struct task {
    int operator()(int n) const { return n * 10; }
};
using muster::operator|;
inline auto stage_of(int* calls) { return timed{calls} | [](int n) { return n + 1; }; }
inline auto stage_of_task(int* calls) { return timed{calls} | timed{calls} | task{}; }
}  // namespace elsewhere

}  // namespace

// Flat: a type reads as it was written.
static_assert(std::same_as<decltype(skip{} | thrice{}), chain<skip, thrice>>);
static_assert(
    std::same_as<decltype((skip{} | thrice{}) | (as_text{} | doubled{})), chain<skip, thrice, as_text, doubled>>);
static_assert(std::same_as<decltype(skip{} | (thrice{} | as_text{})), chain<skip, thrice, as_text>>);
static_assert(std::same_as<decltype(skip{} | thrice{} | plus_one),
                           stage<chain<skip, thrice>, std::remove_const_t<decltype(plus_one)>>>);
static_assert(std::same_as<decltype(skip{} | (thrice{} | plus_one)), decltype(skip{} | thrice{} | plus_one)>);
static_assert(std::same_as<decltype((skip{} | thrice{}) | (doubled{} | plus_one)),
    decltype(skip{} | thrice{} | doubled{} | plus_one)>);
static_assert(std::same_as<decltype(skip{} | add_one), stage<chain<skip>, int (*)(int)>>);
static_assert(
    std::is_empty_v<decltype(skip{} | thrice{} | plus_one)> || sizeof(decltype(skip{} | thrice{} | plus_one)) <= 2);

// Called with what it cannot take, a chain is no task, and asking does not end the compilation.
static_assert(task_for<decltype(skip{} | plus_one), int>);
static_assert(!task_for<decltype(skip{} | plus_one), std::string>);
static_assert(!task_for<decltype(elsewhere::stage_of(nullptr)), std::string>);
static_assert(!task_for<decltype(skip{} | [n = 0](int) mutable { return ++n; }), int>);

// Built at compile time.
constexpr auto built_early = place<1>{} | skip{} | thrice{};
static_assert(std::get<0>(built_early.layers()) == place<1>{});

TEST_CASE("chain: whoever is written first meets the item first", "[core][chain]") {
    trace seen;
    auto const ask = traced{&seen, 'a'} | traced{&seen, 'b'} | traced{&seen, 'c'} | [&](int n) {
        seen.push_back("task");
        return n;
    };
    CHECK(ask(3) == 3);
    CHECK(seen == trace{"+a", "+b", "+c", "task", "-c", "-b", "-a"});
}

TEST_CASE("chain: brackets do not change the order", "[core][chain]") {
    trace flat, left, right;
    auto const run = [](trace& into, auto const& ask) { (void)ask(0); return into; };
    auto const t = [](trace& into, char name) { return traced{&into, name}; };
    (void)run(flat, t(flat, 'a') | t(flat, 'b') | t(flat, 'c') | plus_one);
    (void)run(left, (t(left, 'a') | t(left, 'b')) | (t(left, 'c') | plus_one));
    (void)run(right, t(right, 'a') | (t(right, 'b') | (t(right, 'c') | plus_one)));
    CHECK(flat == trace{"+a", "+b", "+c", "-c", "-b", "-a"});
    CHECK(left == flat);
    CHECK(right == flat);
}

TEST_CASE("chain: a policy that does not call next keeps the task from running", "[core][chain]") {
    trace seen;
    bool ran = false;
    auto const ask = traced{&seen, 'a'} | skip{} | traced{&seen, 'b'} | [&](int n) { ran = true; return n; };
    CHECK(ask(1).error().is(cause::rejected));
    CHECK_FALSE(ran);
    CHECK(seen == trace{"+a", "-a"});
}

TEST_CASE("chain: a policy may call next many times, and each call gets the whole item", "[core][chain]") {
    trace seen;
    std::vector<std::string> items;
    auto const ask = thrice{} | traced{&seen, 'a'} | [&](std::string text) {
        items.push_back(text);
        return text.size();
    };
    CHECK(ask(std::string(50, 'x')) == 50u);    // an rvalue: moved once, the others would get nothing
    CHECK(items == std::vector<std::string>(3, std::string(50, 'x')));
    CHECK(seen == trace{"+a", "-a", "+a", "-a", "+a", "-a"});
}

TEST_CASE("chain: policies may change the item and the answer", "[core][chain]") {
    auto const ask = as_text{} | doubled{} | plus_one;
    CHECK(ask(20) == "41");
    static_assert(std::same_as<decltype(ask(20)), outcome<std::string>>);
}

TEST_CASE("chain: an item that can only be moved reaches the task through every layer", "[core][chain]") {
    trace seen;
    auto const ask = traced{&seen, 'a'} | traced{&seen, 'b'} | [](std::unique_ptr<int> p) { return *p; };
    CHECK(ask(std::make_unique<int>(8)) == 8);
    auto const by_reference = traced{&seen, 'a'} | [](std::unique_ptr<int>& p) { return std::move(p); };
    auto mine = std::make_unique<int>(9);
    CHECK(**by_reference(mine) == 9);
    CHECK(mine == nullptr);
}

TEST_CASE("chain: next.owned() outlives the chain that it was taken from", "[core][chain]") {
    std::function<outcome<int>(context&, int)> later;
    auto const counter = std::make_shared<int>(0);
    trace seen;
    {
        auto const ask =
            traced{&seen, 'o'} | keeper{&later} | traced{&seen, 'i'} | [counter](int n) { return *counter += n; };
        CHECK(ask(1) == 1);
    }
    CHECK(counter.use_count() == 2);    // the copy that `later` holds
    seen.clear();
    context cx;
    CHECK(later(cx, 5) == 6);
    CHECK(seen == trace{"+i", "-i"});   // the rest alone, not the policies in front
    later = nullptr;
    CHECK(counter.use_count() == 1);
}

TEST_CASE("chain: owned() of an owned rest is one too", "[core][chain]") {
    auto const layers = doubled{} | as_text{};
    detail::rest<0, std::remove_const_t<decltype(layers)>, std::remove_const_t<decltype(plus_one)>> const next{
        layers, plus_one};
    auto const twice = next.owned().owned();
    context cx;
    CHECK(twice(cx, 4) == "9");
}

TEST_CASE("chain: a place is entered for the call and left after it", "[core][chain]") {
    int inside = 0;
    int seen = -1;
    auto const ask = counted_place{&inside} | [&](int n) { seen = inside; return n; };
    CHECK(ask(1) == 1);
    CHECK(seen == 1);
    CHECK(inside == 0);
    auto const fails = counted_place{&inside} | [](int) -> int { throw 3; };
    CHECK_FALSE(fails(1));
    CHECK(inside == 0);
}

TEST_CASE("chain: a verb finds the first policy that answers its question, or nothing", "[core][chain]") {
    auto const layers = place<1>{} | place<2>{10} | place<2>{20} | skip{};
    CHECK(find_policy<is_any_place>(layers) == &std::get<0>(layers.layers()));
    CHECK(find_policy<is_second>(layers)->value == 10);
    CHECK(find_policy<is_second>(place<1>{} | skip{}) == nullptr);
}

TEST_CASE("chain: chains of equal policies are equal", "[core][chain]") {
    trace one, two;
    CHECK((traced{&one, 'a'} | traced{&one, 'b'}) == (traced{&one, 'a'} | traced{&one, 'b'}));
    CHECK_FALSE((traced{&one, 'a'} | traced{&one, 'b'}) == (traced{&one, 'a'} | traced{&two, 'b'}));
}

TEST_CASE("chain: policies of another namespace join, in spite of a greedy operator| there", "[core][chain]") {
    int calls = 0;
    CHECK(elsewhere::stage_of(&calls)(4) == 5);
    CHECK(calls == 1);
    CHECK(elsewhere::stage_of_task(&calls)(4) == 40);
    CHECK(calls == 3);

    using muster::operator|;
    trace seen;
    auto const mixed = traced{&seen, 'a'} | elsewhere::timed{&calls} | elsewhere::task{};
    CHECK(mixed(1) == 10);
    auto const reversed = elsewhere::timed{&calls} | traced{&seen, 'b'} | plus_one;
    CHECK(reversed(1) == 2);
    CHECK(calls == 5);
}

TEST_CASE("chain: policies bind as lvalues, const lvalues and temporaries alike", "[core][chain]") {
    doubled twice;
    doubled const always;
    CHECK((twice | always | doubled{} | plus_one)(1) == 9);
    auto const front = twice | always;
    auto const task = [](int n) { return n - 1; };
    CHECK((front | task)(1) == 3);
    CHECK((front | add_one)(1) == 5);
    CHECK((front | &add_one)(1) == 5);
}

TEST_CASE("chain: a task that can only be moved stands right of policies, brackets or not", "[core][chain]") {
    auto const flat = doubled{} | doubled{} | [p = std::make_unique<int>(7)](int n) { return n + *p; };
    CHECK(flat(1) == 11);
    auto const bracketed = doubled{} | (doubled{} | [p = std::make_unique<int>(7)](int n) { return n + *p; });
    CHECK(bracketed(1) == 11);
}
