#include <muster/flow/flatten.hpp>

#include "catch.hpp"
#include "flow/operated.hpp"
#include "flow/ranges.hpp"

#include <array>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <muster/core/pipeline.hpp>

using namespace muster;
using muster::testing::operated;

static_assert(operator_for<flatten, std::vector<int>> && operator_for<flatten, std::vector<std::unique_ptr<int>>>);
static_assert(!operator_for<flatten, int>);
static_assert(std::same_as<operator_output<flatten, std::vector<outcome<int>>>, int>);
static_assert(std::same_as<operator_output<flatten, std::string>, char>);

TEST_CASE("flatten: ranges become their items, in their order, empty ones none", "[flow][flatten]") {
    auto const flat = operated(std::vector<std::vector<int>>{{1, 2}, {}, {3}, {4, 5, 6}, {}}, flatten{});
    CHECK(flat.given == std::vector{1, 2, 3, 4, 5, 6});
    CHECK(flat.refused.empty());
    CHECK(operated(std::vector<std::string>{"ab", "c"}, flatten{}).given == std::vector{'a', 'b', 'c'});
    CHECK(operated(std::vector<std::vector<bool>>{{true, false}, {true}}, flatten{}).given == std::vector<bool>{true, false, true});
}

TEST_CASE("flatten: two of them take two levels apart", "[flow][flatten]") {
    CHECK(operated(std::vector<std::vector<std::string>>{{"ab"}, {"c", "d"}}, flatten{}, flatten{}).given ==
          std::vector{'a', 'b', 'c', 'd'});
}

TEST_CASE("flatten: what a container owns moves, what a span refers to stays", "[flow][flatten]") {
    std::vector<std::vector<std::unique_ptr<int>>> owned(1);
    owned[0].push_back(std::make_unique<int>(7));
    auto const moved = operated(std::move(owned), flatten{});
    REQUIRE(moved.given.size() == 1);
    CHECK(*moved.given[0] == 7);

    std::array<std::string, 2> words{"far too long for the small buffer of a string", "b"};
    auto const copied = operated(std::vector<std::span<std::string>>{words}, flatten{});
    CHECK(copied.given == std::vector<std::string>(words.begin(), words.end()));
    CHECK(words[0].starts_with("far"));
}

TEST_CASE("flatten: a range that can be read once", "[flow][flatten]") {
    detail::no_state state;
    std::vector<std::string> given;
    flatten{}.push(state, muster::testing::read_once{3}, [&](auto what) {
        if constexpr (std::same_as<decltype(what), std::string>) given.push_back(what);
    });
    CHECK(given == std::vector<std::string>{"0", "1", "2"});
}

TEST_CASE("flatten: of outcomes the values go on, the failures where failures go", "[flow][flatten]") {
    std::vector<std::vector<outcome<int>>> batches(2);
    batches[0] = {1, failure{cause::timed_out, "no answer within 2s"}, 3};
    batches[1] = {failure{cause::rejected, "full"}};
    auto const flat = operated(std::move(batches), flatten{});
    CHECK(flat.given == std::vector{1, 3});
    REQUIRE(flat.refused.size() == 2);
    CHECK(flat.refused[0].is(cause::timed_out));
    CHECK(flat.refused[1].text() == "full");
}

TEST_CASE("flatten: ends early when nobody takes more", "[flow][flatten]") {
    struct {
        int taken = 0;
        bool operator()(int) { return ++taken < 3; }
        bool operator()(failure const&) { return false; }
    } emit_to;
    detail::no_state state;
    flatten{}.push(state, std::vector<int>(100), emit_to);
    CHECK(emit_to.taken == 3);
}

TEST_CASE("flatten: a pipeline holds operators between its stages, as they are", "[flow][flatten]") {
    pipeline const flow{[](int n) { return std::vector(static_cast<std::size_t>(n), n); }, flatten{}, [](int i) { return i + 1; }};
    CHECK(std::get<1>(flow.stages()) == flatten{});
    static_assert(stream_operator<std::remove_cvref_t<decltype(std::get<1>(flow.stages()))>>);
}
