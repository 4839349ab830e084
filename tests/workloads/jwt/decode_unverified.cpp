#include <muster/workloads/jwt/decode_unverified.hpp>

#include "catch.hpp"
#include "tokens.hpp"

using namespace muster::jwt;
using tokens::encoded;
using tokens::fault_of;

TEST_CASE("decode_unverified: reads what nobody signed, expired or not", "[jwt][decode]") {
    auto const read = decode_unverified(encoded(R"({"alg":"none","typ":"x"})") + "." + encoded(R"({"iss":"joe","exp":1})") + ".");
    REQUIRE(read);
    CHECK(read->header == R"({"alg":"none","typ":"x"})");
    CHECK(read->said.issuer() == "joe");
    CHECK(decode_unverified(*sign(tokens::hmac_key(), "{}")).has_value());
}

TEST_CASE("decode_unverified: what is no token is refused", "[jwt][decode]") {
    CHECK(fault_of(decode_unverified("x")) == "wrong segments");
    CHECK(fault_of(decode_unverified("a.b.c.d.e")) == "encrypted");
    CHECK(fault_of(decode_unverified("e30=.e30.")) == "bad base64url");
    CHECK(fault_of(decode_unverified("e30.e3 0.")) == "bad base64url");
    CHECK(fault_of(decode_unverified(encoded("x") + ".e30.")) == "bad JSON");
    CHECK(fault_of(decode_unverified("e30." + encoded("[1]") + ".")) == "bad JSON");
    CHECK(fault_of(decode_unverified(std::string(20'000, '.'))) == "too long");
}
