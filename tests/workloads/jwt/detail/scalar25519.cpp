#include <muster/workloads/jwt/detail/scalar25519.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <random>
#include <vector>

#include <muster/adapt/sodium.hpp>

#include "catch.hpp"

using namespace muster::jwt::detail;

namespace {

constexpr scalar25519 order{0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
                            0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};

scalar25519 order_and(int more) {    // -128 to 18
    auto number = order;
    number[0] = static_cast<unsigned char>(number[0] + more);
    return number;
}

// The number that digits stand for, or nothing, where one is out of range.
std::optional<scalar25519> of_digits(digits25519 const& digits) {
    scalar25519 number{};
    int carry = 0;
    for (std::size_t i = 0; i < digits.size(); ++i) {
        if (i + 1 < digits.size() ? digits[i] < -128 || digits[i] >= 128 : digits[i] < 0 || digits[i] >= 18) return std::nullopt;
        auto const sum = digits[i] + carry;
        number[i] = static_cast<unsigned char>(sum & 0xff);
        carry = (sum - number[i]) / 256;
    }
    return carry == 0 ? std::optional{number} : std::nullopt;
}

}  // namespace

TEST_CASE("scalar25519: below the order is what is less than L, to the last bit", "[jwt][scalar25519]") {
    for (int more = -128; more <= 18; ++more) CHECK(below_order(order_and(more).data()) == (more < 0));
    for (std::size_t i = 0; i < order.size(); ++i) {
        auto number = order;
        if (number[i] > 0) {
            --number[i];
            CHECK(below_order(number.data()));
        }
        number = order;
        ++number[i];
        CHECK_FALSE(below_order(number.data()));
    }
    scalar25519 all{};
    CHECK(below_order(all.data()));
    all.fill(0xff);
    CHECK_FALSE(below_order(all.data()));
}

TEST_CASE("scalar25519: digits stand for their number and keep their range", "[jwt][scalar25519]") {
    muster::start_sodium();
    std::vector<scalar25519> numbers{scalar25519{}, order_and(-1), order_and(-128)};
    for (int bit = 0; bit < 252; ++bit) {
        scalar25519 one{}, ones{};
        one[static_cast<std::size_t>(bit / 8)] = static_cast<unsigned char>(1 << bit % 8);
        for (int i = 0; i < bit; ++i)
            ones[static_cast<std::size_t>(i / 8)] = static_cast<unsigned char>(ones[static_cast<std::size_t>(i / 8)] | 1 << i % 8);
        numbers.push_back(one);
        numbers.push_back(ones);
    }
    for (auto const byte : {0x7f, 0x80, 0x81, 0xff}) {
        scalar25519 same{};
        same.fill(static_cast<unsigned char>(byte));
        same[31] = 0x0f;
        numbers.push_back(same);
    }
    std::mt19937_64 random{252};
    for (int i = 0; i < 20'000; ++i) {
        std::array<unsigned char, 64> hash;
        for (auto& byte : hash) byte = static_cast<unsigned char>(random());
        numbers.push_back(reduced(hash));
    }
    bool right = true;
    for (auto const& number : numbers) right = right && below_order(number.data()) && of_digits(signed_digits(number)) == number;
    CHECK(right);
}
