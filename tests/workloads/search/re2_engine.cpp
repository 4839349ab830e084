#include <muster/workloads/search/re2_engine.hpp>

#include "engine_promises.hpp"

using namespace muster::searching;

namespace {

auto const make = [](std::vector<line_pattern> const& patterns) { return re2_engine::make(patterns); };

}  // namespace

TEST_CASE("re2_engine: it keeps what engines promise", "[search][re2_engine]") { engine_promises::keeps_its_promises(make); }
TEST_CASE("re2_engine: it misses no line of PCRE2's", "[search][re2_engine]") { engine_promises::misses_nothing(make, 60); }

TEST_CASE("re2_engine: memory that is too little is said", "[search][re2_engine]") {
    std::vector<line_pattern> patterns;
    for (char const c : std::string{"abcdefgh"}) patterns.push_back({std::string{c} + "{900}"});
    auto const by = re2_engine::make(patterns, {.memory = muster::MiB});
    REQUIRE(!by);
    CHECK(by.error().is(muster::cause::exhausted));
}

TEST_CASE("re2_engine: it has a name", "[search][re2_engine]") { CHECK(make({})->name() == "re2"); }
