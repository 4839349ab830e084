#include <muster/workloads/jwt/token_digest.hpp>

#include <muster/core/wire.hpp>

#include "catch.hpp"

using namespace muster::jwt;

static_assert(muster::transportable<token_digest>);

TEST_CASE("token_digest: is the SHA-256 of a text", "[jwt][token_digest]") {
    auto const of = token_digest::of("abc");    // FIPS 180-4's example
    CHECK(static_cast<unsigned char>(of.bytes()[0]) == 0xba);
    CHECK(static_cast<unsigned char>(of.bytes()[31]) == 0xad);
    CHECK(of == token_digest::of("abc"));
    CHECK_FALSE(of == token_digest::of("abd"));
    CHECK(std::hash<token_digest>{}(of) != std::hash<token_digest>{}(token_digest::of("abd")));
}

TEST_CASE("token_digest: lists of texts that read alike are told apart", "[jwt][token_digest]") {
    std::string one, other;
    detail::add_text(one, "ab");
    detail::add_text(one, "c");
    detail::add_text(other, "a");
    detail::add_text(other, "bc");
    CHECK(one != other);
}
