#include <muster/workloads/jwt/jwks.hpp>

#include <string>

#include "catch.hpp"
#include "rfc.hpp"
#include "tokens.hpp"

using namespace muster::jwt;
using tokens::fault_of;

namespace {

template <class... Keys>
std::string set_of(std::string first, Keys const&... more) {
    ((first += std::string{","} + more), ...);
    return R"({"keys":[)" + first + "]}";
}

}  // namespace

TEST_CASE("jwks: reads keys of several kinds, and a token finds its own", "[jwt][jwks]") {
    auto const set = parse_jwks(set_of(rfc::ed_public(R"(,"kid":"e")"), rfc::ec_public(R"(,"kid":"c")"), rfc::rsa_public(R"(,"kid":"r","alg":"PS256")")));
    REQUIRE(set);
    CHECK(set->keys().size() == 3);
    for (auto const& signs : {*parse_jwk(rfc::ed_private(R"(,"kid":"e")")), *parse_jwk(rfc::ec_private(R"(,"kid":"c")")),
                              *parse_jwk(rfc::rsa_private(R"(,"kid":"r","alg":"PS256")"))}) {
        CHECK(verify(*set, *sign(signs, "x")) == "x");
        CHECK(verify(*set, *sign(signs, "y")) == "y");    // its header is known by now
    }
    CHECK(fault_of(verify(*set, *sign(*parse_jwk(rfc::ed_private(R"(,"kid":"c")")), "x"))) == "algorithm mismatch");
}

TEST_CASE("jwks: passes over keys that are not here, and those that are not for signatures", "[jwt][jwks]") {
    auto const set = parse_jwks(set_of(R"({"kty":"EC","crv":"P-384","kid":"a"})", rfc::rsa_public(R"(,"alg":"RSA-OAEP","use":"enc","kid":"b")"),
                                       rfc::ec_public(R"(,"use":"enc","kid":"c")"), R"({"kty":"new","kid":"d"})", rfc::ed_public(R"(,"kid":"e")")));
    REQUIRE(set);
    CHECK(set->keys().size() == 1);
    CHECK(set->find("e"));
    CHECK(fault_of(parse_jwks(set_of(R"({"kty":"new"})"))) == "empty key set");
}

TEST_CASE("jwks: a key that is not for signatures is passed over whatever else it lacks", "[jwt][jwks]") {
    for (auto const& other : {rfc::rsa_public(R"(,"use":"enc")"),                                     // no alg
                              std::string{R"({"kty":"RSA","use":"enc","n":"AQAB","e":"AQAB"})"},      // short
                              std::string{R"({"kty":"EC","crv":"P-256","use":"enc","x":"AA"})"}, std::string{R"({"kty":"oct","use":"enc","k":"AAAA"})"}}) {
        auto const set = parse_jwks(set_of(rfc::ed_public(R"(,"kid":"e")"), other));
        REQUIRE(set);
        CHECK(set->keys().size() == 1);
    }
    CHECK(fault_of(parse_jwks(set_of(rfc::ed_public(), rfc::rsa_public(R"(,"use":1)")))) == "bad key");
    CHECK(fault_of(parse_jwks(set_of(rfc::ed_public(R"(,"use":"enc")")))) == "empty key set");
}

TEST_CASE("jwks: one key that is here and wrong refuses the set, and says which", "[jwt][jwks][attack]") {
    auto const refused = parse_jwks(set_of(rfc::ed_public(), R"({"kty":"oct","alg":"HS256","k":"AAAA"})"));
    CHECK(fault_of(refused) == "short key");
    CHECK(refused.error().text() == "HS256 asks for 32 bytes, this key has 3; key 1 of the set");
    CHECK(fault_of(parse_jwks(set_of("1"))) == "bad JSON");
}

TEST_CASE("jwks: duplicate kids, and symmetric beside public keys, are refused", "[jwt][jwks][attack]") {
    std::string const secret = R"({"kty":"oct","alg":"HS256","kid":"s","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"})";
    CHECK(parse_jwks(set_of(secret)).has_value());
    CHECK(fault_of(parse_jwks(set_of(secret, rfc::ed_public(R"(,"kid":"e")")))) == "mixed key set");
    CHECK(fault_of(parse_jwks(set_of(rfc::ed_public(R"(,"kid":"e")"), rfc::ec_public(R"(,"kid":"e")")))) == "duplicate key id");
    CHECK(fault_of(parse_jwks(set_of(rfc::ed_public(), rfc::ec_public()))) == "duplicate key id");
    CHECK(fault_of(parse_jwks(R"({"keys":[],"keys":[]})")) == "duplicate member");
}

TEST_CASE("jwks: what is no set is refused", "[jwt][jwks]") {
    for (auto const* text : {"{}", R"({"keys":{}})", R"({"keys":"x"})"}) CHECK(fault_of(parse_jwks(text)) == "bad key");
    CHECK(fault_of(parse_jwks(R"({"keys":[]})")) == "empty key set");
    CHECK(fault_of(parse_jwks("[]")) == "bad JSON");
    std::string many = "1";
    for (int i = 0; i < 1'000; ++i) many += ",1";
    CHECK(fault_of(parse_jwks(set_of(many))) == "bad key");
}
