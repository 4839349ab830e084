#include <muster/workloads/jwt/jwk.hpp>

#include <algorithm>
#include <string>
#include <utility>

#include <muster/workloads/jwt/jwks.hpp>
#include <muster/workloads/jwt/jws.hpp>

#include "allocations.hpp"
#include "catch.hpp"
#include "rfc.hpp"
#include "tokens.hpp"

using namespace muster::jwt;
using tokens::decoded;
using tokens::encoded;
using tokens::fault_of;

namespace {

std::string replaced(std::string text, std::string const& what, std::string const& by) {
    auto const at = text.find(what);
    REQUIRE(at != std::string::npos);
    return text.replace(at, what.size(), by);
}

jwk_options const rs256{.when_unsaid = algorithm::rs256};

std::string secrets_in_sets(1'024, ' ');    // so large that it never moves

// A modulus of so many bits, odd, and of no special form.
std::string modulus(std::size_t bits) {
    std::string bytes(bits / 8, '\0');
    unsigned seed = 12'345;
    for (auto& byte : bytes) byte = static_cast<char>((seed = seed * 1'103'515'245 + 12'345) >> 16);
    bytes.front() = static_cast<char>(bytes.front() | '\x80');
    bytes.back() = static_cast<char>(bytes.back() | 1);
    return bytes;
}

std::string rsa(std::string const& n, std::string const& e) {
    return R"({"kty":"RSA","alg":"RS256","n":")" + encoded(n) + R"(","e":")" + encoded(e) + "\"}";
}

}  // namespace

TEST_CASE("jwk: RFC 7515, appendix A.2: RS256", "[jwt][jwk][rfc]") {
    auto const token = encoded(R"({"alg":"RS256"})") + "." + rfc::payload_segment + "." + rfc::rs256_signature;
    auto const verifies = parse_jwk(rfc::rsa_public(), rs256);
    auto const signs = parse_jwk(rfc::rsa_private(), rs256);
    REQUIRE(verifies);
    REQUIRE(signs);
    CHECK(verify(*verifies, token) == rfc::payload);
    CHECK(sign(*signs, rfc::payload) == token);
    CHECK(verify(*signs, token) == rfc::payload);
    auto const only_d = parse_jwk(rfc::rsa_public(R"(,"d":")" + rfc::rsa_d + "\""), rs256);
    REQUIRE(only_d);
    CHECK(sign(*only_d, rfc::payload) == token);
}

TEST_CASE("jwk: RFC 7515, appendix A.3: ES256", "[jwt][jwk][rfc]") {
    auto const token = encoded(R"({"alg":"ES256"})") + "." + rfc::payload_segment + "." + rfc::es256_signature;
    auto const verifies = parse_jwk(rfc::ec_public());
    auto const signs = parse_jwk(rfc::ec_private());
    REQUIRE(verifies);
    REQUIRE(signs);
    CHECK(verifies->algorithm() == algorithm::es256);
    CHECK(verify(*verifies, token) == rfc::payload);
    for (int i = 0; i < 50; ++i) CHECK(verify(*verifies, *sign(*signs, std::to_string(i))) == std::to_string(i));
}

TEST_CASE("jwk: RFC 7515, appendix A.4: an algorithm that is not here", "[jwt][jwk][rfc]") {
    CHECK(fault_of(verify(*parse_jwk(rfc::ec_public()), "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwM")) == "unsupported algorithm");
    CHECK(fault_of(parse_jwk(R"({"kty":"EC","crv":"P-521","x":"AA","y":"AA"})")) == "unsupported key");
}

TEST_CASE("jwk: RFC 8037: Ed25519, and the other examples of RFC 7515", "[jwt][jwk][rfc]") {
    CHECK(sign(*parse_jwk(rfc::ed_private()), "Example of Ed25519 signing") ==
          "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr"
          "_MuM0KAg");
    auto const secret = parse_jwk(R"({"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"})",
                                  {.when_unsaid = algorithm::hs256});
    REQUIRE(secret);
    CHECK(secret->algorithm() == algorithm::hs256);
}

TEST_CASE("jwk: every RSA algorithm signs what it verifies, and nothing else does", "[jwt][jwk]") {
    for (auto const by : {algorithm::rs256, algorithm::rs384, algorithm::rs512, algorithm::ps256, algorithm::ps384, algorithm::ps512}) {
        auto const alg = R"(,"alg":")" + std::string{name_of(by)} + "\"";
        auto const signs = parse_jwk(rfc::rsa_private(alg));
        auto const verifies = parse_jwk(rfc::rsa_public(alg));
        REQUIRE(signs);
        REQUIRE(verifies);
        CHECK(signs->algorithm() == by);
        auto const token = *sign(*signs, "payload");
        CHECK(verify(*verifies, token) == "payload");
        CHECK(fault_of(sign(*verifies, "payload")) == "public key only");
        auto changed = token;
        changed[token.find('.') + 1] ^= 1;
        CHECK_FALSE(verify(*verifies, changed));
        for (auto const other : {algorithm::rs256, algorithm::ps256})
            if (other != by) CHECK(fault_of(verify(*parse_jwk(rfc::rsa_public(), {.when_unsaid = other}), token)) == "algorithm mismatch");
    }
}

TEST_CASE("jwk: signatures of RSA and ES256 have one length, and the numbers of ES256 are in range", "[jwt][jwk][attack]") {
    auto const rsa_key = *parse_jwk(rfc::rsa_private(), rs256);
    auto const ec_key = *parse_jwk(rfc::ec_private());
    auto const with = [](key const& by, std::string const& signature) {
        auto const token = *sign(by, "payload");
        return fault_of(verify(by, token.substr(0, token.rfind('.') + 1) + encoded(signature)));
    };
    for (auto const& [by, size] : {std::pair{rsa_key, 256u}, {ec_key, 64u}}) {
        for (auto const wrong : {0u, 1u, size - 1, size + 1, 2 * size, 1'024u, 1'025u}) CHECK(with(by, std::string(wrong, '\x01')) == "wrong signature length");
        CHECK(with(by, std::string(size, '\x01')) == "bad signature");
    }
    auto const order = decoded("_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE");
    std::string const zero(32, '\0'), one = std::string(31, '\0') + '\x01', most(32, '\xff');
    auto below = order;
    --below.back();
    for (auto const& bad : {zero, order, most})
        for (auto const& other : {one, below, zero, order}) {
            CHECK(with(ec_key, bad + other) == "signature out of range");
            CHECK(with(ec_key, other + bad) == "signature out of range");
        }
    for (auto const& r : {one, below})
        for (auto const& s : {one, below}) CHECK(with(ec_key, r + s) == "bad signature");
    CHECK(with(ec_key, decoded("MEUCIA7RIVN5Y2xIPC9_FVgH1AKjsigDOvl8fheBmsMWnqZlAiEAxQoH04w8cOXY8S2vCEpUgKZlkMXyk1Caj"
                               "z9_ioOjVNU")) == "wrong signature length");    // DER
}

TEST_CASE("jwk: weak RSA keys are refused", "[jwt][jwk][attack]") {
    CHECK(parse_jwk(rsa(modulus(2'048), std::string{"\x01\x00\x01", 3})).has_value());
    CHECK(parse_jwk(rsa(modulus(2'048), "\x03")).has_value());
    CHECK(fault_of(parse_jwk(rsa(modulus(1'024), "\x03"))) == "short key");
    CHECK(fault_of(parse_jwk(rsa(modulus(2'040), "\x03"))) == "short key");
    CHECK(parse_jwk(rsa(modulus(1'024), "\x03")).error().text() == "this one has 1024");
    CHECK(fault_of(parse_jwk(rsa(std::string(100, '\0') + modulus(1'024), "\x03"))) == "short key");
    CHECK(fault_of(parse_jwk(rsa(modulus(8'200), "\x03"))) == "long key");
    for (auto const& exponent : {std::string{"\x01"}, std::string{"\x02"}, std::string{"\0\x01", 2}, std::string{"\x01\x00\x00", 3}, std::string(9, '\x7f')})
        CHECK(fault_of(parse_jwk(rsa(modulus(2'048), exponent))) == "weak exponent");
    auto even = modulus(2'048);
    even.back() = static_cast<char>(even.back() ^ 1);
    CHECK(fault_of(parse_jwk(rsa(even, "\x03"))) == "bad key");
}

TEST_CASE("jwk: an RSA key of the form that CVE-2017-15361 broke is refused", "[jwt][jwk][attack]") {
    // 65537^29 modulo the product of the primes to 167, and a multiple of that product: what the generator made, but for its primes.
    muster::openssl_ptr<BN_CTX> const room{BN_CTX_new()};
    muster::openssl_ptr<BIGNUM> const product{BN_new()}, number{BN_new()}, base{BN_new()}, power{BN_new()};
    BN_one(product.get());
    for (unsigned prime = 3; prime <= 167; prime += 2) {
        bool is_prime = true;
        for (unsigned divisor = 3; divisor * divisor <= prime; divisor += 2) is_prime = is_prime && prime % divisor != 0;
        if (is_prime) BN_mul_word(product.get(), prime);
    }
    BN_set_word(base.get(), 65'537);
    BN_set_word(power.get(), 29);
    BN_mod_exp(number.get(), base.get(), power.get(), product.get(), room.get());
    for (int i = 0; BN_num_bits(base.get()) < 2'048 - BN_num_bits(product.get()) + 1; ++i) BN_lshift1(base.get(), base.get());
    BN_mul(base.get(), base.get(), product.get(), room.get());
    BN_add(number.get(), number.get(), base.get());
    if (!BN_is_odd(number.get())) BN_add(number.get(), number.get(), product.get());
    std::string bytes(static_cast<std::size_t>(BN_num_bytes(number.get())), '\0');
    BN_bn2bin(number.get(), reinterpret_cast<unsigned char*>(bytes.data()));
    CHECK(fault_of(parse_jwk(rsa(bytes, std::string{"\x01\x00\x01", 3}))) == "ROCA key");
}

TEST_CASE("jwk: points that are not on the curve, or of small order, are refused", "[jwt][jwk][attack]") {
    CHECK(fault_of(parse_jwk(replaced(rfc::ec_public(), rfc::ec_y, encoded(std::string(32, '\x01'))))) == "weak point");
    CHECK(fault_of(parse_jwk(replaced(rfc::ec_public(), rfc::ec_x, encoded(std::string(32, '\xff'))))) == "weak point");
    CHECK(fault_of(parse_jwk(replaced(replaced(rfc::ec_public(), rfc::ec_x, encoded(std::string(32, '\0'))), rfc::ec_y, encoded(std::string(32, '\0'))))) ==
          "weak point");
    CHECK(fault_of(parse_jwk(replaced(rfc::ed_public(), rfc::ed_x, encoded("\x01" + std::string(31, '\0'))))) == "weak point");
    CHECK(fault_of(parse_jwk(replaced(rfc::ed_public(), rfc::ed_x, encoded(std::string(32, '\xff'))))) == "weak point");
}

TEST_CASE("jwk: a private part that is not of the public one is refused", "[jwt][jwk][attack]") {
    CHECK(fault_of(parse_jwk(replaced(rfc::ed_private(), rfc::ed_d, encoded(std::string(32, 'x'))))) == "key mismatch");
    CHECK(fault_of(parse_jwk(replaced(rfc::ec_private(), rfc::ec_d, encoded(std::string(32, 'x'))))) == "key mismatch");
    CHECK(fault_of(parse_jwk(rfc::rsa_public(R"(,"d":")" + encoded(modulus(2'040)) + "\""), rs256)) == "key mismatch");
    CHECK(fault_of(parse_jwk(replaced(rfc::ec_private(), rfc::ec_d, encoded(std::string(32, '\0'))))) == "bad key");
    CHECK(fault_of(parse_jwk(replaced(rfc::ec_private(), rfc::ec_d, encoded(std::string(32, '\xff'))))) == "bad key");
}

TEST_CASE("jwk: parts that are missing, of the wrong length, or no strict base64url, are refused", "[jwt][jwk]") {
    for (auto const* text : {R"({"kty":"oct","alg":"HS256"})", R"({"kty":"oct","alg":"HS256","k":1})", R"({"kty":"RSA","alg":"RS256","n":"AQAB"})",
                             R"({"kty":"RSA","alg":"RS256","e":"AQAB"})", R"({"kty":"OKP","crv":"Ed25519"})", R"({"kty":"OKP","crv":"Ed25519","x":"AAAA"})",
                             R"({"kty":"OKP","x":"AAAA"})", R"({"kty":"EC","crv":"P-256"})", R"({"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"})",
                             R"({"kty":1})", "{}", R"({"kty":"oct","alg":1,"k":"AAAA"})"})
        CHECK(fault_of(parse_jwk(text)) == "bad key");
    CHECK(fault_of(parse_jwk(R"({"kty":"oct","alg":"HS256","k":""})")) == "short key");
    CHECK(fault_of(parse_jwk(R"({"kty":"oct","alg":"HS256","k":"AAAA"})")) == "short key");
    for (auto const* more : {"=", " ", "+", "/", "\\n"}) {
        CHECK(fault_of(parse_jwk(replaced(rfc::ed_public(), rfc::ed_x, rfc::ed_x + more))) == "bad key");
        CHECK(fault_of(parse_jwk(replaced(rfc::rsa_public(), rfc::rsa_n, rfc::rsa_n + more), rs256)) == "bad key");
    }
    CHECK(fault_of(parse_jwk(R"({"kty":"RSA","alg":"RS256","n":")" + rfc::rsa_n + R"(","e":"AQAB","p":")" + rfc::rsa_p + "\"}")) == "bad key");
    CHECK(fault_of(parse_jwk(rfc::rsa_private(R"(,"oth":[])"), rs256)) == "unsupported key");
    CHECK(fault_of(parse_jwk(R"({"kty":"OKP","crv":"X25519","x":"AAAA"})")) == "unsupported key");
    CHECK(fault_of(parse_jwk(R"({"kty":"AKP"})")) == "unsupported key");
}

TEST_CASE("jwk: the algorithm is the key's, else the type's, else the caller's", "[jwt][jwk]") {
    CHECK(fault_of(parse_jwk(rfc::rsa_public())) == "missing algorithm");
    CHECK(parse_jwk(rfc::rsa_public(), {.when_unsaid = algorithm::ps256})->algorithm() == algorithm::ps256);
    CHECK(parse_jwk(rfc::rsa_public(R"(,"alg":"RS512")"), {.when_unsaid = algorithm::ps256})->algorithm() == algorithm::rs512);
    CHECK(fault_of(parse_jwk(rfc::rsa_public(R"(,"alg":"RSA-OAEP")"))) == "unsupported algorithm");
    CHECK(fault_of(parse_jwk(rfc::rsa_public(R"(,"alg":"none")"))) == "unsupported algorithm");
    CHECK(fault_of(parse_jwk(rfc::rsa_public(R"(,"alg":"HS256")"))) == "bad key");
    CHECK(fault_of(parse_jwk(rfc::rsa_public(), {.when_unsaid = algorithm::hs256})) == "bad key");
    CHECK(fault_of(parse_jwk(rfc::ec_public(R"(,"alg":"EdDSA")"))) == "bad key");
    CHECK(fault_of(parse_jwk(rfc::ec_public(), rs256)) == "algorithm mismatch");
    CHECK(fault_of(parse_jwk(R"({"kty":"oct","alg":"RS256","k":"AAAA"})")) == "bad key");
}

TEST_CASE("jwk: kid, use and key_ops are kept and hold", "[jwt][jwk][attack]") {
    auto const token = *sign(*parse_jwk(rfc::ed_private()), "x");
    auto const verified = [&](std::string const& more) { return fault_of(verify(*parse_jwk(rfc::ed_public(more)), token)); };
    CHECK(parse_jwk(rfc::ed_public(R"(,"kid":"a\u0062")"))->id() == "ab");
    CHECK(verified(R"(,"use":"sig","key_ops":["verify"])") == "accepted");
    CHECK(verified(R"(,"use":"enc")") == "wrong use");
    CHECK(verified(R"(,"key_ops":["encrypt"])") == "wrong key operation");
    CHECK(verified(R"(,"key_ops":[])") == "wrong key operation");
    CHECK(fault_of(sign(*parse_jwk(rfc::ed_private(R"(,"key_ops":["verify"])")), "x")) == "wrong key operation");
    for (auto const* more : {R"(,"use":1)", R"(,"use":"")", R"(,"kid":1)", R"(,"key_ops":"verify")", R"(,"key_ops":[1])", R"(,"key_ops":["verify","verify"])"})
        CHECK(fault_of(parse_jwk(rfc::ed_public(more))) == "bad key");
}

TEST_CASE("jwk: strict JSON", "[jwt][jwk][attack]") {
    CHECK(fault_of(parse_jwk(rfc::ed_public(R"(,"kty":"OKP")"))) == "duplicate member");
    CHECK(fault_of(parse_jwk(rfc::ed_public(R"(,"x":{"a":1,"a":2})"))) == "duplicate member");
    CHECK(fault_of(parse_jwk(rfc::ed_public() + "x")) == "bad JSON");
    CHECK(fault_of(parse_jwk("[" + rfc::ed_public() + "]")) == "bad JSON");
    CHECK(fault_of(parse_jwk("")) == "bad JSON");
    CHECK(fault_of(parse_jwk(rfc::ed_public(",\"kid\":\"\xff\""))) == "bad JSON");
    CHECK(fault_of(parse_jwk(rfc::ed_public(R"(,"y":)" + std::string(20, '[') + std::string(20, ']')))) == "too deep");
    CHECK(fault_of(parse_jwk(R"({"kty":)" + std::string(100'000, '['))) == "too deep");
    CHECK(fault_of(parse_jwk(rfc::ed_public(R"(,"y":")" + std::string(1 << 20, 'x') + "\""))) == "bad key");
}

TEST_CASE("jwk: nothing of a secret is left in memory that was given back, and a JWK set leaves none either", "[jwt][jwk][attack]") {
    struct {
        std::string_view text, letters;    // literals: nothing of them was on the heap before
        std::string_view bytes;
    } const secrets[]{
        {R"({"kty":"oct","alg":"HS256","kid":"s","k":"YSBzZWNyZXQgdGhhdCBzdGFuZHMgbm93aGVyZSBlbHNlIGF0IGFsbA"})", "dGhhdCBzdGFuZHMgbm93", "that stands nowhere"},
        {R"({"kty":"OKP","crv":"Ed25519","kid":"e","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})", "9WmC6hEr0kuwsxERJxWl",
         "\x9d\x61\xb1\x9d\xef\xfd\x5a\x60\xba\x84\x4a\xf4\x92\xec\x2c\xc4"},
        {R"({"kty":"EC","crv":"P-256","kid":"c","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})",
         "mL-YBIffH1136cspYG6-", "\x8e\x9b\x10\x9e\x71\x90\x98\xbf\x98\x04\x87\xdf\x1f\x5d\x77\xe9"}};
    auto const in_a_set = [](std::string_view one) {
        secrets_in_sets.assign(R"({"keys":[)");
        secrets_in_sets += one;
        return std::string_view{secrets_in_sets += "]}"};
    };
    for (auto const& [text, letters, bytes] : secrets) {
        CAPTURE(text);
        for (auto const wanted : {letters, bytes}) {
            std::size_t alone = 0, together = 0;
            auto const set = in_a_set(text);
            {
                freed_memory const given_back{wanted};
                CHECK(parse_jwk(text).has_value());
                alone = given_back.found();
            }
            {
                freed_memory const given_back{wanted};
                CHECK(parse_jwks(set).has_value());
                together = given_back.found();
            }
            CHECK(alone == 0);
            CHECK(together == 0);
        }
    }
}

TEST_CASE("jwk: a public key never verifies as an HMAC secret: the classic confusion of RS256 and HS256", "[jwt][jwk][attack]") {
    auto const verifies = *parse_jwk(rfc::rsa_public(), rs256);
    auto const forged = *sign(*key::hmac(algorithm::hs256, rfc::rsa_public()), "{}");
    CHECK(fault_of(verify(verifies, forged)) == "algorithm mismatch");
}
