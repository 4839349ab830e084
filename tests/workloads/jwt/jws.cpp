#include <muster/workloads/jwt/jws.hpp>

#include <array>
#include <string>
#include <thread>
#include <vector>

#include "allocations.hpp"
#include "catch.hpp"
#include "tokens.hpp"

using namespace muster::jwt;
using tokens::decoded;
using tokens::encoded;
using tokens::fault_of;
using tokens::hmac_key;
using tokens::signed_as;
using tokens::signing_key;
using tokens::with_header;

TEST_CASE("jws: RFC 7515, appendix A.1: HS256, a header with a line break", "[jwt][jws][rfc]") {
    auto const key = *key::hmac(algorithm::hs256, decoded("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"));
    std::string const token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
                              "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    std::string const payload = "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}";
    CHECK(verify(key, token) == payload);
    CHECK(with_header(key, "{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}", payload) == token);
}

TEST_CASE("jws: RFC 8037, appendices A.4 and A.5: Ed25519", "[jwt][jws][rfc]") {
    auto const signs = *key::ed25519_private(decoded("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"));
    auto const verifies = *key::ed25519_public(decoded("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"));
    std::string const token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhij"
                              "cNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    CHECK(sign(signs, "Example of Ed25519 signing") == token);
    CHECK(verify(verifies, token) == "Example of Ed25519 signing");
    CHECK(verify(signs, token) == "Example of Ed25519 signing");    // the private key knows its public part
}

TEST_CASE("jws: what was signed verifies, at every length and for any bytes", "[jwt][jws]") {
    for (auto const& key : {hmac_key("k"), signing_key("k"), *key::hmac(algorithm::hs384, std::string(200, 'k')),
                            *key::hmac(algorithm::hs512, std::string(64, 'k'))}) {
        CAPTURE(key.describe());
        for (std::size_t size = 0; size < 200; ++size) {
            std::string payload(size, '\0');
            for (std::size_t i = 0; i < size; ++i) payload[i] = static_cast<char>(i * 7 + size);
            auto const token = sign(key, payload);
            REQUIRE(token);
            CHECK(verify(key, *token) == payload);
        }
    }
}

TEST_CASE("jws: the header says the algorithm, the type where one is asked for, and the kid", "[jwt][jws]") {
    auto const header = [](std::string const& token) { return decoded(token.substr(0, token.find('.'))); };
    CHECK(header(*sign(hmac_key(), "x")) == R"({"alg":"HS256"})");
    CHECK(header(*sign(hmac_key("a\"b"), "x", {.type = "JWT"})) == R"({"alg":"HS256","typ":"JWT","kid":"a\"b"})");
    CHECK(header(*sign(signing_key("k"), "x", {.with_key_id = false})) == R"({"alg":"EdDSA"})");
}

TEST_CASE("jws: alg none is refused in any case, with and without a signature", "[jwt][jws][attack]") {
    for (auto const* none : {"none", "None", "NONE", "nOnE"}) {
        auto const header = std::string{R"({"alg":")"} + none + "\"}";
        CHECK(fault_of(verify(hmac_key(), with_header(hmac_key(), header))) == "algorithm none");
        CHECK(fault_of(verify(hmac_key(), encoded(header) + "." + encoded("{}") + ".")) == "algorithm none");
        CHECK(fault_of(verify(signing_key(), encoded(header) + "." + encoded("{}") + ".")) == "algorithm none");
    }
    CHECK(fault_of(verify(hmac_key(), with_header(hmac_key(), R"({"alg":"\u006eone"})"))) == "algorithm none");
    // RFC 7515, appendix A.5
    CHECK(fault_of(verify(hmac_key(), "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19y"
                                      "b290Ijp0cnVlfQ.")) == "algorithm none");
}

TEST_CASE("jws: the key says the algorithm: a public key is never taken for an HMAC secret", "[jwt][jws][attack]") {
    auto const public_bytes = decoded("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    auto const verifies = *key::ed25519_public(public_bytes);
    auto const attacker = *key::hmac(algorithm::hs256, public_bytes);
    auto const refused = verify(verifies, *sign(attacker, "{}"));
    CHECK(fault_of(refused) == "algorithm mismatch");
    CHECK(refused.error().text() == "the key says EdDSA, the header HS256");
    CHECK(fault_of(verify(*key::hmac(algorithm::hs512, std::string(64, 'k')), *sign(*key::hmac(algorithm::hs256, std::string(64, 'k')), "{}"))) ==
          "algorithm mismatch");
    CHECK(fault_of(verify(hmac_key(), *sign(signing_key(), "{}"))) == "algorithm mismatch");
}

TEST_CASE("jws: an algorithm that is not here, or none at all, is refused", "[jwt][jws][attack]") {
    for (auto const* name : {"hs256", "HS256 ", "HS1", "ES512", "ES256K", "RSA1_5", "dir", "", "EdDSA\\u0000"})
        CHECK(fault_of(verify(hmac_key(), with_header(hmac_key(), std::string{R"({"alg":")"} + name + "\"}"))) == "unsupported algorithm");
    CHECK(fault_of(verify(hmac_key(), with_header(hmac_key(), "{}"))) == "missing algorithm");
    CHECK(fault_of(verify(hmac_key(), with_header(hmac_key(), R"({"typ":"JWT"})"))) == "missing algorithm");
}

TEST_CASE("jws: keys in the header, or where the header points, are refused", "[jwt][jws][attack]") {
    for (auto const* member : {R"("jwk":{"kty":"oct","k":"AAAA"})", R"("jku":"https://evil.example/keys")", R"("x5u":"https://evil.example/c")",
                               R"("x5c":["MIIB"])", R"("\u006awk":{})"})
        CHECK(fault_of(verify(hmac_key(), with_header(hmac_key(), std::string{R"({"alg":"HS256",)"} + member + "}"))) == "embedded key");
    // A thumbprint is no key.
    CHECK(verify(hmac_key(), with_header(hmac_key(), R"({"alg":"HS256","x5t":"AAAA","x":{"jwk":1}})")) == "{}");
}

TEST_CASE("jws: kid is compared: it opens no file and asks no database", "[jwt][jws][attack]") {
    auto const named = hmac_key("right");
    for (auto const* id : {"wrong", "../../../dev/null", "' UNION SELECT 'x", "right\\u0000", "", "RIGHT"})
        CHECK(fault_of(verify(named, with_header(named, std::string{R"({"alg":"HS256","kid":")"} + id + "\"}"))) == "unknown key");
    CHECK(verify(named, with_header(named, R"({"alg":"HS256","kid":"r\u0069ght"})")) == "{}");
    CHECK(verify(named, with_header(named, R"({"alg":"HS256"})")) == "{}");
    CHECK(verify(hmac_key(), with_header(hmac_key(), R"({"alg":"HS256","kid":"any"})")) == "{}");    // a key without one is not named by it
}

TEST_CASE("jws: in a set, a token names its key", "[jwt][jws]") {
    auto const other = *key::ed25519_private("abcdefabcdefabcdefabcdefabcdefab", {.id = "b"});
    auto const set = *key_set::of({signing_key("a"), other});
    for (int round = 0; round < 3; ++round) {    // read, and then remembered
        CHECK(verify(set, *sign(signing_key("a"), "1")) == "1");
        CHECK(verify(set, *sign(other, "2")) == "2");
        CHECK(fault_of(verify(set, with_header(other, R"({"alg":"EdDSA","kid":"a"})"))) == "bad signature");
        CHECK(fault_of(verify(set, *sign(signing_key("c"), "1"))) == "unknown key");
        CHECK(fault_of(verify(set, *sign(signing_key(), "1"))) == "missing key id");
    }
    CHECK(verify(*key_set::of({other}), *sign(other, "2", {.with_key_id = false})) == "2");    // the only one need not be named
}

TEST_CASE("jws: crit and b64 are refused", "[jwt][jws][attack]") {
    auto const refused = [](char const* header) { return fault_of(verify(hmac_key(), with_header(hmac_key(), header))); };
    CHECK(refused(R"({"alg":"HS256","crit":["exp"],"exp":1})") == "critical extension");
    CHECK(refused(R"({"alg":"HS256","crit":[]})") == "critical extension");
    CHECK(refused(R"({"alg":"HS256","crit":null})") == "critical extension");
    CHECK(refused(R"({"alg":"HS256","b64":false,"crit":["b64"]})") == "unencoded payload");
    CHECK(refused(R"({"alg":"HS256","b64":true})") == "unencoded payload");
}

TEST_CASE("jws: exactly three segments, and none of JSON", "[jwt][jws][attack]") {
    auto const token = *sign(hmac_key(), "{}");
    auto const without_signature = token.substr(0, token.rfind('.'));
    for (auto const& wrong : {std::string{}, std::string{"."}, std::string{"abc"}, without_signature, token + ".", token + ".x", "." + token})
        CHECK(fault_of(verify(hmac_key(), wrong)) == "wrong segments");
    CHECK(fault_of(verify(hmac_key(), token + "..")) == "encrypted");
    CHECK(fault_of(verify(hmac_key(), "a.b.c.d.e")) == "encrypted");
    CHECK(fault_of(verify(hmac_key(), "a.b.c.d.e.f")) == "wrong segments");
    CHECK(fault_of(verify(hmac_key(), R"({"payload":"e30","protected":"eyJhbGciOiJIUzI1NiJ9","signature":"x"})")) == "JSON serialization");
    CHECK(fault_of(verify(hmac_key(), R"( {"payload":"e30","signatures":[]})")) == "JSON serialization");
    CHECK(fault_of(verify(hmac_key(), without_signature + ".")) == "wrong signature length");
    CHECK(fault_of(verify(hmac_key(), "..")) == "bad JSON");
}

TEST_CASE("jws: base64url is strict in every segment, also where the signature is over it as it is", "[jwt][jws][attack]") {
    auto const key = hmac_key();
    auto const header = encoded(R"({"alg":"HS256"})");
    CHECK(verify(key, signed_as(key, header, "Zm9v")) == "foo");
    for (auto const* payload : {"Zg==", "Zm 9v", "Zm9v\n", "Zm+v", "Zm/v", "Zh", "Zm9", "A", "Zm9v?"})
        CHECK(fault_of(verify(key, signed_as(key, header, payload))) == "bad base64url");
    for (auto const& bad : {header + "=", header + " ", header.substr(0, header.size() - 1) + "+", "\n" + header})
        CHECK(fault_of(verify(key, signed_as(key, bad, "Zm9v"))) == "bad base64url");
    auto const token = signed_as(key, header, "Zm9v");
    CHECK(fault_of(verify(key, token + "=")) == "bad base64url");
    CHECK(fault_of(verify(key, token + " ")) == "bad base64url");
    CHECK(fault_of(verify(key, token + "\n")) == "bad base64url");
    auto spare = token;    // 32 bytes leave two spare bits in the last letter
    spare.back() = detail::base64url_letters[detail::base64url_letters.find(spare.back()) + 1];
    CHECK(fault_of(verify(key, spare)) == "bad base64url");
}

TEST_CASE("jws: a header is strict JSON: no duplicates, no trailing bytes, UTF-8, strings where strings belong", "[jwt][jws][attack]") {
    auto const refused = [](std::string_view header) { return fault_of(verify(hmac_key(), with_header(hmac_key(), header))); };
    CHECK(refused(R"({"alg":"HS256","alg":"HS256"})") == "duplicate member");
    CHECK(refused(R"({"alg":"none","\u0061lg":"HS256"})") == "duplicate member");
    CHECK(refused(R"({"alg":"HS256"}x)") == "trailing bytes");
    CHECK(refused(R"({"alg":"HS256"}{})") == "trailing bytes");
    CHECK(refused("{\"alg\":\"HS256\",\"kid\":\"\xff\"}") == "bad UTF-8");
    CHECK(refused(R"({"alg":"HS256","x":)" + std::string(2'000, '[') + "}") == "too deep");
    CHECK(refused("") == "bad JSON");
    CHECK(refused("[]") == "bad JSON");
    CHECK(refused(R"(["HS256"])") == "bad JSON");
    CHECK(refused(R"({"alg":["HS256"]})") == "wrong member type");
    CHECK(refused(R"({"alg":"HS256","kid":1})") == "wrong member type");
    CHECK(refused(R"({"alg":"HS256","typ":null})") == "wrong member type");
    CHECK(refused(R"({"alg":"HS256","cty":{}})") == "wrong member type");
    CHECK(refused(R"({"alg":"HS256","typ":")" + std::string(65, 'x') + "\"}") == "wrong type");
    CHECK(verify(hmac_key(), with_header(hmac_key(), " {\t\"alg\" :\r\n\"HS\\u0032\\u003556\" } ")).has_value() == false);
    CHECK(verify(hmac_key(), with_header(hmac_key(), " {\t\"alg\" :\r\n\"HS\\u003256\" } ")) == "{}");
}

TEST_CASE("jws: a token has at most 16 KiB, a verified and a signed one", "[jwt][jws][attack]") {
    auto const key = hmac_key();
    auto const header = encoded(R"({"alg":"HS256"})");
    auto const room = detail::longest_token - header.size() - 2 - 43;
    std::string const fits(base64url::decoded_size(room), 'x');
    REQUIRE(sign(key, fits));
    CHECK(verify(key, *sign(key, fits)) == fits);
    CHECK(fault_of(sign(key, fits + "xxx")) == "too long");
    CHECK(fault_of(verify(key, signed_as(key, header, encoded(fits + "xxx")))) == "too long");
    CHECK(fault_of(verify(key, std::string(1 << 24, '.'))) == "too long");
    CHECK(verify(key, std::string(16'385, 'a')).error().text() == "this one has 16385 bytes");
}

TEST_CASE("jws: any bit of a token that is changed makes it bad", "[jwt][jws]") {
    for (auto const& key : {hmac_key(), signing_key()}) {
        auto const token = *sign(key, "payload");
        REQUIRE(verify(key, token));    // its header is known from here on
        for (std::size_t at = 0; at < token.size(); ++at)
            for (int bit = 0; bit < 8; ++bit) {
                auto changed = token;
                changed[at] = static_cast<char>(changed[at] ^ (1 << bit));
                CHECK_FALSE(verify(key, changed).has_value());
            }
    }
}

TEST_CASE("jws: signatures of the wrong length, and Ed25519 with S at or above the order, are refused", "[jwt][jws][attack]") {
    for (auto const& key : {hmac_key(), signing_key()}) {
        auto const token = *sign(key, "payload");
        auto const cut = token.rfind('.') + 1;
        auto const signature = decoded(token.substr(cut));
        auto const with = [&](std::string const& other) { return fault_of(verify(key, token.substr(0, cut) + encoded(other))); };
        CHECK(with("") == "wrong signature length");
        CHECK(with(signature.substr(1)) == "wrong signature length");
        CHECK(with(signature + '\0') == "wrong signature length");
        CHECK(with(signature + signature) == "wrong signature length");
        CHECK(with(std::string(2'000, 'x')) == "wrong signature length");
    }
    auto const token = *sign(signing_key(), "payload");
    auto const cut = token.rfind('.') + 1;
    auto signature = decoded(token.substr(cut));
    static constexpr unsigned char order[] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
                                              0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};
    for (unsigned i = 0, carry = 0; i < 32; ++i) {    // S + L verifies where nobody looks
        carry += static_cast<unsigned char>(signature[32 + i]) + order[i];
        signature[32 + i] = static_cast<char>(carry & 255);
        carry >>= 8;
    }
    CHECK(fault_of(verify(signing_key(), token.substr(0, cut) + encoded(signature))) == "signature out of range");
    for (unsigned i = 0; i < 32; ++i) signature[32 + i] = static_cast<char>(order[i]);
    CHECK(fault_of(verify(signing_key(), token.substr(0, cut) + encoded(signature))) == "signature out of range");
}

TEST_CASE("jws: a room that is too small is refused before anything is written", "[jwt][jws]") {
    auto const token = *sign(hmac_key(), "payload");
    std::string room(payload_room(token.size()), '#');
    CHECK(verify_into(hmac_key(), token, room) == "payload");
    std::string small(room.size() - 1, '#');
    CHECK(fault_of(verify_into(hmac_key(), token, small)) == "too long");
    CHECK(small == std::string(small.size(), '#'));
}

TEST_CASE("jws: verifying into the caller's room allocates nothing, once the header is known", "[jwt][jws]") {
    auto const set = *key_set::of({hmac_key("a"), *key::hmac(algorithm::hs512, std::string(64, 'k'), {.id = "b"})});
    std::vector<std::string> tokens;
    for (int i = 0; i < 20; ++i) tokens.push_back(*sign(set.keys()[static_cast<std::size_t>(i % 2)], std::string(150, 'x')));
    std::array<char, 1'024> room{};
    auto const round = [&] {
        std::size_t good = 0;
        for (auto const& token : tokens) good += verify_into(set, token, room).has_value();
        return good;
    };
    CHECK(round() == tokens.size());
    auto const before = allocations();
    auto const good = round();
    CHECK(allocations() - before == 0);
    CHECK(good == tokens.size());
}

TEST_CASE("jws: more kinds of headers than are remembered verify all the same, from several threads", "[jwt][jws]") {
    auto const key = hmac_key();
    std::vector<std::string> tokens;
    for (int i = 0; i < 30; ++i) tokens.push_back(with_header(key, R"({"alg":"HS256","n":)" + std::to_string(i) + "}", std::to_string(i)));
    std::array<int, 4> good{};
    {
        std::vector<std::jthread> threads;
        for (auto& mine : good)
            threads.emplace_back([&] {
                for (int round = 0; round < 20; ++round)
                    for (std::size_t i = 0; i < tokens.size(); ++i) mine += verify(key, tokens[i]) == std::to_string(i);
            });
    }
    for (auto const mine : good) CHECK(mine == 20 * 30);
}
