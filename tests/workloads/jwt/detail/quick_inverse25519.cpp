#include <muster/workloads/jwt/detail/quick_inverse25519.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <random>

#include "catch.hpp"

using namespace muster::jwt::detail;

namespace {

bool as_the_power(field25519 const& a) {
    auto const quick = quick_inverse(a);
    for (auto const limb : quick.limb)
        if (limb >> 52 != 0) return false;
    return same_number(quick, inverse(a));
}

field25519 drawn(std::mt19937_64& random) {
    field25519 made{};
    for (auto& limb : made.limb) limb = random() >> 12;
    return made;
}

}  // namespace

TEST_CASE("quick_inverse25519: of 0, p and 2p it is 0, and of 1 and -1 the same number", "[jwt][field25519]") {
    constexpr auto ones = low_51_bits, full = (std::uint64_t{1} << 52) - 1;
    field25519 const p{{ones - 18, ones, ones, ones, ones}}, minus_one{{ones - 19, ones, ones, ones, ones}};
    CHECK(same_number(quick_inverse(zero25519), zero25519));
    CHECK(same_number(quick_inverse(p), zero25519));
    CHECK(same_number(quick_inverse({{full - 37, full - 1, full - 1, full - 1, full - 1}}), zero25519));
    CHECK(same_number(quick_inverse(one25519), one25519));
    CHECK(same_number(quick_inverse(minus_one), minus_one));
}

TEST_CASE("quick_inverse25519: it is the power's at the edges of limbs", "[jwt][field25519]") {
    std::array<std::uint64_t, 4> const values{0, 1, low_51_bits, (std::uint64_t{1} << 52) - 1};
    bool right = true;
    for (unsigned i = 0; i < 1'024; ++i)
        right = right && as_the_power({{values[i & 3], values[i >> 2 & 3], values[i >> 4 & 3], values[i >> 6 & 3], values[i >> 8]}});
    CHECK(right);
}

TEST_CASE("quick_inverse25519: it is the power's near powers of two, their negatives and inverses", "[jwt][field25519]") {
    bool right = true;
    for (unsigned bit = 0; bit < 255; ++bit) {    // long runs of equal bits: many steps of one kind, and numbers that shrink at once
        auto power = zero25519;
        power.limb[bit / 51] = std::uint64_t{1} << bit % 51;
        for (std::uint64_t more = 0; more < 3; ++more) {
            auto near = power;
            near.limb[0] += more;
            auto const below = carried(subtract(power, field25519{{more, 0, 0, 0, 0}}));
            right = right && as_the_power(near) && as_the_power(below) && as_the_power(carried(subtract(zero25519, near)));
            right = right && as_the_power(inverse(near)) && same_number(quick_inverse(quick_inverse(near)), near);
        }
    }
    for (std::uint64_t small = 0; small < 1'000; ++small) {
        field25519 const number{{small, 0, 0, 0, 0}};
        right = right && as_the_power(number) && as_the_power(carried(subtract(zero25519, number)));
    }
    CHECK(right);
}

TEST_CASE("quick_inverse25519: it is the power's for random numbers", "[jwt][field25519][soak]") {
    std::mt19937_64 random{2019'266};
    auto const rounds = std::getenv("MUSTER_SOAK") ? 1'000'000 : 20'000;
    bool right = true;
    for (int i = 0; i < rounds; ++i) right = right && as_the_power(drawn(random));
    CHECK(right);
}

TEST_CASE("quick_inverse25519: what 62 steps do keeps the bounds that sums rely on", "[jwt][field25519]") {
    std::mt19937_64 random{62};
    bool bounded = true, exact = true;
    auto const size = [](std::int64_t of) { return of < 0 ? std::uint64_t{0} - static_cast<std::uint64_t>(of) : static_cast<std::uint64_t>(of); };
    for (int i = 0; i < 20'000; ++i) {
        auto const f = random() | 1, g = i % 64 == 0 ? 0 : random() << i % 64;
        auto delta = static_cast<std::int64_t>(random() % 201) - 100;
        auto const by = take_steps(delta, f, g);
        constexpr auto most = std::uint64_t{1} << 62;
        bounded = bounded && size(by.u) + size(by.v) <= most && size(by.q) + size(by.r) <= most;
        // 2^62 divides both sums: their lowest 62 bits are 0, which is all that can be said of words
        auto const of = [&](std::int64_t a, std::int64_t b) { return (static_cast<std::uint64_t>(a) * f + static_cast<std::uint64_t>(b) * g) & low_62_bits; };
        exact = exact && of(by.u, by.v) == 0 && of(by.q, by.r) == 0;
    }
    CHECK(bounded);
    CHECK(exact);
}
