#include <muster/workloads/jwt/algorithm.hpp>

#include "catch.hpp"

using namespace muster::jwt;

TEST_CASE("algorithm: each is found by its name, in these letters alone", "[jwt][algorithm]") {
    for (auto const name : detail::algorithm_names) {
        REQUIRE(algorithm_of(name));
        CHECK(name_of(*algorithm_of(name)) == name);
    }
    for (auto const* none : {"none", "", "hs256", "HS256 ", "HS1", "ES512", "EDDSA", "RSA-OAEP"}) CHECK_FALSE(algorithm_of(none));
}

TEST_CASE("algorithm: knows its family and its hash", "[jwt][algorithm]") {
    CHECK(is_hmac(algorithm::hs512));
    CHECK_FALSE(is_hmac(algorithm::rs256));
    CHECK(is_rsa(algorithm::rs256));
    CHECK(is_rsa(algorithm::ps512));
    CHECK_FALSE(is_rsa(algorithm::es256));
    CHECK(is_pss(algorithm::ps256));
    CHECK_FALSE(is_pss(algorithm::rs512));
    CHECK(hash_size(algorithm::hs256) == 32);
    CHECK(hash_size(algorithm::ps384) == 48);
    CHECK(hash_size(algorithm::rs512) == 64);
    CHECK(hash_size(algorithm::es256) == 32);
}
