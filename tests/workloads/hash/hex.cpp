#include <muster/workloads/hash/hex.hpp>

#include "catch.hpp"

#include <random>
#include <string>
#include <string_view>

using namespace muster::hashing;
using muster::cause;

TEST_CASE("hex: two digits a byte in lower case, a number with its highest byte first", "[hash][hex]") {
    CHECK(to_hex(std::uint64_t{0}) == "0000000000000000");
    CHECK(to_hex(std::uint64_t{0x0123'4567'89ab'cdef}) == "0123456789abcdef");
    CHECK(to_hex(digest<3>{{0, 0x9f, 0xff}}) == "009fff");
}

TEST_CASE("hex: what was written is read again, in either case", "[hash][hex]") {
    std::mt19937_64 random{3};
    for (int i = 0; i < 1'000; ++i) {
        std::uint64_t const number = random();
        CHECK(parse_hex<std::uint64_t>(to_hex(number)) == number);
        digest<32> some;
        for (auto& byte : some.bytes) byte = static_cast<std::uint8_t>(random());
        CHECK(parse_hex<digest<32>>(to_hex(some)) == some);
    }
    CHECK(parse_hex<digest<3>>("aBcDeF") == digest<3>{{0xab, 0xcd, 0xef}});
    CHECK(parse_hex<std::uint64_t>("FFFFFFFFFFFFFFFF") == ~std::uint64_t{0});
}

TEST_CASE("hex: anything else is refused, with the input and the rule in the message", "[hash][hex]") {
    auto const text_of = [](std::string_view bad) {
        auto const got = parse_hex<digest<3>>(bad);
        REQUIRE_FALSE(got.has_value());
        CHECK(got.error().is(cause::invalid_input));
        return got.error().text();
    };
    CHECK(text_of("") == R"("" is no digest in hex: 6 digits are wanted, these are 0)");
    CHECK(text_of("12345") == R"("12345" is no digest in hex: 6 digits are wanted, these are 5)");
    CHECK(text_of("1234567") == R"("1234567" is no digest in hex: 6 digits are wanted, these are 7)");
    CHECK(text_of("12g456") == R"("12g456" is no digest in hex: 0 to 9 and a to f are allowed, not what stands at position 2)");
    CHECK(text_of("123456\n").find("these are 7") != std::string::npos);
    CHECK(text_of(std::string(5'000, 'a')).size() < 200);
    for (std::string_view const bad : {"0x1234", " 12345", "12345 ", "+12345", "-12345", "12345/", "12345:", "12345@", "12345G", "12345`", "\xff\xff\xff\xff\xff\xff"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_hex<digest<3>>(bad).has_value());
    }
    CHECK_FALSE(parse_hex<digest<3>>(std::string_view{"1234\0" "5", 6}).has_value());
}
