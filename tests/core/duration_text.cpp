#include <muster/core/duration_text.hpp>    // first: proves the header stands alone

#include <cstdint>    // INT64_MIN

#include "catch.hpp"

using muster::duration_text;
using namespace std::chrono_literals;

TEST_CASE("duration_text: a duration as people write it", "[core]") {
    CHECK(duration_text(0s) == "0s");
    CHECK(duration_text(7ns) == "7ns");
    CHECK(duration_text(350us) == "350us");
    CHECK(duration_text(200ms) == "200ms");
    CHECK(duration_text(1500ms) == "1.5s");
    CHECK(duration_text(30s) == "30s");
    CHECK(duration_text(90s) == "90s");
    CHECK(duration_text(2min) == "2min");
    CHECK(duration_text(2h) == "2h");
    CHECK(duration_text(90min) == "90min");
}

TEST_CASE("duration_text: at most three decimals, none that say nothing", "[core]") {
    CHECK(duration_text(1234567ns) == "1.234ms");
    CHECK(duration_text(1'000'001ns) == "1ms");
    CHECK(duration_text(1'050'000ns) == "1.05ms");
}

TEST_CASE("duration_text: negative, smallest and largest", "[core]") {
    CHECK(duration_text(-1500ms) == "-1.5s");
    CHECK(duration_text(std::chrono::nanoseconds{INT64_MAX}).ends_with("s"));
    CHECK(duration_text(std::chrono::nanoseconds{INT64_MIN}).starts_with("-"));
}
