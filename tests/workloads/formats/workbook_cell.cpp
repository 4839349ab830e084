#include <muster/workloads/formats/workbook_cell.hpp>

#include "catch.hpp"

#include <cstdint>
#include <limits>
#include <type_traits>

using namespace muster;

static_assert(!std::is_constructible_v<workbook_cell, bool>);    // as a number, or as a word? say which
static_assert(!std::is_constructible_v<workbook_cell, char>);
static_assert(std::is_convertible_v<char const*, workbook_cell> && std::is_convertible_v<std::string, workbook_cell>);
static_assert(std::is_convertible_v<std::uint8_t, workbook_cell> && std::is_convertible_v<float, workbook_cell>);

TEST_CASE("workbook_cell: is nothing, a text or a number", "[formats][workbook]") {
    using kind = workbook_cell::kind;
    CHECK(workbook_cell{}.what() == kind::nothing);
    CHECK(workbook_cell{"7"}.what() == kind::text);
    CHECK(workbook_cell{"7"}.text() == "7");
    CHECK(workbook_cell{7}.what() == kind::number);
    CHECK(workbook_cell{-7}.number() == -7.0);
    CHECK(workbook_cell{0.5f}.number() == 0.5);
}

TEST_CASE("workbook_cell: a whole number that a double cannot hold keeps its digits", "[formats][workbook]") {
    using kind = workbook_cell::kind;
    auto const largest = std::int64_t{1} << 53;
    CHECK(workbook_cell{largest}.what() == kind::number);
    CHECK(workbook_cell{-largest}.what() == kind::number);
    CHECK(workbook_cell{largest + 1}.what() == kind::large);
    CHECK(workbook_cell{largest + 1}.digits() == "9007199254740993");
    CHECK(workbook_cell{std::numeric_limits<std::int64_t>::min()}.digits() == "-9223372036854775808");
    CHECK(workbook_cell{std::numeric_limits<std::uint64_t>::max()}.digits() == "18446744073709551615");
}
