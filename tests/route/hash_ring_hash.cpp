#include <muster/route/hash_ring_hash.hpp>

#include "catch.hpp"

#include <bit>
#include <set>
#include <string>
#include <utility>

using namespace muster;

namespace {
enum class colour : short { red = 1, blue = -2 };
struct route_key {
    std::uint32_t customer = 0;
    std::string prefix;
};
template <class Key>
std::uint64_t hash_of(Key const& key) { return hash_ring_hash<Key>{}(key); }
}  // namespace

TEST_CASE("hash_ring_hash: gives the same as ever", "[route]") {
    // Nodes hold keys placed by older programs: these numbers stay.
    CHECK(hash_of(0) == 0xe220a8397b1dcdafu);
    CHECK(hash_of(std::string{}) == hash_of(std::string_view{}));
    CHECK(hash_of(std::string{"muster"}) == 0x3e674bf763d95018u);
    CHECK(hash_of(std::pair{1u, std::string{"10.0.0.0/8"}}) == 0xe2542efbe47fdfdcu);
}

TEST_CASE("hash_ring_hash: numbers and enums count by value, whatever their width", "[route]") {
    CHECK(hash_of(-2) == hash_of(std::int64_t{-2}));
    CHECK(hash_of(7u) == hash_of(std::uint8_t{7}));
    CHECK(hash_of(colour::blue) == hash_of(-2));
    CHECK(hash_of(true) == hash_of(1));
    CHECK(hash_of(1) != hash_of(2));
}

TEST_CASE("hash_ring_hash: text counts by its characters, zeros at its end too", "[route]") {
    CHECK(hash_of(std::string{"prefix"}) == hash_of(std::string_view{"prefix"}));
    std::set<std::uint64_t> seen;
    for (std::size_t n = 0; n < 40; ++n) seen.insert(hash_of(std::string(n, '\0')));
    for (std::size_t n = 0; n < 40; ++n)
        for (std::size_t i = 0; i < n; ++i) {
            std::string text(n, 'a');
            text[i] = 'b';
            seen.insert(hash_of(text));
        }
    CHECK(seen.size() == 40 + 39 * 40 / 2);
}

TEST_CASE("hash_ring_hash: what else can travel counts by its bytes, however many", "[route]") {
    CHECK(hash_of(route_key{1, "a"}) == hash_of(route_key{1, "a"}));
    CHECK(hash_of(route_key{1, "a"}) != hash_of(route_key{2, "a"}));
    std::string const many(5'000, 'x');
    CHECK(hash_of(route_key{1, many}) == hash_of(route_key{1, many}));
    CHECK(hash_of(route_key{1, many}) != hash_of(route_key{1, many + 'x'}));
}

TEST_CASE("hash_ring_hash: a bit that changes in the key changes half of the hash", "[route]") {
    double flipped = 0;
    int pairs = 0;
    for (std::uint64_t key = 0; key < 1'000; ++key)
        for (int bit = 0; bit < 64; ++bit, ++pairs) flipped += std::popcount(hash_of(key) ^ hash_of(key ^ (std::uint64_t{1} << bit)));
    CHECK(flipped / pairs == Approx(32).margin(0.1));
}
