// RFC 8725, JSON Web Token Best Current Practices, section 3, as a checklist: a test for each of its subsections.
#include <muster/workloads/jwt/jwk.hpp>
#include <muster/workloads/jwt/jwks.hpp>
#include <muster/workloads/jwt/signer.hpp>
#include <muster/workloads/jwt/verifier.hpp>

#include <string>
#include <utility>

#include "catch.hpp"
#include "rfc.hpp"
#include "tokens.hpp"

using namespace muster::jwt;
using namespace std::chrono_literals;
using tokens::encoded;
using tokens::fault_of;
using tokens::hmac_key;
using tokens::signing_key;
using tokens::with_header;

namespace {

auto const noon = [] { return std::chrono::sys_seconds{43'200s}; };

std::string judged(key const& by, std::string const& token, verifier_options options = {}) {
    options.clock = noon;
    return fault_of(verifier{by, std::move(options)}(token));
}
std::string judged(std::string_view claims, verifier_options options = {}) { return judged(hmac_key(), *sign(hmac_key(), claims), std::move(options)); }

}  // namespace

TEST_CASE("best practices 3.1: perform algorithm verification: a key is used with one algorithm, whatever the token asks for", "[jwt][best_practices]") {
    auto const payload = R"({"exp":50000})";
    for (auto const* says : {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}) {
        auto const signs = *parse_jwk(rfc::rsa_private(R"(,"alg":")" + std::string{says} + "\""));
        auto const token = *sign(signs, payload);
        for (auto const* expects : {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}) {
            CAPTURE(says, expects);
            auto const verifies = *parse_jwk(rfc::rsa_public(R"(,"alg":")" + std::string{expects} + "\""));
            CHECK(judged(verifies, token) == (std::string{says} == expects ? "accepted" : "algorithm mismatch"));
        }
        for (auto const* other : {"HS256", "ES256", "EdDSA"})
            CHECK(judged(signs, with_header(signs, R"({"alg":")" + std::string{other} + "\"}", payload)) == "algorithm mismatch");
        CHECK(judged(signs, with_header(signs, R"({"alg":"none"})", payload)) == "algorithm none");
    }
    // What a key is for is said where it is read, and one key has one algorithm.
    CHECK(fault_of(parse_jwk(rfc::rsa_public())) == "missing algorithm");
    CHECK(fault_of(parse_jwk(rfc::ec_public(), {.when_unsaid = algorithm::hs256})) == "algorithm mismatch");
}

TEST_CASE("best practices 3.2: use appropriate algorithms: those that are broken, weak or none are not here", "[jwt][best_practices]") {
    for (auto const* name : {"HS1", "MD5", "RS1", "ES256K", "RSA1_5", "RSA-OAEP", "dir", "A128KW"})
        CHECK(judged(hmac_key(), with_header(hmac_key(), R"({"alg":")" + std::string{name} + "\"}")) == "unsupported algorithm");
    for (auto const* name : {"none", "NONE"}) {
        CHECK(judged(hmac_key(), encoded(R"({"alg":")" + std::string{name} + "\"}") + "." + encoded(R"({"exp":50000})") + ".") == "algorithm none");
        CHECK_FALSE(algorithm_of(name).has_value());    // so nothing can sign by it
    }
    // ES256 by a number of its own for each token: the same draft is signed otherwise each time. EdDSA needs none.
    auto const ec = *parse_jwk(rfc::ec_private()), ed = *parse_jwk(rfc::ed_private());
    CHECK(*sign(ec, "x") != *sign(ec, "x"));
    CHECK(*sign(ed, "x") == *sign(ed, "x"));
}

TEST_CASE("best practices 3.3: validate all cryptographic operations: no part of a token is believed when one fails", "[jwt][best_practices]") {
    for (auto const& by : {hmac_key("k"), signing_key("k"), *parse_jwk(rfc::ec_private()), *parse_jwk(rfc::rsa_private(R"(,"alg":"PS256")"))}) {
        auto const token = *sign(by, R"({"exp":50000})");
        CHECK(judged(by, token) == "accepted");
        auto const first = token.find('.'), second = token.rfind('.');
        for (auto const at : {std::size_t{0}, first - 1, first + 1, second - 1, second + 1}) {
            auto changed = token;
            changed[at] = changed[at] == 'A' ? 'B' : 'A';
            CHECK(judged(by, changed) != "accepted");
        }
        CHECK(judged(by, token.substr(0, second + 1)) == "wrong signature length");
    }
    // A token within a token is not opened: the payload is no object.
    CHECK(judged(hmac_key(), with_header(hmac_key(), R"({"alg":"HS256","cty":"JWT"})", *sign(signing_key(), "{}"))) == "bad JSON");
}

TEST_CASE("best practices 3.4: validate cryptographic inputs: points lie on their curve, and numbers in their range", "[jwt][best_practices]") {
    auto const p256 = [](std::string const& x, std::string const& y) {
        return fault_of(parse_jwk(R"({"kty":"EC","crv":"P-256","x":")" + encoded(x) + R"(","y":")" + encoded(y) + "\"}"));
    };
    CHECK(p256(std::string(32, '\0'), std::string(32, '\0')) == "weak point");
    CHECK(p256(std::string(32, '\x05'), std::string(32, '\x07')) == "weak point");
    auto const ed25519 = [](std::string const& x) { return fault_of(parse_jwk(R"({"kty":"OKP","crv":"Ed25519","x":")" + encoded(x) + "\"}")); };
    CHECK(ed25519(std::string(32, '\0')) == "weak point");               // of small order
    CHECK(ed25519('\x01' + std::string(31, '\0')) == "weak point");      // the neutral one
    CHECK(ed25519(std::string(32, '\xff')) == "weak point");             // not canonical
    CHECK(fault_of(parse_jwk(rfc::ed_public(R"(,"crv2":1)"))) == "accepted");
    auto const ec = *parse_jwk(rfc::ec_private());
    auto const token = *sign(ec, "x");
    CHECK(fault_of(verify(ec, token.substr(0, token.rfind('.') + 1) + encoded(std::string(64, '\0')))) == "signature out of range");
}

TEST_CASE("best practices 3.5: ensure that cryptographic keys have sufficient entropy: passwords are no keys", "[jwt][best_practices]") {
    for (auto const* password : {"", "secret", "secret1", "password1234", "your-256-bit-secret"}) {
        CHECK(fault_of(key::hmac(algorithm::hs256, password)) == "short key");
        CHECK(fault_of(parse_jwk(R"({"kty":"oct","alg":"HS256","k":")" + encoded(password) + "\"}")) == "short key");
    }
    CHECK(fault_of(key::hmac(algorithm::hs512, std::string(63, 'k'))) == "short key");
}

TEST_CASE("best practices 3.6: avoid compression of encryption inputs: nothing is encrypted here, and nothing inflated", "[jwt][best_practices]") {
    CHECK(judged(hmac_key(), "eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIiwiemlwIjoiREVGIn0..48V1_ALb6US04U3b.5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_"
                             "EFShS8iB7j6jiSdiwkIr3ajwQzaBtQD_A.XFBoMYUZodetZdvTiFvSkQ") == "encrypted");
    // A header that asks for it changes nothing of what the bytes are.
    CHECK(judged(hmac_key(), with_header(hmac_key(), R"({"alg":"HS256","zip":"DEF"})", R"({"exp":50000})")) == "accepted");
    CHECK(judged(hmac_key(), with_header(hmac_key(), R"({"alg":"HS256","zip":"DEF"})", "\xab\x56\x4a\xad\x28\x50\xb2\x32\x35\x30\x30\xa8\x05\x00")) == "bad JSON");
}

TEST_CASE("best practices 3.7: use UTF-8: no other encoding is taken in header or claims, and none is written", "[jwt][best_practices]") {
    std::string const utf16{"{\0\"\0}\0", 6}, latin1 = "{\"sub\":\"caf\xe9\"}", marked = "\xef\xbb\xbf{\"exp\":50000}";
    CHECK(judged(utf16) == "bad JSON");
    CHECK(judged(latin1) == "bad UTF-8");
    CHECK(judged(marked) == "bad JSON");
    CHECK(judged("{\"sub\":\"caf\xc3\xa9\",\"exp\":50000}") == "accepted");
    CHECK(judged(hmac_key(), with_header(hmac_key(), "{\"alg\":\"HS256\",\"kid\":\"caf\xe9\"}")) == "bad UTF-8");
    auto const made = signer{hmac_key(), {.issuer = "caf\xe9", .clock = noon}}(draft{});
    REQUIRE(made);
    CHECK(judged(hmac_key(), *made, {.issuers = {"caf\xef\xbf\xbd"}}) == "accepted");    // U+FFFD in its place
}

TEST_CASE("best practices 3.8: validate issuer and subject", "[jwt][best_practices]") {
    verifier_options const options{.issuers = {"https://us"}, .required = {"exp", "sub"}};
    CHECK(judged(R"({"iss":"https://us","sub":"joe","exp":50000})", options) == "accepted");
    CHECK(judged(R"({"iss":"https://them","sub":"joe","exp":50000})", options) == "wrong issuer");
    CHECK(judged(R"({"sub":"joe","exp":50000})", options) == "missing claim");
    CHECK(judged(R"({"iss":"https://us","exp":50000})", options) == "missing claim");
    // An issuer's keys are its own: a key of another set, of the same kid, does not verify.
    auto const ours = *parse_jwk(rfc::ed_private(R"(,"kid":"1")")), theirs = signing_key("1");
    CHECK(judged(ours, *sign(theirs, R"({"iss":"https://us","sub":"joe","exp":50000})"), options) == "bad signature");
}

TEST_CASE("best practices 3.9: use and validate audience: a token for somebody else is refused, also where nobody named one", "[jwt][best_practices]") {
    CHECK(judged(R"({"aud":"them","exp":50000})", {.audiences = {"us"}}) == "wrong audience");
    CHECK(judged(R"({"aud":["them","others"],"exp":50000})", {.audiences = {"us"}}) == "wrong audience");
    CHECK(judged(R"({"exp":50000})", {.audiences = {"us"}}) == "missing claim");
    CHECK(judged(R"({"aud":"them","exp":50000})") == "wrong audience");
    CHECK(judged(R"({"aud":["them","us"],"exp":50000})", {.audiences = {"us"}}) == "accepted");
}

TEST_CASE("best practices 3.10: do not trust received claims: kid is compared, and jku, x5u, jwk and x5c are refused", "[jwt][best_practices]") {
    auto const by = hmac_key("right");
    for (auto const* id : {"../../etc/passwd", "/dev/null", "x' OR '1'='1", "http://169.254.169.254/", "$(reboot)", "right%00", "*"})
        CHECK(judged(by, with_header(by, R"({"alg":"HS256","kid":")" + std::string{id} + "\"}")) == "unknown key");
    for (auto const* member : {R"("jku":"http://127.0.0.1:22/")", R"("x5u":"file:///etc/passwd")", R"("jwk":{"kty":"oct","k":"AAAA"})", R"("x5c":[])"})
        CHECK(judged(by, with_header(by, std::string{R"({"alg":"HS256","kid":"right",)"} + member + "}")) == "embedded key");
}

TEST_CASE("best practices 3.11: use explicit typing", "[jwt][best_practices]") {
    auto const typed = [](std::string const& type) { return *sign(hmac_key(), R"({"exp":50000})", {.type = type}); };
    CHECK(judged(hmac_key(), typed("secevent+jwt"), {.type = "secevent+jwt"}) == "accepted");
    CHECK(judged(hmac_key(), typed("application/secevent+jwt"), {.type = "secevent+jwt"}) == "accepted");
    for (auto const* other : {"", "JWT", "at+jwt", "secevent"}) CHECK(judged(hmac_key(), typed(other), {.type = "secevent+jwt"}) == "wrong type");
}

TEST_CASE("best practices 3.12: use mutually exclusive validation rules for different kinds of tokens", "[jwt][best_practices]") {
    // Any one of them keeps tokens of one kind from being taken for another: types, audiences, issuers, required claims, keys.
    auto const access = *sign(hmac_key("a"), R"({"aud":"api","exp":50000,"scope":"read"})", {.type = "at+jwt"});
    auto const identity = *sign(hmac_key("a"), R"({"aud":"app","exp":50000,"nonce":"n"})", {.type = "JWT"});
    verifier_options const asks_access{.audiences = {"api"}, .type = "at+jwt", .required = {"exp", "scope"}};
    verifier_options const asks_identity{.audiences = {"app"}, .required = {"exp", "nonce"}};
    CHECK(judged(hmac_key("a"), access, asks_access) == "accepted");
    CHECK(judged(hmac_key("a"), identity, asks_identity) == "accepted");
    CHECK(judged(hmac_key("a"), identity, asks_access) == "wrong type");
    CHECK(judged(hmac_key("a"), access, asks_identity) == "wrong type");
    CHECK(judged(hmac_key("a"), identity, {.audiences = {"api"}}) == "wrong audience");
    CHECK(judged(hmac_key("a"), identity, {.any_audience = true, .required = {"exp", "scope"}}) == "missing claim");
    CHECK(judged(hmac_key("b"), access, asks_access) == "unknown key");
}
