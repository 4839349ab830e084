#include <muster/policy/cached.hpp>

#include "catch.hpp"

#include <memory>
#include <string>

#include <muster/cache/memory_cache.hpp>
#include <muster/core/stage.hpp>

using namespace muster;

namespace {
struct token {
    std::string kid;
    int use = 0;
};
using by_text = memory_cache<std::string, std::size_t>;
std::string const long_key = "a key that is long enough to be allocated, so that moving it empties it";
}  // namespace

static_assert(around_policy<cached<by_text>>);
static_assert(!std::constructible_from<cached<by_text>, by_text>);    // a temporary cache does not bind

TEST_CASE("cached: a hit answers without a call, for the key of the item", "[policy]") {
    by_text cache;
    int calls = 0;
    auto const length = cached{cache} | [&](std::string const& text) { ++calls; return text.size(); };
    CHECK(length(std::string{"abc"}) == 3u);
    CHECK(length(std::string{"abc"}) == 3u);
    CHECK(calls == 1);
    CHECK(length(std::string{"abcd"}) == 4u);
    CHECK(calls == 2);
}

TEST_CASE("cached: the key may be a member, or what a function makes of the item", "[policy]") {
    by_text cache;
    int calls = 0;
    auto const count = [&](token const& item) { ++calls; return item.kid.size(); };
    auto const by_member = cached{cache, &token::kid} | count;
    CHECK(by_member(token{"abc", 1}) == 3u);
    CHECK(by_member(token{"abc", 2}) == 3u);
    auto const by_function = cached{cache, [](token const& item) { return item.kid + "!"; }} | count;
    CHECK(by_function(token{"abc", 3}) == 3u);
    CHECK(calls == 2);
    CHECK(cache.get("abc!") == 3u);
}

TEST_CASE("cached: failures are not remembered", "[policy]") {
    by_text cache;
    int calls = 0;
    auto const task = cached{cache} | [&](std::string const& text) -> outcome<std::size_t> {
        if (++calls == 1) return failure{cause::unavailable, "down"};
        return text.size();
    };
    CHECK(task(std::string{"a"}).error().is(cause::unavailable));
    CHECK(task(std::string{"a"}) == 1u);
    CHECK(calls == 2);
}

TEST_CASE("cached: an answer is remembered for the key as it was, whatever the task does to the item", "[policy]") {
    by_text cache;
    auto const consume = cached{cache} | [](std::string text) { return text.size(); };
    CHECK(consume(std::string{long_key}) == long_key.size());
    CHECK(cache.get(long_key) == long_key.size());
    CHECK_FALSE(cache.get("").has_value());

    auto const spoil = cached{cache} | [](std::string& text) { text = "spoiled"; return std::size_t{7}; };
    std::string item = "fresh";
    CHECK(spoil(item) == 7u);
    CHECK(cache.get("fresh") == 7u);
    CHECK_FALSE(cache.get("spoiled").has_value());

    auto const by_member = cached{cache, &token::kid} | [](token item_taken) { return item_taken.kid.size(); };
    CHECK(by_member(token{long_key + '2'}) == long_key.size() + 1);
    CHECK(cache.get(long_key + '2').has_value());
}

TEST_CASE("cached: a key that is entered again below its own call fails instead of waiting for itself", "[policy]") {
    by_text cache;
    outcome<std::size_t> inner;
    auto const task = cached{cache} | [&](std::string const& text, context& cx) {
        inner = (cached{cache} | [](std::string const&) { return std::size_t{0}; })(text, cx);
        return text.size();
    };
    CHECK(task(std::string{"abc"}) == 3u);
    REQUIRE_FALSE(inner.has_value());
    CHECK(inner.error().is(cause::would_deadlock));
}

TEST_CASE("cached: items that only move, answers that convert", "[policy]") {
    memory_cache<int, double> cache;
    auto const task = cached{cache, [](std::unique_ptr<int> const& item) { return *item; }} |
                      [](std::unique_ptr<int> item) { return *item + 1; };
    CHECK(task(std::make_unique<int>(4)) == 5.0);
    CHECK(cache.get(4) == 5.0);
}

TEST_CASE("cached: equal where cache and key are", "[policy]") {
    by_text a, b;
    CHECK(cached{a} == cached{a});
    CHECK_FALSE(cached{a} == cached{b});
    CHECK(cached{a, &token::kid}.describe() == "cached");
}
