#include <muster/observe/verdict.hpp>

#include "catch.hpp"

#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>

using namespace muster;

TEST_CASE("verdict: 4.29 against 4.3 is missed, and prints as no more than it is", "[observe][verdict]") {
    verdict const close{4.3, 4.29};
    CHECK_FALSE(close.met());
    CHECK_FALSE(static_cast<bool>(close));
    CHECK(close.text() == "missed: 4.29, at least 4.3 was wanted");
    CHECK(verdict{4.3, 4.2999999}.text() == "missed: 4.29, at least 4.3 was wanted");
    CHECK(rounded_down(4.29, 1) == "4.2");
}

TEST_CASE("verdict: the figure itself is enough, and the next one below it is not", "[observe][verdict]") {
    CHECK(verdict{4.3, 4.3}.met());
    CHECK(verdict{4.3, 4.31}.text() == "met: 4.31, at least 4.3 was wanted");
    CHECK_FALSE(verdict{4.3, std::nextafter(4.3, 0.0)}.met());
    CHECK(verdict{4.3, std::nextafter(4.3, 0.0)}.text() == "missed: 4.29, at least 4.3 was wanted");
}

TEST_CASE("verdict: a limit is judged the other way round, and prints as no less than it is", "[observe][verdict]") {
    CHECK(verdict{1.02, 1.02, goal::at_most}.met());
    verdict const over{1.02, 1.0201, goal::at_most};
    CHECK_FALSE(over.met());
    CHECK(over.text() == "missed: 1.03, at most 1.02 was wanted");
}

TEST_CASE("verdict: what is no number meets nothing", "[observe][verdict]") {
    auto const nan = std::numeric_limits<double>::quiet_NaN();
    CHECK_FALSE(verdict{4.3, nan}.met());
    CHECK_FALSE(verdict{4.3, nan, goal::at_most}.met());
    CHECK_FALSE(verdict{nan, 4.3}.met());
    CHECK(verdict{4.3, std::numeric_limits<double>::infinity()}.met());
    CHECK(rounded_down(nan, 2) == "nan");
    CHECK(rounded_up(-std::numeric_limits<double>::infinity(), 2) == "-inf");
}

TEST_CASE("verdict: rounding to one side, digit by digit", "[observe][verdict]") {
    CHECK(rounded_down(4.29, 2) == "4.29");    // the nearest double is a little less than 4.29
    CHECK(rounded_up(4.29, 2) == "4.29");
    CHECK(rounded_down(0.999, 2) == "0.99");
    CHECK(rounded_up(0.991, 2) == "1.00");
    CHECK(rounded_up(9.99, 1) == "10.0");
    CHECK(rounded_up(99.5, 0) == "100");
    CHECK(rounded_down(99.5, 0) == "99");
    CHECK(rounded_down(7, 2) == "7.00");
    CHECK(rounded_down(7.5, 3) == "7.500");
    CHECK(rounded_down(-0.001, 2) == "-0.01");
    CHECK(rounded_up(-0.001, 2) == "0.00");
    CHECK(rounded_down(-9.99, 1) == "-10.0");
    CHECK(rounded_down(1e300, 0).size() == 301);
    CHECK(rounded_down(std::numeric_limits<double>::denorm_min(), 2) == "0.00");
    CHECK(rounded_up(std::numeric_limits<double>::denorm_min(), 2) == "0.01");
}

TEST_CASE("verdict: rounding never flatters, for any figure", "[observe][verdict]") {
    std::mt19937_64 random{5};
    std::uniform_real_distribution<double> figure{-1000, 1000};
    for (int i = 0; i < 5000; ++i) {
        auto const value = figure(random);
        for (std::size_t decimals = 0; decimals < 4; ++decimals) {
            auto const down = std::strtod(rounded_down(value, decimals).c_str(), nullptr);
            auto const up = std::strtod(rounded_up(value, decimals).c_str(), nullptr);
            REQUIRE(down <= value);
            REQUIRE(up >= value);
            REQUIRE(up - down <= std::pow(10.0, -static_cast<double>(decimals)) * 1.0000001);
        }
    }
}
