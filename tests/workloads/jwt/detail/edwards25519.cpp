#include <muster/workloads/jwt/detail/edwards25519.hpp>

#include <array>
#include <cstddef>
#include <random>
#include <vector>

#include <sodium.h>

#include <muster/adapt/sodium.hpp>

#include "catch.hpp"
#include "small_order.hpp"

using namespace muster::jwt::detail;

namespace {

// Without the checks of a public key.
extended_point any_point(text32 const& of) {
    if (auto const found = point_of(of)) return *found;
    // Of small order: by the difference of two points that are not.
    auto const base = bytes_of(base_point, one25519);
    text32 sum;
    REQUIRE(crypto_core_ed25519_add(sum.data(), of.data(), base.data()) == 0);
    auto point = *point_of(sum);
    add_to(point, affine(base_point, one25519), true);
    return point;
}

text32 text_of(extended_point const& point) { return bytes_of(point, inverse(point.z)); }

// On the curve, and T is XY / Z.
bool holds_together(extended_point const& p) {
    auto const x2 = square(p.x), y2 = square(p.y), z2 = square(p.z), t2 = square(p.t);
    return same_number(subtract(y2, x2), add(z2, multiply(edwards_d, t2))) && same_number(multiply(p.x, p.y), multiply(p.z, p.t)) &&
           !same_number(p.z, zero25519);
}

text32 random_point(std::mt19937_64& random) {
    text32 seed, point;
    for (auto& byte : seed) byte = static_cast<unsigned char>(random());
    REQUIRE(crypto_core_ed25519_from_uniform(point.data(), seed.data()) == 0);
    return point;
}

}  // namespace

TEST_CASE("edwards25519: the constants are what RFC 8032 says of them", "[jwt][edwards25519]") {
    field25519 const a{{121'665, 0, 0, 0, 0}}, b{{121'666, 0, 0, 0, 0}}, four{{4, 0, 0, 0, 0}}, five{{5, 0, 0, 0, 0}};
    CHECK(same_number(multiply(edwards_d, b), subtract(zero25519, a)));
    CHECK(same_number(edwards_2d, add(edwards_d, edwards_d)));
    CHECK(same_number(square(root_of_minus_one), subtract(zero25519, one25519)));
    CHECK(same_number(multiply(base_point.y, five), four));
    CHECK((bytes_of(base_point.x)[0] & 1) == 0);
    CHECK(holds_together(base_point));
    CHECK(holds_together(neutral_point));
}

TEST_CASE("edwards25519: sums and differences are libsodium's, with points of small order among them", "[jwt][edwards25519]") {
    muster::start_sodium();
    std::mt19937_64 random{8032};
    std::vector<text32> texts;
    for (auto const& torsion : small_order::points()) {
        texts.push_back(torsion);
        auto const point = random_point(random);
        texts.push_back(point);
        CHECK(crypto_core_ed25519_add(texts.emplace_back().data(), point.data(), torsion.data()) == 0);    // of mixed order
    }
    for (int i = 0; i < 100; ++i) texts.push_back(random_point(random));
    for (auto const& a : texts) {
        auto const p = any_point(a);
        REQUIRE(text_of(p) == a);
        bool right = holds_together(p);
        for (auto const& b : texts) {
            auto const q = any_point(b);
            auto const ready = affine(q, inverse(q.z));
            for (auto const minus : {false, true}) {
                auto sum = p;
                add_to(sum, ready, minus);
                text32 expected;
                right = right && (minus ? crypto_core_ed25519_sub : crypto_core_ed25519_add)(expected.data(), a.data(), b.data()) == 0;
                right = right && text_of(sum) == expected && holds_together(sum);
            }
        }
        CHECK(right);
        auto back = p;    // p - p, and p + -p
        add_to(back, affine(p, inverse(p.z)), true);
        CHECK(text_of(back) == text_of(neutral_point));
        back = negative(p);
        add_to(back, affine(p, inverse(p.z)), false);
        CHECK(text_of(back) == text_of(neutral_point));
        CHECK(holds_together(negative(p)));
    }
}

TEST_CASE("edwards25519: a text is a point where libsodium says so, and the point has that text", "[jwt][edwards25519]") {
    muster::start_sodium();
    std::mt19937_64 random{41};
    auto const neutral = text_of(neutral_point);
    int points = 0;
    bool right = true;
    for (int i = 0; i < 10'000; ++i) {
        text32 text, sum;
        for (auto& byte : text) byte = static_cast<unsigned char>(random());
        auto const found = point_of(text);
        right = right && found.has_value() == (crypto_core_ed25519_add(sum.data(), text.data(), neutral.data()) == 0);
        if (!found) continue;
        ++points;
        right = right && text_of(*found) == text && holds_together(*found);
    }
    CHECK(right);
    CHECK(points > 4'000);
}

TEST_CASE("edwards25519: texts that are not canonical or of small order are no points", "[jwt][edwards25519]") {
    for (auto const& text : small_order::texts()) CHECK_FALSE(point_of(text));
    for (auto const& text : small_order::points()) {
        CHECK(is_canonical(text));
        CHECK(has_small_order(text));
    }
    for (auto const& text : small_order::not_canonical()) {
        CHECK_FALSE(is_canonical(text));
        CHECK_FALSE(point_of(text));
    }
    for (int low = 0; low < 256; ++low)
        for (auto const high : {0x7f, 0xff}) {
            text32 text;
            text.fill(0xff);
            text[0] = static_cast<unsigned char>(low);
            text[31] = static_cast<unsigned char>(high);
            CHECK(is_canonical(text) == (low < 0xed));
            text[15] = 0xfe;
            CHECK(is_canonical(text));
        }
    // One bit beside a text of small order there is none.
    for (auto const& text : small_order::points())
        for (std::size_t bit = 0; bit < 255; ++bit) {
            auto other = text;
            other[bit / 8] = static_cast<unsigned char>(other[bit / 8] ^ 1 << bit % 8);
            auto const is_one = [&] {
                for (auto const& each : small_order::points())
                    if (each == other) return true;
                other[31] = static_cast<unsigned char>(other[31] ^ 0x80);    // 1 and -1 with the sign of their x, which is 0
                for (auto const& each : small_order::points())
                    if (each == other) return true;
                return false;
            }();
            CHECK(has_small_order(other) == is_one);
        }
}
