#include <muster/adapt/openssl.hpp>

#include "catch.hpp"

using namespace muster;

TEST_CASE("openssl_ptr: owns an object, and is as small as a pointer", "[adapt][openssl]") {
    static_assert(sizeof(openssl_ptr<EVP_PKEY>) == sizeof(void*));
    openssl_ptr<BIGNUM> const number{BN_new()};
    REQUIRE(number);
    CHECK(BN_set_word(number.get(), 65537) == 1);
    CHECK(BN_is_odd(number.get()));
}

TEST_CASE("openssl_complaint: says the last thing that went wrong, once", "[adapt][openssl]") {
    ERR_clear_error();
    CHECK(openssl_complaint() == "OpenSSL gives no reason");
    ERR_raise(ERR_LIB_EVP, EVP_R_INVALID_KEY);
    CHECK(openssl_complaint() == "invalid key");
    CHECK(openssl_complaint() == "OpenSSL gives no reason");
}
