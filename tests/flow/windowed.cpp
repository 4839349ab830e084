#include <muster/flow/windowed.hpp>

#include "catch.hpp"

#include <string>
#include <variant>

#include <muster/core/wire.hpp>

using namespace muster;

static_assert(transportable<windowed<std::string, double, std::int64_t>>);

TEST_CASE("windowed: a later revision of the same window is another result", "[flow]") {
    windowed<std::string, int, int> const first{.key = "router", .from = 0, .to = 60, .value = 3};
    CHECK(first.revision == 0);
    auto corrected = first;
    CHECK(corrected == first);
    corrected.revision = 1;
    CHECK_FALSE(corrected == first);
}

TEST_CASE("windowed: a window over everything has a key that says nothing", "[flow]") {
    CHECK(windowed<std::monostate, int, int>{.key = {}, .from = 0, .to = 1, .value = 2} == windowed<std::monostate, int, int>{{}, 0, 1, 2, 0});
}
