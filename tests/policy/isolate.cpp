#include <muster/policy/isolate.hpp>

#include <string>
#include <tuple>

#include <muster/core/describe.hpp>
#include <muster/policy/retry.hpp>

#include "catch.hpp"

using namespace muster;

namespace {

// A runner that calls here, and notes what it was given.
struct next_door {
    using runner_concept = runner_tag;
    std::size_t policies = 0;
    int calls = 0;

    static std::size_t width() { return 1; }
    template <class Result, class F, class... Ps, class Item>
    Result call(std::tuple<Ps const&...>, F const& task, context& cx, Item&& item) {
        policies = sizeof...(Ps);
        ++calls;
        return invoke_task(task, cx, std::forward<Item>(item));
    }
};

}  // namespace

static_assert(runner<next_door>);
static_assert(around_policy<isolate<next_door>>);
static_assert(!std::constructible_from<isolate<next_door>, next_door>);    // a temporary runner does not bind
static_assert(sizeof(isolate<next_door>) == sizeof(void*));

TEST_CASE("isolate: gives the runner what follows: its policies, the task, the item", "[policy][isolate]") {
    next_door other;
    auto const stage = retry{.attempts = 2, .delay = {}} | isolate{other} | retry{} | [](int i) { return i + 1; };
    CHECK(stage(1) == 2);
    CHECK(other.policies == 1);
    CHECK(other.calls == 1);
}

TEST_CASE("isolate: says itself, and is equal for the same runner", "[policy][isolate]") {
    next_door one, other;
    CHECK(describe(isolate{one}) == "isolate");
    CHECK(isolate{one} == isolate{one});
    CHECK_FALSE(isolate{one} == isolate{other});
}
