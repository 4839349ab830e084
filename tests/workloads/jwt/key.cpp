#include <muster/workloads/jwt/key.hpp>

#include <string>
#include <utility>

#include "catch.hpp"
#include "tokens.hpp"

using namespace muster::jwt;
using tokens::decoded;
using tokens::fault_of;

TEST_CASE("key: an HMAC key is not shorter than its hash", "[jwt][key]") {
    for (auto const& [by, size] : {std::pair{algorithm::hs256, 32u}, {algorithm::hs384, 48u}, {algorithm::hs512, 64u}}) {
        CHECK(key::hmac(by, std::string(size, 'k')).has_value());
        CHECK(fault_of(key::hmac(by, std::string(size - 1, 'k'))) == "short key");
        CHECK(fault_of(key::hmac(by, "")) == "short key");
    }
    CHECK(key::hmac(algorithm::hs384, std::string(47, 'k')).error().text() == "HS384 asks for 48 bytes, this key has 47");
    CHECK(fault_of(key::hmac(algorithm::rs256, std::string(64, 'k'))) == "bad key");
}

TEST_CASE("key: a public key of Ed25519 has 32 bytes, is canonical and not of small order", "[jwt][key]") {
    auto const good = decoded("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    CHECK(key::ed25519_public(good).has_value());
    CHECK(fault_of(key::ed25519_public(good.substr(1))) == "bad key");
    CHECK(fault_of(key::ed25519_public(good + "x")) == "bad key");
    CHECK(fault_of(key::ed25519_public("")) == "bad key");

    std::string const zeros(31, '\0'), ones(30, '\xff');
    for (auto const& small : {"\x01" + zeros, '\0' + zeros, '\0' + zeros.substr(1) + '\x80', "\xec" + ones + "\x7f",    // orders 1, 4, 4, 2
                              decoded("JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_AU"), decoded("xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA3o")})    // 8
        CHECK(fault_of(key::ed25519_public(small)) == "weak point");
    CHECK(fault_of(key::ed25519_public("\xee" + ones + "\x7f")) == "weak point");    // 1 written as p + 1
    CHECK(fault_of(key::ed25519_public("\xf0" + ones + "\x7f")) == "weak point");    // 3 written as p + 3
    CHECK(fault_of(key::ed25519_public("\x02" + zeros)) == "weak point");            // not on the curve
    CHECK(fault_of(key::ed25519_private(good + "x")) == "bad key");
}

TEST_CASE("key: fixes one algorithm, and keeps its id", "[jwt][key]") {
    auto const secret = tokens::hmac_key("k\"1");
    CHECK(secret.algorithm() == algorithm::hs256);
    CHECK(secret.id() == "k\"1");
    CHECK(secret.is_symmetric());
    CHECK(secret.describe() == R"(HS256 key "k\"1")");
    auto const copy = secret;
    CHECK(&copy.record() == &secret.record());    // cheap to copy
    CHECK(tokens::signing_key().algorithm() == algorithm::eddsa);
    CHECK_FALSE(tokens::signing_key().is_symmetric());
    CHECK(tokens::signing_key().describe() == "EdDSA key");
}

TEST_CASE("key: never prints its secret", "[jwt][key]") {
    CHECK(tokens::hmac_key("id").describe().find("0123") == std::string::npos);
    CHECK(key::hmac(algorithm::hs512, "0123456789abcdef").error().text().find("0123") == std::string::npos);
}

TEST_CASE("key: a public key does not sign; use and key_ops say what the others do", "[jwt][key]") {
    auto const bytes = decoded("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    auto const public_key = *key::ed25519_public(bytes);
    CHECK(public_key.can_verify());
    CHECK_FALSE(public_key.can_sign());
    CHECK(fault_of(sign(public_key, "x")) == "public key only");

    std::string const secret(32, 'k');
    auto const with = [&](key_options options) { return *key::hmac(algorithm::hs256, secret, std::move(options)); };
    auto const token = *sign(with({}), "x");
    CHECK(verify(with({.use = "sig"}), token) == "x");
    CHECK(verify(with({.operations = {{"verify"}}}), token) == "x");
    CHECK(fault_of(verify(with({.use = "enc"}), token)) == "wrong use");
    CHECK(fault_of(sign(with({.use = "enc"}), "x")) == "wrong use");
    CHECK(fault_of(verify(with({.use = "SIG"}), token)) == "wrong use");
    CHECK(fault_of(verify(with({.operations = {{"sign"}}}), token)) == "wrong key operation");
    CHECK(fault_of(sign(with({.operations = {{"verify"}}}), "x")) == "wrong key operation");
    CHECK(fault_of(verify(with({.operations = {{"sign, verify"}}}), token)) == "wrong key operation");
    CHECK(fault_of(verify(with({.operations = {std::vector<std::string>{}}}), token)) == "wrong key operation");
}
