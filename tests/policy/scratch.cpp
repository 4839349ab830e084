#include <muster/policy/scratch.hpp>

#include "catch.hpp"
#include "testing/event.hpp"

#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include <muster/core/stage.hpp>
#include <muster/policy/retry.hpp>

using namespace muster;

namespace {
[[maybe_unused]] auto const nothing = [] { return 0; };
}

static_assert(place_policy<scratch<decltype(nothing)>>);

TEST_CASE("scratch: a call gets a state and hands it back as it left it", "[policy]") {
    int made = 0;
    auto const make = [&] { ++made; return std::vector<int>{}; };
    auto const task = scratch{make} | [](int n, std::vector<int>& kept) { kept.push_back(n); return kept.size(); };
    CHECK(task(1) == 1u);
    CHECK(task(2) == 2u);
    CHECK(made == 1);
}

TEST_CASE("scratch: the state comes last, after the context; it need not move", "[policy]") {
    struct pinned {
        pinned() = default;
        pinned(pinned const&) = delete;
        int uses = 0;
    };
    auto const task = scratch{[] { return pinned{}; }} | [](int n, context&, pinned& state) { return n + ++state.uses; };
    CHECK(task(10) == 11);
    CHECK(task(10) == 12);
}

TEST_CASE("scratch: as many states as calls at once, one each", "[policy]") {
    std::atomic<int> made{0};
    auto const make = [&] { return ++made; };
    testing::meeting four{4};
    auto const task = scratch{make} | [&](int, int& state) { return four.arrive() ? state : -1; };
    std::vector<int> got(4);
    {
        std::vector<std::jthread> callers;
        for (auto& one : got)
            callers.emplace_back([&] { one = *task(0); });
    }
    std::sort(got.begin(), got.end());
    CHECK(got == std::vector{1, 2, 3, 4});
    CHECK(made == 4);
}

TEST_CASE("scratch: a task that throws hands its state back", "[policy]") {
    int made = 0;
    auto const task = scratch{[&] { return ++made; }} | [](bool good, int& state) {
        if (!good) throw std::runtime_error{"no"};
        return state;
    };
    CHECK_FALSE(task(false).has_value());
    CHECK(task(true) == 1);
    CHECK(made == 1);
}

TEST_CASE("scratch: copies of a stage share the states, which live until the last copy is gone", "[policy]") {
    auto watched = std::make_shared<int>(0);
    std::weak_ptr<int> const alive = watched;
    {
        auto const task = scratch{[watched] { return watched; }} | [](int, std::shared_ptr<int>& state) { return ++*state; };
        auto const copy = task;
        watched.reset();
        CHECK(task(0) == 1);
        CHECK(copy(0) == 2);
        CHECK(copy.policies() == task.policies());
    }
    CHECK(alive.expired());
}

TEST_CASE("scratch: a state that cannot be made fails the call as a task that throws does, policies around it too", "[policy]") {
    int made = 0;
    auto const make = [&made]() -> int {
        if (++made < 3) throw std::runtime_error{"no room"};
        return 7;
    };
    auto const once = scratch{make} | [](int n, int const& state) { return n + state; };
    auto const refused = once(1);
    REQUIRE(!refused.has_value());
    CHECK(refused.error().code() == cause::threw);
    CHECK(refused.error().text() == "no room");
    CHECK(refused.error().attempts() == 1);

    made = 0;
    auto const again = scratch{make} | retry{.attempts = 3, .delay = {}} | [](int n, int const& state) { return n + state; };
    CHECK(again(1) == 8);
    CHECK(made == 3);
}
