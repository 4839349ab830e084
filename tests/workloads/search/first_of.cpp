#include <muster/workloads/search/first_of.hpp>

#include "catch.hpp"

#include <string>
#include <vector>

using namespace muster::searching;
using muster::cause;
using muster::failure;
using muster::outcome;

namespace {

struct named {
    std::string is;
    outcome<void> scan(std::string_view, std::vector<candidate>&) const { return {}; }
    std::span<std::uint32_t const> alone() const { return {}; }
    std::string_view name() const { return is; }
};

engine_maker makes(std::string name) {
    return [name](std::span<line_pattern const>) -> outcome<engine> { return engine{named{name}}; };
}
engine_maker fails(cause with, std::string text) {
    return [with, text](std::span<line_pattern const>) -> outcome<engine> { return failure{with, text}; };
}

}  // namespace

TEST_CASE("first_of: it is the first that can be made", "[search][first_of]") {
    CHECK(first_of({makes("a"), makes("b")})({})->name() == "a");
    CHECK(first_of({fails(cause::unavailable, "x"), fails(cause::exhausted, "y"), makes("b"), makes("c")})({})->name() == "b");
}

TEST_CASE("first_of: a wrong regex is wrong for all", "[search][first_of]") {
    auto const made = first_of({fails(cause::invalid_input, "the regex of pattern 0 is wrong"), makes("b")})({});
    REQUIRE(!made);
    CHECK(made.error().text() == "the regex of pattern 0 is wrong");
}

TEST_CASE("first_of: where none can be made, each says why", "[search][first_of]") {
    auto const made = first_of({fails(cause::unavailable, "not here"), fails(cause::exhausted, "too many")})({});
    REQUIRE(!made);
    CHECK(made.error().is(cause::unavailable));
    CHECK(made.error().text() == "no engine can be made: not here; too many");
    CHECK(first_of({})({}).error().text() == "there is no engine to be made");
}
