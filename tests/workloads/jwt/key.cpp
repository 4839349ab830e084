#include <muster/workloads/jwt/key.hpp>

#include <string>
#include <utility>

#include <muster/workloads/jwt/jwk.hpp>

#include "catch.hpp"
#include "rfc.hpp"
#include "tokens.hpp"

using namespace muster::jwt;
using tokens::decoded;
using tokens::fault_of;

namespace {

std::string text_of(BIO* from) {
    char* data = nullptr;
    auto const size = BIO_get_mem_data(from, &data);
    return {data, static_cast<std::size_t>(size)};
}

// As `openssl genpkey` writes a private key, and `openssl pkey -pubout` its public part.
std::string private_pem(EVP_PKEY* of, EVP_CIPHER const* cipher = nullptr) {
    muster::openssl_ptr<BIO> const into{BIO_new(BIO_s_mem())};
    char password[] = "secret";
    REQUIRE(PEM_write_bio_PKCS8PrivateKey(into.get(), of, cipher, password, cipher ? 6 : 0, nullptr, nullptr) == 1);
    return text_of(into.get());
}
std::string public_pem(EVP_PKEY* of) {
    muster::openssl_ptr<BIO> const into{BIO_new(BIO_s_mem())};
    REQUIRE(PEM_write_bio_PUBKEY(into.get(), of) == 1);
    return text_of(into.get());
}

muster::openssl_ptr<EVP_PKEY> rsa_pair() {
    detail::key_parts parts;
    parts.number(OSSL_PKEY_PARAM_RSA_N, decoded(rfc::rsa_n), false);
    parts.number(OSSL_PKEY_PARAM_RSA_E, decoded("AQAB"), false);
    parts.number(OSSL_PKEY_PARAM_RSA_D, decoded(rfc::rsa_d), true);
    parts.number(OSSL_PKEY_PARAM_RSA_FACTOR1, decoded(rfc::rsa_p), true);
    parts.number(OSSL_PKEY_PARAM_RSA_FACTOR2, decoded(rfc::rsa_q), true);
    parts.number(OSSL_PKEY_PARAM_RSA_EXPONENT1, decoded(rfc::rsa_dp), true);
    parts.number(OSSL_PKEY_PARAM_RSA_EXPONENT2, decoded(rfc::rsa_dq), true);
    parts.number(OSSL_PKEY_PARAM_RSA_COEFFICIENT1, decoded(rfc::rsa_qi), true);
    return parts.key("RSA", true);
}
muster::openssl_ptr<EVP_PKEY> ec_pair() {
    detail::key_parts parts;
    parts.text(OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1");
    parts.point(OSSL_PKEY_PARAM_PUB_KEY, "\x04" + decoded(rfc::ec_x) + decoded(rfc::ec_y));
    parts.number(OSSL_PKEY_PARAM_PRIV_KEY, decoded(rfc::ec_d), true);
    return parts.key("EC", true);
}
muster::openssl_ptr<EVP_PKEY> ed_pair() {
    auto const seed = decoded(rfc::ed_d);
    return muster::openssl_ptr<EVP_PKEY>{
        EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, reinterpret_cast<unsigned char const*>(seed.data()), seed.size())};
}

}  // namespace

TEST_CASE("key: PEM of RSA, P-256 and Ed25519, private and public: as the same key from a JWK", "[jwt][key][pem]") {
    struct row {
        muster::openssl_ptr<EVP_PKEY> pair;
        algorithm by;
        std::string jwk;
    } rows[] = {{rsa_pair(), algorithm::rs256, rfc::rsa_public()}, {rsa_pair(), algorithm::ps512, rfc::rsa_public()},
                {ec_pair(), algorithm::es256, rfc::ec_public()}, {ed_pair(), algorithm::eddsa, rfc::ed_public()}};
    for (auto const& [pair, by, jwk] : rows) {
        REQUIRE(pair);
        auto const signs = key::from_pem(by, private_pem(pair.get()), {.id = "k"});
        auto const verifies = key::from_pem(by, "some words before it\n" + public_pem(pair.get()));
        REQUIRE(signs);
        REQUIRE(verifies);
        CHECK(signs->algorithm() == by);
        CHECK(signs->id() == "k");
        CHECK_FALSE(verifies->can_sign());
        auto const token = *sign(*signs, "payload");
        CHECK(verify(*verifies, token) == "payload");
        CHECK(verify(*parse_jwk(jwk, {.when_unsaid = by}), token) == "payload");
    }
}

TEST_CASE("key: PEM with a password, of another algorithm, cut off or of several blocks is refused", "[jwt][key][pem]") {
    auto const rsa = rsa_pair(), ec = ec_pair(), ed = ed_pair();
    auto const text = private_pem(ed.get());
    CHECK(fault_of(key::from_pem(algorithm::eddsa, private_pem(ed.get(), EVP_aes_128_cbc()))) == "bad key");    // and asks no terminal
    CHECK(fault_of(key::from_pem(algorithm::eddsa, text + public_pem(ed.get()))) == "bad key");
    CHECK(fault_of(key::from_pem(algorithm::eddsa, text.substr(0, text.size() / 2))) == "bad key");
    CHECK(fault_of(key::from_pem(algorithm::eddsa, "")) == "bad key");
    CHECK(fault_of(key::from_pem(algorithm::eddsa, "-----BEGIN PUBLIC KEY-----")) == "bad key");
    CHECK(fault_of(key::from_pem(algorithm::rs256, text)) == "bad key");
    CHECK(fault_of(key::from_pem(algorithm::hs256, public_pem(rsa.get()))) == "bad key");    // a public key is no secret
    CHECK(fault_of(key::from_pem(algorithm::es256, public_pem(rsa.get()))) == "bad key");
    CHECK(fault_of(key::from_pem(algorithm::eddsa, public_pem(ec.get()))) == "bad key");
    muster::openssl_ptr<EVP_PKEY> const other{EVP_EC_gen("P-384")}, montgomery{EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519")};
    CHECK(fault_of(key::from_pem(algorithm::es256, public_pem(other.get()))) == "unsupported key");
    CHECK(fault_of(key::from_pem(algorithm::eddsa, public_pem(montgomery.get()))) == "unsupported key");
    muster::openssl_ptr<EVP_PKEY> const small{EVP_RSA_gen(1'024)};
    CHECK(fault_of(key::from_pem(algorithm::rs256, public_pem(small.get()))) == "short key");
    CHECK(fault_of(key::from_pem(algorithm::rs256, private_pem(small.get()))) == "short key");
}

TEST_CASE("key: a curve that is written out is P-256 in all its numbers, or refused: CVE-2020-0601", "[jwt][key][pem][attack]") {
    auto const ec = ec_pair();
    REQUIRE(EVP_PKEY_set_utf8_string_param(ec.get(), OSSL_PKEY_PARAM_EC_ENCODING, "explicit") == 1);
    unsigned char* out = nullptr;
    auto const size = i2d_PUBKEY(ec.get(), &out);
    REQUIRE(size > 0);
    std::string der{reinterpret_cast<char const*>(out), static_cast<std::size_t>(size)};
    OPENSSL_free(out);
    auto const pem = [](std::string const& bytes) {
        std::string text(bytes.size() * 2, '\0');
        text.resize(static_cast<std::size_t>(EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), reinterpret_cast<unsigned char const*>(bytes.data()),
                                                             static_cast<int>(bytes.size()))));
        for (std::size_t at = 64; at < text.size(); at += 65) text.insert(at, "\n");
        return "-----BEGIN PUBLIC KEY-----\n" + text + "\n-----END PUBLIC KEY-----\n";
    };
    CHECK(key::from_pem(algorithm::es256, pem(der)).has_value());
    // With the key itself as the generator anybody knows a private part: 1.
    auto const generator = "\x04" + decoded("axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY") + decoded("T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU");
    auto const point = "\x04" + decoded(rfc::ec_x) + decoded(rfc::ec_y);
    auto const at = der.find(generator);
    REQUIRE(at != der.npos);
    CHECK(fault_of(key::from_pem(algorithm::es256, pem(der.replace(at, point.size(), point)))) == "unsupported key");
}

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
