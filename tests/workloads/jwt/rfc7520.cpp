// RFC 7520, Examples of Protecting Content Using JOSE, section 4: those that are compact and of an algorithm that is here verify, and where
// the algorithm leaves no choice the same text is signed; of the others the fault is named.
#include <muster/workloads/jwt/jwk.hpp>
#include <muster/workloads/jwt/jws.hpp>

#include <string>

#include "catch.hpp"
#include "tokens.hpp"

using namespace muster::jwt;
using tokens::decoded;
using tokens::encoded;
using tokens::fault_of;

namespace {

std::string const payload_segment = "SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVw"
                                    "IHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4";

// Section 3.4
std::string rsa(std::string const& alg, bool is_private) {
    std::string text = R"({"kty":"RSA","kid":"bilbo.baggins@hobbiton.example","use":"sig","alg":")" + alg +
                       R"(","n":"n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0d)"
                       R"(Apr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2)"
                       R"(BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw","e":"AQAB")";
    if (is_private)
        text += R"(,"d":"bWUC9B-EFRIo8kpGfh0ZuyGPvMNKvYWNtB_ikiH9k20eT-O1q_I78eiZkpXxXQ0UTEs2LsNRS-8uJbvQ-A1irkwMSMkK1J3XTGgdrhCku9gRldY7sNA_AKZGh-Q661_42rINLRCe8W-nZ34ui)"
                R"(_qOfkLnK9QWDDqpaIsA-bMwWWSDFu2MUBYwkHTMEzLYGqOe04noqeq1hExBTHBOBdkMXiuFhUq1BU6l-DqEiWxqg82sXt2h-LMnT3046AOYJoRioz75tSUQfGCshWTBnP5uDjd18kKhyv07lhfSJdrPd)"
                R"(M5Plyl21hsFf4L_mHCuoFau7gdsPfHPxxjVOcOpBrQzwQ","p":"3Slxg_DwTXJcb6095RoXygQCAZ5RnAvZlno1yhHtnUex_fp7AZ_9nRaO7HX_-SFfGQeutao2TDjDAWU4Vupk8rw9JR0AzZ0N2f)"
                R"(vuIAmr_WCsmGpeNqQnev1T7IyEsnh8UMt-n5CafhkikzhEsrmndH6LxOrvRJlsPp6Zv8bUq0k","q":"uKE2dh-cTf6ERF4k4e_jy78GfPYUIaUyoSSJuBzp3Cubk3OCqs6grT8bR_cu0Dm1MZwWmtdqDy)"
                R"(I95HrUeq3MP15vMMON8lHTeZu2lmKvwqW7anV5UzhM1iZ7z4yMkuUwFWoBvyY898EXvRD-hdqRxHlSqAZ192zB3pVFJ0s7pFc","dp":"B8PVvXkvJrj2L-GYQ7v3y9r6Kw5g9SahXBwsWUzp19TVlgI-YV)"
                R"(85q1NIb1rxQtD-IsXXR3-TanevuRPRt5OBOdiMGQp8pbt26gljYfKU_E9xn-RULHz0-ed9E9gXLKD4VGngpz-PfQ_q29pk5xWHoJp009Qf1HvChixRX59ehik","dq":"CLDmDGduhylc9o7r84rEUVn7pzQ6)"
                R"(PF83Y-iBZx5NT-TpnOZKF1pErAMVeKzFEl41DlHHqqBLSM0W1sOFbwTxYWZDm6sI6og5iTbwQGIC3gnJKbi_7k_vJgGHwHxgPaX2PnvP-zyEkDERuf-ry4c_Z11Cq9AqC2yeL6kdKT1cYF8","qi":"3PiqvX)"
                R"(QN0zwMeE-sBvZgi289XP9XCQF3VWqPzMKnIgQp7_Tugo6-NZBKCQsMf3HaEGBjTVJs_jcK8-TRXvaKe-7ZMaQj8VfBdYkssbu0NKDDhjJ-GtiseaDVWt7dcH0cfwxgFUHpQh7FoCrjFJ6h6ZEpMF6xmujs4qMpP)"
                R"(z8aaI4")";
    return text + "}";
}

// Section 3.5
key secret() { return *parse_jwk(R"({"kty":"oct","kid":"018c0ae5-4d9b-471b-bfd6-eef314bc7037","use":"sig","alg":"HS256","k":"hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg"})"); }

std::string const hs256_header = "eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9";
std::string const hs256_signature = "s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0";

}  // namespace

TEST_CASE("rfc 7520, 4.1: RS256", "[jwt][rfc]") {
    auto const token = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9." + payload_segment +
                       ".MRjdkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp83xuglII7PNDi84wnB-BDkoBwA78185hX-Es4JIwmDLJK3lfWRa-XtL0Rnlt"
                       "uYv746iYTh_qHRD68BNt1uSNCrUCTJDt5aAE6x8wW1Kt9eRo4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW3IS_de3xyIrDaLGdjluPxUAhb6L2aXic1U12podGU0KLUQSE_oI-ZnmKJ3F4uOZDnd6Q"
                       "ZWJushZ41Axf_fcIe8u9ipH84ogoree7vjbU5y18kDquDg";
    CHECK(verify(*parse_jwk(rsa("RS256", false)), token) == decoded(payload_segment));
    CHECK(sign(*parse_jwk(rsa("RS256", true)), decoded(payload_segment)) == token);
}

TEST_CASE("rfc 7520, 4.2: PS384", "[jwt][rfc]") {
    auto const token = "eyJhbGciOiJQUzM4NCIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9." + payload_segment +
                       ".cu22eBqkYDKgIlTpzDXGvaFfz6WGoz7fUDcfT0kkOy42miAh2qyBzk1xEsnk2IpN6-tPid6VrklHkqsGqDqHCdP6O8TTB5dDDItllVo6_1OLPpcbUrhiUSMxbbXUvdvWXzg-UD8biiReQFlfz2"
                       "8zGWVsdiNAUf8ZnyPEgVFn442ZdNqiVJRmBqrYRXe8P_ijQ7p8Vdz0TTrxUeT3lm8d9shnr2lfJT8ImUjvAA2Xez2Mlp8cBE5awDzT0qI0n6uiP1aCN_2_jLAeQTlqRHtfa64QQSUmFAAjVKPbByi7"
                       "xho0uTOcbH510a6GYmJUAfmWjwZ6oD4ifKo8DYM-X72Eaw";
    auto const verifies = *parse_jwk(rsa("PS384", false));
    CHECK(verify(verifies, token) == decoded(payload_segment));
    auto const again = *sign(*parse_jwk(rsa("PS384", true)), decoded(payload_segment));    // the salt is another each time
    CHECK(again.substr(0, again.rfind('.')) == token.substr(0, token.rfind('.')));
    CHECK(again != token);
    CHECK(verify(verifies, again) == decoded(payload_segment));
    CHECK(fault_of(verify(*parse_jwk(rsa("RS256", false)), token)) == "algorithm mismatch");
}

TEST_CASE("rfc 7520, 4.3: ES512 is not here", "[jwt][rfc]") {
    auto const token = "eyJhbGciOiJFUzUxMiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9." + payload_segment +
                       ".AE_R_YZCChjn4791jSQCrdPZCNYqHXCTZH0-JZGYNlaAjP2kqaluUIIUnC9qvbu9Plon7KRTzoNEuT4Va2cmL1eJAQy3mtPBu_u_sDDyYjnAMDxXPn7XrT0lw-kvAD890jl8e2puQens_IEKBpHABls"
                       "bEPX6sFY8OcGDqoRuBomu9xQ2";
    CHECK(fault_of(verify(*parse_jwk(rsa("RS256", false)), token)) == "unsupported algorithm");
    CHECK(fault_of(parse_jwk(R"({"kty":"EC","kid":"bilbo.baggins@hobbiton.example","use":"sig","crv":"P-521",)"
                             R"("x":"AHKZLLOsCOzz5cY97ewNUajB957y-C-U88c3v13nmGZx6sYl_oJXu9A5RkTKqjqvjyekWF-7ytDyRXYgCF5cj0Kt",)"
                             R"("y":"AdymlHvOiLxXkEhayXQnNCvDX4h9htZaCJN34kfmC6pV5OhQHiraVySsUdaQkAgDPrwQrJmbnX9cwlGfP-HqHZR1"})")) == "unsupported key");
}

TEST_CASE("rfc 7520, 4.4: HS256", "[jwt][rfc]") {
    auto const token = hs256_header + "." + payload_segment + "." + hs256_signature;
    CHECK(verify(secret(), token) == decoded(payload_segment));
    CHECK(sign(secret(), decoded(payload_segment)) == token);
}

TEST_CASE("rfc 7520, 4.5: detached content is not taken for content of no bytes", "[jwt][rfc]") {
    CHECK(fault_of(verify(secret(), hs256_header + ".." + hs256_signature)) == "bad signature");
}

TEST_CASE("rfc 7520, 4.6 to 4.8: headers beside the token, content alone and several signatures are for JSON, which is not taken", "[jwt][rfc]") {
    auto const signatures = R"([{"protected":")" + hs256_header + R"(","signature":")" + hs256_signature + "\"}]";
    CHECK(fault_of(verify(secret(), R"({"payload":")" + payload_segment + R"(","signatures":)" + signatures + "}")) == "JSON serialization");
    CHECK(fault_of(verify(secret(), R"({"payload":")" + payload_segment + R"(","protected":"eyJhbGciOiJIUzI1NiJ9","header":{"kid":"018c0ae5-4d9b-471b-bfd6-eef314bc7037"},)"
                                        R"("signature":"bWUSVaxorn7bEF1djytBd0kHv70Ly5pvbomzMWSOr20"})")) == "JSON serialization");
    // 4.7, made compact: without a header there is no algorithm.
    CHECK(fault_of(verify(secret(), "." + payload_segment + ".xuLifqLGiblpv9zBpuZczWhNj1gARaLV3UxvxhJxZuk")) == "bad JSON");
    CHECK(fault_of(verify(secret(), encoded("{}") + "." + payload_segment + ".xuLifqLGiblpv9zBpuZczWhNj1gARaLV3UxvxhJxZuk")) == "missing algorithm");
}
