#include <muster/workloads/search/pcre2_engine.hpp>

#include "engine_promises.hpp"

using namespace muster::searching;

namespace {

auto const make = [](std::vector<line_pattern> const& patterns) { return pcre2_engine::make(patterns); };

}  // namespace

TEST_CASE("pcre2_engine: it keeps what engines promise", "[search][pcre2_engine]") { engine_promises::keeps_its_promises(make); }
TEST_CASE("pcre2_engine: it misses no line of PCRE2's", "[search][pcre2_engine]") { engine_promises::misses_nothing(make, 60); }

TEST_CASE("pcre2_engine: a pattern that is given up in a text is tried on all lines from there on", "[search][pcre2_engine]") {
    std::vector<line_pattern> const patterns{{"(?:a|b)+c$"}, {"z"}};
    auto const by = pcre2_engine::make(patterns, {.steps = 50}).value();
    std::vector<candidate> found;
    REQUIRE(by.scan("ac\nx\n" + std::string(1'000, 'a') + "\nx\nzc!\n", found));
    CHECK(found == std::vector<candidate>{{0, 0}, {0, 3}, {0, 5}, {0, 1'006}, {0, 1'008}, {1, 1'008}});
}

TEST_CASE("pcre2_engine: it has a name", "[search][pcre2_engine]") { CHECK(make({})->name() == "pcre2"); }
