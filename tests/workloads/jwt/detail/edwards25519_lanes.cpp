#include <muster/workloads/jwt/detail/edwards25519_lanes.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <vector>

#include <sodium.h>

#include <muster/adapt/sodium.hpp>

#include "catch.hpp"
#include "small_order.hpp"

using namespace muster::jwt::detail;

TEST_CASE("edwards25519_lanes: the portable route is there on every processor, and the best one is there", "[jwt][edwards25519]") {
    CHECK(has(point_route::portable));
    CHECK(has(best_point_route()));
}

#if defined(__x86_64__) && defined(__GNUC__)

namespace {

// Four numbers in the place of a point's x, y, t and z.
using four = extended_point;

[[gnu::target("avx512f,avx512vl,avx512ifma")]] four products_in_lanes(four const& a, four const& b) {
    return point_of(multiply(lanes_of(a), lanes_of(b)));
}
[[gnu::target("avx512f,avx512vl,avx512ifma")]] four sums_in_lanes(four const& a) {
    return point_of(differences_and_sums<0b1111>(lanes_of(a)));
}
[[gnu::target("avx512f,avx512vl,avx512ifma")]] four first_sums_in_lanes(four const& a) {
    return point_of(differences_and_sums<0b0011>(lanes_of(a)));
}
[[gnu::target("avx512f,avx512vl,avx512ifma")]] void add_in_lanes(extended_point& p, affine_point const& q, bool minus) {
    auto sum = lanes_of(p);
    add_to(sum, q, minus);
    p = point_of(sum);
}
[[gnu::target("avx512f,avx512vl,avx512ifma")]] four ready_in_lanes(affine_point const& q, bool minus) { return point_of(lanes_of(q, minus)); }

bool within(field25519 const& of) {
    for (auto const limb : of.limb)
        if (limb >> 52 != 0) return false;
    return true;
}
bool within(four const& of) { return within(of.x) && within(of.y) && within(of.t) && within(of.z); }

// Limbs at their edges: all that four values can be at five places, among them the greatest that a limb is.
std::vector<field25519> edges() {
    std::array<std::uint64_t, 4> const values{0, 1, low_51_bits, (std::uint64_t{1} << 52) - 1};
    std::vector<field25519> all;
    for (unsigned i = 0; i < 1'024; ++i)
        all.push_back({{values[i & 3], values[i >> 2 & 3], values[i >> 4 & 3], values[i >> 6 & 3], values[i >> 8]}});
    return all;
}

field25519 drawn(std::mt19937_64& random) {
    field25519 made{};
    for (auto& limb : made.limb) limb = random() >> 12;
    return made;
}

bool products_agree(four const& a, four const& b) {
    auto const made = products_in_lanes(a, b);
    return within(made) && same_number(made.x, multiply(a.x, b.x)) && same_number(made.y, multiply(a.y, b.y)) &&
           same_number(made.t, multiply(a.t, b.t)) && same_number(made.z, multiply(a.z, b.z));
}

bool sums_agree(four const& a) {
    auto const made = sums_in_lanes(a), first = first_sums_in_lanes(a);
    auto const pair = same_number(made.x, subtract(a.y, a.x)) && same_number(made.y, add(a.x, a.y));
    return pair && within(made) && within(first) && same_number(made.t, subtract(a.z, a.t)) && same_number(made.z, add(a.z, a.t)) &&
           same_number(first.x, made.x) && same_number(first.y, made.y) && same_number(first.t, a.t) && same_number(first.z, a.z);
}

text32 text_of(extended_point const& point) { return bytes_of(point, inverse(point.z)); }

bool same_point(extended_point const& a, extended_point const& b) {
    return text_of(a) == text_of(b) && same_number(multiply(a.x, a.y), multiply(a.z, a.t));
}

}  // namespace

TEST_CASE("edwards25519_lanes: products, sums and differences are right at the edges of limbs, in each lane", "[jwt][edwards25519]") {
    if (!has(point_route::lanes)) return;
    auto const all = edges();
    bool products = true, sums = true;
    for (std::size_t i = 0; i < all.size(); ++i)
        for (std::size_t j = 0; j < all.size(); j += 4) {
            auto const k = (i + j) % all.size();
            four const a{all[i], all[all.size() - 1 - i], all[k], all[i]}, b{all[j], all[j + 1], all[j + 2], all[j + 3]};
            products = products && products_agree(a, b);
            sums = sums && (j % 64 != 0 || sums_agree({all[i], all[k], all[j + 1], all[all.size() - 1 - k]}));
        }
    CHECK(products);
    CHECK(sums);
}

TEST_CASE("edwards25519_lanes: random numbers agree with the other route", "[jwt][edwards25519][soak]") {
    if (!has(point_route::lanes)) return;
    std::mt19937_64 random{52};
    auto const rounds = std::getenv("MUSTER_SOAK") ? 1'000'000 : 100'000;
    bool products = true, sums = true;
    for (int i = 0; i < rounds; ++i) {
        four const a{drawn(random), drawn(random), drawn(random), drawn(random)}, b{drawn(random), drawn(random), drawn(random), drawn(random)};
        products = products && products_agree(a, b);
        sums = sums && sums_agree(a);
    }
    CHECK(products);
    CHECK(sums);
}

TEST_CASE("edwards25519_lanes: a point that lies ready comes into its lanes word for word", "[jwt][edwards25519]") {
    if (!has(point_route::lanes)) return;
    affine_point const q{{{{1, 2, 3, 4, 5}}, {{6, 7, 8, 9, 10}}}, {{11, 12, 13, 14, 15}}};
    auto const equal = [](field25519 const& a, field25519 const& b) {
        for (int i = 0; i < 5; ++i)
            if (a.limb[i] != b.limb[i]) return false;
        return true;
    };
    for (auto const minus : {false, true}) {
        auto const made = ready_in_lanes(q, minus);
        CHECK(equal(made.x, q.ends[minus]));
        CHECK(equal(made.y, q.ends[!minus]));
        CHECK(equal(made.t, q.product));
        CHECK(equal(made.z, {{2, 0, 0, 0, 0}}));
    }
}

TEST_CASE("edwards25519_lanes: sums and differences of points are those of the other route, of small order too", "[jwt][edwards25519]") {
    if (!has(point_route::lanes)) return;
    muster::start_sodium();
    std::mt19937_64 random{8032};
    std::vector<extended_point> points{neutral_point, base_point};
    for (int i = 0; i < 24; ++i) {
        text32 seed, text;
        for (auto& byte : seed) byte = static_cast<unsigned char>(random());
        REQUIRE(crypto_core_ed25519_from_uniform(text.data(), seed.data()) == 0);
        points.push_back(*point_of(text));
        auto const torsion = small_order::points()[static_cast<std::size_t>(i % 8)];
        text32 mixed;
        REQUIRE(crypto_core_ed25519_add(mixed.data(), text.data(), torsion.data()) == 0);
        points.push_back(*point_of(mixed));
        auto alone = *point_of(mixed);    // the part of small order
        add_to(alone, affine(*point_of(text), one25519), true);
        points.push_back(alone);
    }
    bool right = true;
    for (auto const& p : points)
        for (auto const& q : points) {
            auto const ready = affine(q, inverse(q.z));
            for (auto const minus : {false, true}) {
                auto here = p, there = p;
                for (int times = 0; times < 3; ++times) {    // what comes out goes in again
                    add_in_lanes(here, ready, minus);
                    add_to(there, ready, minus);
                    right = right && within(here) && same_point(here, there);
                }
            }
        }
    CHECK(right);
}

#endif
