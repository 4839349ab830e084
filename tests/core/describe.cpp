#include <muster/core/describe.hpp>
#include <muster/core/duration_text.hpp>    // duration_text

#include "catch.hpp"

using namespace muster;
using namespace std::chrono_literals;

namespace {

struct titled {
    using policy_concept = place_tag;
    std::string text;
    [[nodiscard]] std::string describe() const { return "named{" + text + "}"; }
};
struct tried {
    using policy_concept = around_tag;
    unsigned attempts;
    std::chrono::nanoseconds delay;
    [[nodiscard]] std::string describe() const {
        return "retry{attempts " + std::to_string(attempts) + ", delay " + duration_text(delay) + "}";
    }
    template <class Next, class Item>
    auto around(Next const& next, context& cx, Item&& item) const -> outcome_of<Next, Item> {
        return next(cx, std::forward<Item>(item));
    }
};
struct silent_place { using policy_concept = place_tag; };
struct silent_policy { using policy_concept = around_tag; };
struct odd_policy {
    using policy_concept = around_tag;
    [[nodiscard]] int describe() const { return 3; }    // not what describe() is asked for
};
struct fetch {
    [[nodiscard]] std::string describe() const { return "fetch"; }
    int operator()(int n) const { return n; }
};

constexpr auto same = [](int n) { return n; };

}  // namespace

TEST_CASE("describe: a stage reads as it was written", "[core][describe]") {
    CHECK(describe(titled{"parse"} | tried{4, 200ms} | same) == "named{parse} | retry{attempts 4, delay 200ms} | task");
    CHECK(
        describe(titled{"a"} | (silent_place{} | (silent_policy{} | fetch{}))) == "named{a} | place | policy | fetch");
}

TEST_CASE("describe: policies, chains and tasks alone", "[core][describe]") {
    CHECK(describe(tried{1, 1500us}) == "retry{attempts 1, delay 1.5ms}");
    CHECK(describe(tried{2, 0s} | silent_policy{}) == "retry{attempts 2, delay 0s} | policy");
    CHECK(describe(odd_policy{}) == "policy");
    CHECK(describe(same) == "task");
    CHECK(describe(fetch{}) == "fetch");
    CHECK(describe(+same) == "task");
}

TEST_CASE("describe: a pipeline keeps its stages apart, nested ones too", "[core][describe]") {
    pipeline const flow{titled{"a"} | same, fetch{}};
    CHECK(describe(flow) == "pipeline{named{a} | task, fetch}");
    CHECK(describe(tried{3, 2s} | flow) == "retry{attempts 3, delay 2s} | pipeline{named{a} | task, fetch}");
    CHECK(describe(pipeline{flow, same}) == "pipeline{pipeline{named{a} | task, fetch}, task}");
}
