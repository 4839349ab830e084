#include <muster/workloads/jwt/detail/field25519.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <random>
#include <vector>

#include <openssl/bn.h>

#include "catch.hpp"

using namespace muster::jwt::detail;

namespace {

// The same arithmetic by OpenSSL's big numbers.
struct free_number {
    void operator()(BIGNUM* of) const noexcept { BN_free(of); }
};
using number = std::unique_ptr<BIGNUM, free_number>;

BN_CTX* context() {
    static std::unique_ptr<BN_CTX, decltype(&BN_CTX_free)> const only{BN_CTX_new(), BN_CTX_free};
    return only.get();
}

number of_word(std::uint64_t word) {
    number made{BN_new()};
    BN_set_word(made.get(), word);
    return made;
}

BIGNUM const* prime() {
    static number const p = [] {
        number made{BN_new()};
        BN_set_bit(made.get(), 255);
        BN_sub_word(made.get(), 19);
        return made;
    }();
    return p.get();
}

template <unsigned Bits>
number plain(limbs25519<Bits> const& of) {
    auto sum = of_word(0);
    for (int i = 4; i >= 0; --i) {
        BN_lshift(sum.get(), sum.get(), 51);
        auto const limb = of_word(of.limb[i]);
        BN_add(sum.get(), sum.get(), limb.get());
    }
    return sum;
}

std::array<unsigned char, 32> little_endian(BIGNUM const* of) {
    std::array<unsigned char, 32> bytes{};
    REQUIRE(BN_bn2lebinpad(of, bytes.data(), 32) == 32);
    return bytes;
}

number plain(std::array<unsigned char, 32> const& bytes) { return number{BN_lebin2bn(bytes.data(), 32, nullptr)}; }

template <class Step>
std::array<unsigned char, 32> mod_p(Step&& step) {
    auto to = of_word(0);
    step(to.get());
    auto rest = of_word(0);
    BN_nnmod(rest.get(), to.get(), prime(), context());
    return little_endian(rest.get());
}

template <unsigned Bits>
bool within(limbs25519<Bits> const& of, unsigned bits) {
    return std::all_of(std::begin(of.limb), std::end(of.limb), [&](std::uint64_t limb) { return limb >> bits == 0; });
}

// Numbers at the edges, in every form that a field number may have: limbs below 2^52.
std::vector<field25519> edges() {
    constexpr auto ones = low_51_bits;
    std::vector<field25519> all{
        zero25519, one25519, {{2, 0, 0, 0, 0}}, {{18, 0, 0, 0, 0}}, {{19, 0, 0, 0, 0}}, {{20, 0, 0, 0, 0}},
        {{ones - 19, ones, ones, ones, ones}},    // p - 1
        {{ones - 18, ones, ones, ones, ones}},    // p
        {{ones - 17, ones, ones, ones, ones}},    // p + 1
        {{ones - 1, ones, ones, ones, ones}}, {{ones, ones, ones, ones, ones}},
        {{ones - 37, ones + ones + 1, ones, ones, ones}}, {{0, 0, 0, 0, ones + 1}}};    // the last is 2^255
    constexpr auto full = (std::uint64_t{1} << 52) - 1;
    all.push_back({{full, full, full, full, full}});
    all.push_back({{full - 37, full - 1, full - 1, full - 1, full - 1}});    // 2p
    for (int i = 0; i < 5; ++i) {
        all.push_back(zero25519);
        all.back().limb[i] = full;
        all.push_back({{full, full, full, full, full}});
        all.back().limb[i] = 0;
        all.push_back({{ones, ones, ones, ones, ones}});
        all.back().limb[i] = 0;
    }
    return all;
}

template <unsigned Bits>
limbs25519<Bits> widened(field25519 const& of, std::uint64_t by) {
    limbs25519<Bits> made{};
    for (int i = 0; i < 5; ++i) made.limb[i] = std::min(of.limb[i] * by + (by - 1), (std::uint64_t{1} << Bits) - 1);
    return made;
}

template <unsigned Bits>
limbs25519<Bits> drawn(std::mt19937_64& random) {
    limbs25519<Bits> made{};
    for (auto& limb : made.limb) limb = random() >> (64 - Bits);
    return made;
}

// Every operation on two numbers, against the other arithmetic.
template <unsigned A, unsigned B>
bool products_agree(limbs25519<A> const& a, limbs25519<B> const& b) {
    auto const x = plain(a), y = plain(b);
    auto const product = multiply(a, b), own = square(a), other = square(b);
    return within(product, 52) && within(own, 52) && within(other, 52) &&
           bytes_of(product) == mod_p([&](BIGNUM* to) { BN_mul(to, x.get(), y.get(), context()); }) &&
           bytes_of(own) == mod_p([&](BIGNUM* to) { BN_sqr(to, x.get(), context()); }) &&
           bytes_of(other) == mod_p([&](BIGNUM* to) { BN_sqr(to, y.get(), context()); });
}

bool sums_agree(field25519 const& a, field25519 const& b) {
    auto const x = plain(a), y = plain(b);
    auto const sum = add(a, b);
    auto const difference = subtract(a, b);
    auto const twice = subtract(sum, b);    // a + b - b
    auto const expected_sum = mod_p([&](BIGNUM* to) { BN_add(to, x.get(), y.get()); });
    auto const expected_difference = mod_p([&](BIGNUM* to) { BN_sub(to, x.get(), y.get()); });
    return within(sum, 53) && within(difference, 54) && within(twice, 54) && within(carried(sum), 52) && within(carried(difference), 52) &&
           bytes_of(sum) == expected_sum && bytes_of(carried(sum)) == expected_sum && bytes_of(difference) == expected_difference &&
           bytes_of(carried(difference)) == expected_difference && same_number(twice, a);
}

bool powers_agree(field25519 const& a) {
    auto const x = plain(a);
    auto exponent = of_word(0);
    BN_copy(exponent.get(), prime());
    BN_sub_word(exponent.get(), 2);
    auto const expected_inverse = mod_p([&](BIGNUM* to) { BN_mod_exp(to, x.get(), exponent.get(), prime(), context()); });
    BN_sub_word(exponent.get(), 3);
    BN_rshift(exponent.get(), exponent.get(), 3);    // (p - 5) / 8
    auto const expected_power = mod_p([&](BIGNUM* to) { BN_mod_exp(to, x.get(), exponent.get(), prime(), context()); });
    auto const one_or_zero = multiply(a, inverse(a));
    return bytes_of(inverse(a)) == expected_inverse && bytes_of(power_for_root(a)) == expected_power &&
           same_number(one_or_zero, same_number(a, zero25519) ? zero25519 : one25519);
}

}  // namespace

TEST_CASE("field25519: products and squares are right at the edges, however wide their limbs", "[jwt][field25519]") {
    auto const all = edges();
    bool right = true;
    for (auto const& a : all)
        for (auto const& b : all) {
            right = right && products_agree(a, b);
            right = right && products_agree(widened<54>(a, 4), b);
            right = right && products_agree(widened<53>(a, 2), widened<54>(b, 4));
            right = right && products_agree(widened<54>(a, 4), widened<54>(b, 4));
        }
    CHECK(right);
}

TEST_CASE("field25519: sums and differences are right at the edges, and stay in their bounds", "[jwt][field25519]") {
    auto const all = edges();
    bool right = true;
    for (auto const& a : all)
        for (auto const& b : all) right = right && sums_agree(a, b);
    CHECK(right);
}

TEST_CASE("field25519: inverses and roots are right at the edges", "[jwt][field25519]") {
    for (auto const& a : edges()) CHECK(powers_agree(a));
    CHECK(same_number(inverse(zero25519), zero25519));
}

TEST_CASE("field25519: random numbers agree with another arithmetic", "[jwt][field25519][soak]") {
    auto const rounds = std::getenv("MUSTER_SOAK") ? 1'000'000 : 100'000;
    std::mt19937_64 random{25519};
    bool products = true, sums = true, powers = true;
    for (int i = 0; i < rounds; ++i) {
        switch (i % 4) {
        case 0: products = products && products_agree(drawn<52>(random), drawn<52>(random)); break;
        case 1: products = products && products_agree(drawn<54>(random), drawn<52>(random)); break;
        case 2: products = products && products_agree(drawn<53>(random), drawn<54>(random)); break;
        default: products = products && products_agree(drawn<54>(random), drawn<54>(random));
        }
        sums = sums && sums_agree(drawn<52>(random), drawn<52>(random));
        if (i % 100 == 0) powers = powers && powers_agree(drawn<52>(random));
    }
    CHECK(products);
    CHECK(sums);
    CHECK(powers);
}

TEST_CASE("field25519: bytes are those of the one number below p, and come back", "[jwt][field25519]") {
    std::mt19937_64 random{19};
    std::vector<std::array<unsigned char, 32>> texts;
    for (int low = 0; low < 256; ++low) {    // 2^255 - 256 to 2^255 - 1, and 0 to 255
        texts.emplace_back().fill(0xff);
        texts.back()[0] = static_cast<unsigned char>(low);
        texts.emplace_back().fill(0);
        texts.back()[0] = static_cast<unsigned char>(low);
    }
    for (int i = 0; i < 10'000; ++i)
        for (auto& byte : texts.emplace_back()) byte = static_cast<unsigned char>(random());
    bool right = true;
    for (auto text : texts) {
        auto const read = field_of(text);
        text[31] = static_cast<unsigned char>(text[31] & 0x7f);    // the highest bit is not the number's
        auto const of = plain(text);
        auto const expected = mod_p([&](BIGNUM* to) { BN_copy(to, of.get()); });
        right = right && within(read, 51) && bytes_of(read) == expected && BN_cmp(plain(read).get(), of.get()) == 0;
    }
    CHECK(right);
    for (auto const& edge : edges()) {
        auto const of = plain(edge);
        CHECK(bytes_of(edge) == mod_p([&](BIGNUM* to) { BN_copy(to, of.get()); }));
        CHECK(bytes_of(field_of(bytes_of(edge))) == bytes_of(edge));
    }
}
