// Attacks that others wrote down, each against the fault that it gets here: the eight labs of PortSwigger's Web Security Academy on JWT,
// the security tests of libjwt, and what the tests of jwt-cpp's tokens are about.
#include <muster/workloads/jwt/decode_unverified.hpp>
#include <muster/workloads/jwt/jwk.hpp>
#include <muster/workloads/jwt/jwks.hpp>
#include <muster/workloads/jwt/signer.hpp>
#include <muster/workloads/jwt/verifier.hpp>

#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include <openssl/pem.h>

#include "catch.hpp"
#include "rfc.hpp"
#include "tokens.hpp"

using namespace muster::jwt;
using namespace std::chrono_literals;
using tokens::decoded;
using tokens::encoded;
using tokens::fault_of;
using tokens::hmac_key;
using tokens::signed_as;
using tokens::signing_key;
using tokens::with_header;

namespace {

std::string const wiener = R"({"iss":"portswigger","sub":"wiener","exp":50000})", administrator = R"({"iss":"portswigger","sub":"administrator","exp":50000})";

std::string judged(key const& by, std::string const& token) {
    return fault_of(verifier{by, {.issuers = {"portswigger"}, .clock = [] { return std::chrono::sys_seconds{43'200s}; }}}(token));
}

std::string with_payload(std::string token, std::string const& payload) {
    auto const first = token.find('.') + 1;
    return token.replace(first, token.rfind('.') - first, encoded(payload));
}

std::string pem_of(std::string const& jwk) {    // as a server shows its public key
    muster::openssl_ptr<BIO> const into{BIO_new(BIO_s_mem())};
    detail::key_parts parts;
    auto const document = nlohmann::json::parse(jwk);
    parts.number(OSSL_PKEY_PARAM_RSA_N, decoded(document["n"].get<std::string>()), false);
    parts.number(OSSL_PKEY_PARAM_RSA_E, decoded(document["e"].get<std::string>()), false);
    PEM_write_bio_PUBKEY(into.get(), parts.key("RSA", false).get());
    char* data = nullptr;
    auto const size = BIO_get_mem_data(into.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

auto const rs256 = R"(,"alg":"RS256","kid":"k")";

}  // namespace

TEST_CASE("attacks: PortSwigger 1: the signature is not verified", "[jwt][attack][portswigger]") {
    auto const server = *parse_jwk(rfc::rsa_private(rs256));
    auto const token = *sign(server, wiener);
    CHECK(judged(server, token) == "accepted");
    CHECK(judged(server, with_payload(token, administrator)) == "bad signature");
    CHECK(decode_unverified(with_payload(token, administrator))->said.subject() == "administrator");    // so much is in the name
}

TEST_CASE("attacks: PortSwigger 2: the signature is verified unless alg is none", "[jwt][attack][portswigger]") {
    auto const server = *parse_jwk(rfc::rsa_private(rs256));
    for (auto const* none : {"none", "None", "NONE", "nOnE"})
        for (auto const* signature : {"", "AAAA"})
            CHECK(judged(server, encoded(R"({"kid":"k","alg":")" + std::string{none} + "\"}") + "." + encoded(administrator) + "." + signature) == "algorithm none");
    auto const token = *sign(server, wiener);
    CHECK(judged(server, encoded(R"({"kid":"k","alg":"none"})") + token.substr(token.find('.'))) == "algorithm none");
}

TEST_CASE("attacks: PortSwigger 3: the signing key is weak", "[jwt][attack][portswigger]") {
    CHECK(fault_of(key::hmac(algorithm::hs256, "secret1")) == "short key");    // so no server has it
}

TEST_CASE("attacks: PortSwigger 4: the key comes with the token, as jwk", "[jwt][attack][portswigger]") {
    auto const server = *parse_jwk(rfc::rsa_private(rs256));
    auto const mine = *parse_jwk(rfc::ed_private());
    CHECK(judged(server, with_header(mine, R"({"kid":"k","alg":"RS256","jwk":)" + rfc::ed_public() + "}", administrator)) == "embedded key");
    CHECK(judged(server, with_header(server, R"({"kid":"k","alg":"RS256","jwk":)" + rfc::rsa_public() + "}", administrator)) == "embedded key");    // even its own
}

TEST_CASE("attacks: PortSwigger 5: the key comes from where jku points", "[jwt][attack][portswigger]") {
    auto const server = *parse_jwk(rfc::rsa_private(rs256));
    for (auto const* name : {"jku", "x5u"})
        CHECK(judged(server, with_header(signing_key(), R"({"kid":"k","alg":"RS256",")" + std::string{name} + R"(":"https://exploit.example/jwks.json"})", administrator)) == "embedded key");
}

TEST_CASE("attacks: PortSwigger 6: kid is a path, to a file whose bytes are known", "[jwt][attack][portswigger]") {
    auto const server = hmac_key("k");
    for (auto const* path : {"../../../../../../../dev/null", "/dev/null", "/proc/sys/kernel/randomize_va_space"})
        for (auto const& bytes : {std::string(32, '\0'), std::string(64, '\0')}) {
            auto const forged = *key::hmac(algorithm::hs256, bytes);
            CHECK(judged(server, with_header(forged, R"({"alg":"HS256","kid":")" + std::string{path} + "\"}", administrator)) == "unknown key");
        }
    CHECK(fault_of(key::hmac(algorithm::hs256, std::string(1, '\0'))) == "short key");    // what the lab signs with
}

TEST_CASE("attacks: PortSwigger 7: the public key that the server shows is the secret of HS256", "[jwt][attack][portswigger]") {
    auto const server = *parse_jwk(rfc::rsa_public(rs256));
    auto const pem = pem_of(rfc::rsa_public());
    for (auto const& secret : {pem, pem.substr(0, pem.size() - 1), pem + '\0', rfc::rsa_public(), rfc::rsa_n, decoded(rfc::rsa_n)}) {
        auto const forged = *key::hmac(algorithm::hs256, secret);
        CHECK(judged(server, with_header(forged, R"({"alg":"HS256","kid":"k"})", administrator)) == "algorithm mismatch");
        // It is not enough to say RS256 either.
        CHECK(judged(server, with_header(forged, R"({"alg":"RS256","kid":"k"})", administrator)) == "wrong signature length");
    }
    // In a set the token cannot choose an HMAC key, for none can stand there.
    CHECK(fault_of(parse_jwks(R"({"keys":[)" + rfc::rsa_public(rs256) + R"(,{"kty":"oct","alg":"HS256","kid":"h","k":")" + encoded(pem) + "\"}]}")) == "mixed key set");
    CHECK(fault_of(key::from_pem(algorithm::hs256, pem)) == "bad key");
}

TEST_CASE("attacks: PortSwigger 8: the public key is computed from two tokens, and then the secret of HS256", "[jwt][attack][portswigger]") {
    // What is computed is a modulus, of which PEM texts of two kinds are made; each is no secret to a server whose key is RSA.
    auto const server = *parse_jwk(rfc::rsa_public(rs256));
    auto const pem = pem_of(rfc::rsa_public());
    for (auto const& secret : {pem, encoded(pem), decoded(rfc::rsa_n), std::string(1, '\0') + decoded(rfc::rsa_n)})
        for (auto const by : {algorithm::hs256, algorithm::hs384, algorithm::hs512})
            CHECK(judged(server, with_header(*key::hmac(by, secret), R"({"kid":"k","alg":")" + std::string{name_of(by)} + "\"}", administrator)) == "algorithm mismatch");
}

TEST_CASE("attacks: libjwt, jwt_security: keys and sets of the wrong form", "[jwt][attack][libjwt]") {
    for (auto const* alg : {"256", "null", "true"}) CHECK(fault_of(parse_jwk(rfc::rsa_public(R"(,"alg":)" + std::string{alg}))) == "bad key");
    for (auto const* text : {R"({"kty":123})", "{}", R"({"kty":"EC","crv":"P-256","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","alg":"ES256"})",
                             R"({"kty":"EC","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","alg":"ES256"})", R"({"kty":"RSA","e":"AQAB","alg":"RS256"})",
                             R"({"kty":"RSA","n":"AQAB","alg":"RS256"})", R"({"kty":"OKP","crv":"Ed25519","alg":"EdDSA"})", R"({"kty":"RSA","n":12345,"e":[1,2,3],"alg":"RS256"})",
                             R"({"kty":"RSA","alg":"RS256","n":{"a":{"b":{"c":"deep"}}},"e":"AQAB"})", R"({"kty":"oct","k":"!!!not-valid-base64!!!","alg":"HS256"})"})
        CHECK(fault_of(parse_jwk(text)) == "bad key");
    CHECK(fault_of(parse_jwk(rfc::rsa_public(R"(,"alg":"RS256","d":")" + rfc::rsa_d + R"(","p":")" + rfc::rsa_p + "\""))) == "bad key");    // q, dp, dq and qi are missing
    CHECK(fault_of(parse_jwk("")) == "bad JSON");
    CHECK(fault_of(parse_jwk(rfc::rsa_public().substr(0, 10))) == "bad JSON");
    CHECK(fault_of(parse_jwk("[" + rfc::rsa_public() + "]")) == "bad JSON");
    CHECK(fault_of(parse_jwks(R"({"keys":[]})")) == "empty key set");
    CHECK(fault_of(parse_jwks(R"({"keys":"not an array"})")) == "bad key");
    CHECK(fault_of(parse_jwks(R"({"keys":[{"kty":"RSA","n":"bad"},{"kty":"INVALID"},{"NOT-kty":"missing"}]})")) == "missing algorithm");
    CHECK(parse_jwk(rfc::ed_public(R"(,"malicious_field":"x","x5c":["not a cert"],"nested":{"deep":true})")).has_value());
    CHECK(parse_jwk(rfc::rsa_public(R"(,"alg":"PS256")")).has_value());
}

TEST_CASE("attacks: libjwt, jwt_security: tokens of the wrong form", "[jwt][attack][libjwt]") {
    auto const refused = [](std::string const& token) { return judged(hmac_key(), token); };
    for (auto const* token : {"nodotshere", "one.dot", "", "a.b.c.d.e.f"}) CHECK(refused(token) == "wrong segments");
    CHECK(refused(".eyJ0ZXN0IjoiMSJ9.") == "bad JSON");
    CHECK(refused("bm90IGpzb24.eyJ0ZXN0IjoiMSJ9.") == "bad JSON");
    CHECK(refused("eyJ0eXAiOiJKV1QifQ.eyJ0ZXN0IjoiMSJ9.") == "missing algorithm");
    CHECK(refused("eyJhbGciOiJCT0dVUyJ9.eyJ0ZXN0IjoiMSJ9.") == "unsupported algorithm");
    CHECK(refused("eyJhbGciOjI1Nn0.eyJ0ZXN0IjoiMSJ9.") == "wrong member type");
    CHECK(refused("eyJhbGciOiJub25lIn0.!!!invalid!!!.") == "algorithm none");
    CHECK(refused("eyJhbGciOiJub25lIn0.e30.") == "algorithm none");
    CHECK(refused("eyJhbGciOiJub25lIiwiYWxnIjoibm9uZSJ9.eyJpc3MiOiJ4In0.") == "duplicate member");
    CHECK(refused(*sign(hmac_key(), R"({"iss":"a","iss":"b"})")) == "duplicate member");
    CHECK(refused(*sign(hmac_key(), R"({"iss":"portswigger"})")) == "missing claim");    // no exp
    CHECK(refused(std::string(1 << 20, 'a') + ".e30.") == "too long");
}

TEST_CASE("attacks: libjwt, jwt_security: no key but a symmetric one is for HMAC, least of all one of no bytes (GHSA-q843-6q5f-w55g)", "[jwt][attack][libjwt]") {
    for (auto const by : {algorithm::hs256, algorithm::hs384, algorithm::hs512}) {
        CHECK(fault_of(parse_jwk(rfc::rsa_public(), {.when_unsaid = by})) == "bad key");
        CHECK(fault_of(parse_jwk(rfc::ec_public(), {.when_unsaid = by})) == "algorithm mismatch");
        CHECK(fault_of(parse_jwk(rfc::ed_public(), {.when_unsaid = by})) == "algorithm mismatch");
        CHECK(fault_of(key::hmac(by, "")) == "short key");
    }
    CHECK(fault_of(parse_jwk(rfc::rsa_public(R"(,"alg":"HS256")"))) == "bad key");
    // The token that the advisory prints: a MAC with no secret at all.
    auto const forged = "eyJhbGciOiJIUzI1NiIsImtpZCI6InJzYS1uby1hbGcifQ.eyJzdWIiOiJhZG1pbiJ9.I2Ey63EMS9lOFEL93tQM8eB8cCnH6QJy0rIe1HVEI3I";
    CHECK(judged(*parse_jwk(rfc::rsa_public(R"(,"alg":"RS256")")), forged) == "algorithm mismatch");
    CHECK(fault_of(verifier{*parse_jwks(R"({"keys":[)" + rfc::rsa_public(R"(,"alg":"RS256","kid":"rsa-no-alg")") + "]}")}(forged)) == "algorithm mismatch");
}

TEST_CASE("attacks: libjwt, jwt_alg_downgrade: a good signature by an algorithm of the same family is refused", "[jwt][attack][libjwt]") {
    auto const signs = *parse_jwk(rfc::rsa_private(R"(,"alg":"RS512")"));
    auto const token = *sign(signs, wiener);
    CHECK(judged(*parse_jwk(rfc::rsa_public(R"(,"alg":"RS256")")), token) == "algorithm mismatch");
    CHECK(judged(*parse_jwk(rfc::rsa_public(R"(,"alg":"RS512")")), token) == "accepted");
    auto const first = token.find('.'), second = token.rfind('.');
    auto const as_json = R"({"payload":")" + token.substr(first + 1, second - first - 1) + R"(","protected":")" + token.substr(0, first) + R"(","signature":")" +
                         token.substr(second + 1) + "\"}";
    CHECK(judged(*parse_jwk(rfc::rsa_public(R"(,"alg":"RS512")")), as_json) == "JSON serialization");
}

TEST_CASE("attacks: jwt-cpp, TokenTest: tokens of other keys, of no claims, and of claims that differ", "[jwt][attack][jwt-cpp]") {
    // Another key of the same kind.
    for (auto const& [right, wrong] : {std::pair{hmac_key(), *key::hmac(algorithm::hs256, std::string(32, 'x'))}, {signing_key(), *parse_jwk(rfc::ed_private())}})
        CHECK(judged(right, *sign(wrong, wiener)) == "bad signature");
    auto const other_p256 = *parse_jwk(R"({"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"})");
    CHECK(judged(other_p256, *sign(*parse_jwk(rfc::ec_private()), wiener)) == "bad signature");
    // A private key verifies, a public one does not sign.
    CHECK(judged(*parse_jwk(rfc::ec_private()), *sign(*parse_jwk(rfc::ec_private()), wiener)) == "accepted");
    CHECK(fault_of(sign(*parse_jwk(rfc::ec_public()), wiener)) == "public key only");
    CHECK_THROWS_AS(signer{*parse_jwk(rfc::ec_public())}, std::invalid_argument);
    // A token of an algorithm that the verifier has no key for.
    CHECK(judged(hmac_key(), *sign(*parse_jwk(rfc::ec_private()), wiener)) == "algorithm mismatch");
    // Characters that are no base64url, a dot too few, no JSON.
    auto const token = *sign(hmac_key(), wiener);
    for (auto const bad : {'=', '+', '/', ' ', '\n', '\0', '~'}) {
        auto changed = token;
        changed[changed.find('.') + 3] = bad;
        CHECK(judged(hmac_key(), changed) == "bad base64url");
    }
    CHECK(judged(hmac_key(), token.substr(0, token.rfind('.'))) == "wrong segments");
    CHECK(judged(hmac_key(), *sign(hmac_key(), "{\"iss\":")) == "bad JSON");
    // Issuer, times, and claims of another type.
    CHECK(judged(hmac_key(), *sign(hmac_key(), R"({"iss":"auth0","exp":50000})")) == "wrong issuer");
    CHECK(judged(hmac_key(), *sign(hmac_key(), R"({"iss":"portswigger","exp":43200})")) == "expired");
    CHECK(judged(hmac_key(), *sign(hmac_key(), R"({"iss":"portswigger","exp":50000,"nbf":43201})")) == "not yet valid");
    CHECK(judged(hmac_key(), *sign(hmac_key(), R"({"iss":["portswigger"],"exp":50000})")) == "wrong claim type");
    CHECK(judged(hmac_key(), *sign(hmac_key(), R"({"iss":"portswigger","exp":"50000"})")) == "wrong claim type");
    CHECK(judged(hmac_key(), *sign(hmac_key(), R"({"iss":"portswigger","exp":50000,"aud":"somebody"})")) == "wrong audience");
    // What was parsed once can be copied, kept and asked again.
    auto const said = *verifier{hmac_key(), {.clock = [] { return std::chrono::sys_seconds{0s}; }}}(token);
    auto const copy = said;
    CHECK(copy.issuer() == "portswigger");
    CHECK_FALSE(copy.raw("missing"));
}
