#include <muster/workloads/bgp/as_number.hpp>

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include <muster/core/wire.hpp>

#include "catch.hpp"

using muster::cause;
using muster::bgp::as_number;

static_assert(std::is_trivially_copyable_v<as_number>);
static_assert(!std::is_default_constructible_v<as_number>);
static_assert(!std::constructible_from<as_number, unsigned>);    // only through the checks

TEST_CASE("as_number: the first and the last number pass, in every notation", "[bgp][as_number]") {
    CHECK(as_number::parse("1")->value() == 1);
    CHECK(as_number::parse("AS13335")->value() == 13335);
    CHECK(as_number::parse("as13335")->value() == 13335);
    CHECK(as_number::parse("AS1.10").error().is(cause::invalid_input));    // 65546: reserved
    CHECK(as_number::parse("AS2.10")->value() == 131082);
    CHECK(as_number::parse("0.13335")->value() == 13335);
    CHECK(as_number::parse("AS1.10", as_number::reserved::allow)->value() == 65546);
    CHECK(as_number::parse("4294967294", as_number::reserved::allow)->value() == 4294967294);
    CHECK(as_number::parse("65535.65534", as_number::reserved::allow)->value() == 4294967294);
    CHECK(as_number::of(4294967294, as_number::reserved::allow)->value() == 4294967294);
    CHECK(as_number::parse("AS2.10")->text() == "AS131082");
}

TEST_CASE("as_number: what is no number of 1 to 4294967294 is refused, with the input in the message",
          "[bgp][as_number]") {
    for (std::string_view const bad :
         {"0", "4294967295", "4294967296", "-1", "", " 1", "1 ", "1x", "0x10", "1e3", "+1", "01", "AS", "AS-1",
          "ASAS1", "AS 1",
          "1.", ".1", "1.2.3", "0.0", "65535.65535", "65536.0", "0.65536", "1.-1", "4294980631", "18446744073709551617",
          "99999999999999999999", "1\n", "\t1", "AS1\xc2\xb9", "\xd9\xa1"}) {
        CAPTURE(bad);
        auto const got = as_number::parse(bad, as_number::reserved::allow);
        REQUIRE(!got);
        CHECK(got.error().code() == cause::invalid_input);
        if (bad.find_first_of("\n\t\xc2\xd9") == bad.npos)
            CHECK(got.error().text().find('"' + std::string{bad} + '"') != std::string::npos);
    }
    CHECK(!as_number::parse(std::string_view{"1\0", 2}));
    CHECK(!as_number::of(0));
    CHECK(!as_number::of(4294967295, as_number::reserved::allow));
    CHECK(!as_number::of(4294967296 + 13335));    // bgpq4 would wrap it and answer for AS13335
}

TEST_CASE("as_number: reserved numbers need an opt-in, their neighbours do not", "[bgp][as_number]") {
    for (std::uint64_t const reserved : {23456u, 64496u, 64511u, 64512u, 65534u, 65535u, 65536u, 65551u, 4200000000u,
                                         4294967294u}) {
        CAPTURE(reserved);
        CHECK(!as_number::of(reserved));
        REQUIRE(as_number::of(reserved, as_number::reserved::allow));
        CHECK(as_number::of(reserved, as_number::reserved::allow)->is_reserved());
    }
    for (std::uint64_t const open : {1u, 23455u, 23457u, 64495u, 65552u, 4199999999u}) {
        CAPTURE(open);
        REQUIRE(as_number::of(open));
        CHECK(!as_number::of(open)->is_reserved());
    }
}

TEST_CASE("as_number: a message never carries control characters or more than a line of the input",
          "[bgp][as_number]") {
    auto const hostile = as_number::parse("\x1b[2J\r\n" + std::string(5000, 'A'));
    REQUIRE(!hostile);
    for (char const c : hostile.error().text()) CHECK((c >= 0x20 && c < 0x7f));
    CHECK(hostile.error().text().size() < 300);
}

TEST_CASE("as_number: travels to other processes, and is checked there", "[bgp][as_number]") {
    static_assert(muster::transportable<as_number>);
    for (auto const number : {1u, 64512u, 4294967294u}) {
        auto const sent = as_number::of(number, as_number::reserved::allow).value();
        CHECK(muster::decoded<as_number>(muster::encoded(sent)) == sent);
    }
    CHECK(muster::decoded<as_number>(muster::encoded(std::uint32_t{0})).error().is(cause::invalid_input));
}
