#include <muster/testing/conformance.hpp>

#include "catch.hpp"

#include <string>

#include <muster/cache/memory_cache.hpp>

using namespace muster;
using testing::conformance;
using broken = conformance::broken;

TEST_CASE("conformance: memory_cache", "[conformance]") {
    auto const text = [](int i) { return "number " + std::to_string(i); };
    auto const number = [](int i) { return 100 + i; };
    memory_cache<std::string, int> by_text;
    CHECK(conformance::of_cache(by_text, text, number) == broken{});
    memory_cache<int, std::string> small{{.entries = 6}};
    CHECK(conformance::of_cache(small, number, text) == broken{});
}
