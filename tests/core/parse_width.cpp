#include <muster/core/parse_width.hpp>

#include "catch.hpp"

using namespace muster;

TEST_CASE("parse_width: auto, or a number of workers", "[core][width]") {
    CHECK(parse_width("auto").value() == width{});
    CHECK(parse_width("auto", {.io_width = 7}).value() == width{automatic{.io_width = 7}});
    CHECK(parse_width("1").value() == width{1});
    CHECK(parse_width("4096").value() == width{4096});
}

TEST_CASE("parse_width: anything else names the text and the rule", "[core][width]") {
    for (auto const* const text : {"", "0", "-3", "x", "4097", "1e3", "1x", " 1", "+1", "0x10", "Auto", "99999999999999999999"}) {
        auto const made = parse_width(text);
        REQUIRE_FALSE(made);
        CHECK(made.error().is(cause::invalid_input));
        CHECK(made.error().text() == '"' + std::string{text} + "\" is no number of workers: auto, or 1 to 4096, is allowed");
    }
}
