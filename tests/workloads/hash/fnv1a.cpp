#include <muster/workloads/hash/fnv1a.hpp>

#include "promises.hpp"

#include <memory>
#include <utility>

using namespace muster::hashing;
using route = detail::fnv1a_route;

static_assert(fnv1a{}("foobar") == 0x85944171f73967e8);

TEST_CASE("fnv1a: the published vectors", "[hash][fnv1a]") {    // from the test suite of L. C. Noll, and RFC 9923
    CHECK(fnv1a{}("") == 0xcbf29ce484222325);
    CHECK(fnv1a{}("a") == 0xaf63dc4c8601ec8c);
    CHECK(fnv1a{}("b") == 0xaf63df4c8601f1a5);
    CHECK(fnv1a{}("foobar") == 0x85944171f73967e8);
    CHECK(fnv1a{}(std::string_view{"\0", 1}) == 0xaf63bd4c8601b7df);
    CHECK(fnv1a{}("\xff") == fnv1a{}(std::string(1, static_cast<char>(255))));    // a byte, whatever a char is
}

TEST_CASE("fnv1a: keeps what every hash promises", "[hash][fnv1a]") { check_promises(fnv1a{}); }

TEST_CASE("fnv1a: every route of this processor agrees with one key at a time", "[hash][fnv1a]") {
    for (auto const way : {route::portable, route::avx2, route::avx512}) {
        if (!has(way)) continue;
        CAPTURE(static_cast<int>(way));
        check_each(fnv1a{}, [way](auto const& keys, std::span<std::uint64_t> out) { return fnv1a{}.each(keys, out, way); });
    }
    CHECK(has(detail::fnv1a_best()));
    CHECK(has(route::portable));
}

TEST_CASE("fnv1a: no route reads behind the end of a key", "[hash][fnv1a]") {
    // each key has memory of its own, exactly as much: AddressSanitizer sees what the portable route reads beyond it; for the
    // others the bytes behind a key differ from run to run of the same keys
    std::mt19937_64 random{5};
    for (auto const way : {route::portable, route::avx2, route::avx512}) {
        if (!has(way)) continue;
        for (std::size_t size = 0; size <= 40; ++size) {
            std::string text = random_key(random, size);
            std::string noise_a = text + random_key(random, 16), noise_b = text + random_key(random, 16);
            std::vector<std::string_view> a(32, std::string_view{noise_a}.substr(0, size)), b(32, std::string_view{noise_b}.substr(0, size));
            std::vector<std::uint64_t> of_a(32), of_b(32);
            CHECK(fnv1a{}.each(a, of_a, way).has_value());
            CHECK(fnv1a{}.each(b, of_b, way).has_value());
            CHECK(of_a == of_b);
            std::vector<std::unique_ptr<char[]>> exact;
            std::vector<std::string_view> alone;
            for (int i = 0; i < 32; ++i) {
                exact.push_back(std::make_unique<char[]>(size));
                std::copy_n(text.data(), size, exact.back().get());
                alone.emplace_back(exact.back().get(), size);
            }
            CHECK(fnv1a{}.each(alone, of_b, way).has_value());
            CHECK(of_a == of_b);
        }
    }
}
