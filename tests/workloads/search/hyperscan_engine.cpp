#include <muster/workloads/search/hyperscan_engine.hpp>

#include "temporary_folder.hpp"
#include "engine_promises.hpp"

using namespace muster;
using namespace muster::searching;

namespace {

auto const make = [](std::vector<line_pattern> const& patterns) { return hyperscan_engine::make(patterns); };

// Whether this machine has a Hyperscan that can be used: a Vectorscan that misses lines is refused.
bool usable() { return make({{"a"}}).has_value(); }

}  // namespace

TEST_CASE("hyperscan_engine: it keeps what engines promise", "[search][hyperscan_engine]") {
    if (usable()) engine_promises::keeps_its_promises(make);
}
TEST_CASE("hyperscan_engine: it misses no line of PCRE2's", "[search][hyperscan_engine]") {
    if (usable()) engine_promises::misses_nothing(make, 60);
}

TEST_CASE("hyperscan_engine: it is refused with a reason, or has a name", "[search][hyperscan_engine]") {
    auto const by = make({{"a"}});
    if (by) {
        CHECK(by->name().starts_with("hyperscan"));
    } else {
        CHECK(by.error().is(cause::unavailable));
        CHECK(by.error().text().starts_with("Hyperscan "));
    }
}

TEST_CASE("hyperscan_engine: a line is one candidate, however often a pattern matches on it", "[search][hyperscan_engine]") {
    if (!usable()) return;
    auto const by = make({{"\\d"}, {"[ab]"}}).value();
    std::vector<candidate> found;
    REQUIRE(by.scan("1234567890\nabab1\n22", found));
    CHECK(found.size() == 4);
}

TEST_CASE("hyperscan_engine: what was compiled is kept, for these patterns alone", "[search][hyperscan_engine]") {
    if (!usable()) return;
    temporary_folder const folder;
    file_cache cache{folder / "cache"};
    auto const made = [&](std::vector<line_pattern> const& patterns) { return hyperscan_engine::make(patterns, {.cache = &cache}).value(); };
    auto const told = [](engine const& by, std::string_view text) {
        std::vector<candidate> found;
        by.scan(text, found).value();
        return found.size();
    };
    CHECK(told(made({{"ab"}, {"x*"}, {"c(?!d)"}}), "ab\ncd") >= 1);
    CHECK(cache.usage().entries == 1);
    auto const again = made({{"ab"}, {"x*"}, {"c(?!d)"}});
    CHECK(cache.stats().hits == 1);
    CHECK(told(again, "ab\nab") == 2);
    CHECK(std::vector(again.alone().begin(), again.alone().end()) == std::vector<std::uint32_t>{1});
    CHECK(told(made({{"AB", true}}), "ab\nab") == 2);
    CHECK(told(made({{"AB", false}}), "ab\nab") == 0);
    CHECK(told(made({{"A"}, {"B"}}), "A") == 1);
    CHECK(cache.usage().entries == 4);
}

TEST_CASE("hyperscan_engine: an entry of the cache that is of no use is written anew", "[search][hyperscan_engine]") {
    if (!usable()) return;
    temporary_folder const folder;
    {
        file_cache cache{folder / "cache"};
        REQUIRE(hyperscan_engine::make(std::vector<line_pattern>{{"ab"}}, {.cache = &cache}));
    }
    file_cache cache{folder / "cache"};
    auto const key = hyperscan_engine::key_of(std::vector<hyperscan_pattern>{{"ab"}}, {});
    REQUIRE(cache.get(key));
    for (std::string const& wrong : {std::string{}, std::string{"something else"}, hyperscan_set::compile({})->serialize().value()}) {
        REQUIRE(cache.put(key, wrong));
        auto const by = hyperscan_engine::make(std::vector<line_pattern>{{"ab"}}, {.cache = &cache}).value();
        std::vector<candidate> found;
        REQUIRE(by.scan("ab\n", found));
        CHECK(found.size() == 1);
        CHECK(hyperscan_set::deserialize(cache.get(key).value())->size() == 1);
    }
}
