#include <muster/workloads/jwt/verifier.hpp>

#include <string>
#include <utility>
#include <vector>

#include <muster/exec/thread_pool.hpp>
#include <muster/flow/map.hpp>
#include <muster/policy/isolate.hpp>
#include <muster/policy/on.hpp>
#include <muster/process/process_pool.hpp>

#include "allocations.hpp"
#include "catch.hpp"
#include "tokens.hpp"

using namespace muster::jwt;
using namespace std::chrono_literals;
using tokens::decoded;
using tokens::fault_of;
using tokens::hmac_key;
using tokens::signing_key;

namespace {

std::chrono::sys_seconds at(std::int64_t seconds) { return std::chrono::sys_seconds{std::chrono::seconds{seconds}}; }

// It is second 1,000, unless the options say otherwise.
muster::outcome<claims> judged(std::string_view json, verifier_options options = {}, char const* type = "") {
    if (!options.clock) options.clock = [] { return at(1'000); };
    return verifier{hmac_key(), std::move(options)}(*sign(hmac_key(), json, {.type = type}));
}

verifier_options lenient() { return {.any_audience = true, .required = {}}; }

}  // namespace

TEST_CASE("verifier: RFC 7519, section 3.1, on the day and after", "[jwt][verifier][rfc]") {
    auto const key = *key::hmac(algorithm::hs256, decoded("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"));
    std::string const token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
                              "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    auto const said = verifier{key, {.issuers = {"joe"}, .clock = [] { return at(1'300'819'379); }}}(token);
    REQUIRE(said);
    CHECK(said->issuer() == "joe");
    CHECK(said->raw("http://example.com/is_root") == "true");
    CHECK(said->type() == "JWT");
    auto const late = verifier{key, {.clock = [] { return at(1'300'819'380); }}}(token);
    CHECK(fault_of(late) == "expired");
    CHECK(fault_of(verifier{key}(token)) == "expired");    // by the system's clock
}

TEST_CASE("verifier: RFC 7519, section 6.1: an unsecured token is refused", "[jwt][verifier][rfc][attack]") {
    CHECK(fault_of(verifier{hmac_key(), lenient()}("eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNv"
                                                   "bS9pc19yb290Ijp0cnVlfQ.")) == "algorithm none");
}

TEST_CASE("verifier: a token is good before exp and from nbf on, give or take the leeway", "[jwt][verifier]") {
    auto const with = [](std::chrono::seconds leeway) { return verifier_options{.leeway = leeway, .required = {}}; };
    CHECK(judged(R"({"exp":1001})", with(0s)).has_value());
    CHECK(fault_of(judged(R"({"exp":1000})", with(0s))) == "expired");
    CHECK(judged(R"({"exp":900})", with(0s)).error().text() == "100 s ago");
    CHECK(judged(R"({"exp":941})", with(60s)).has_value());
    CHECK(fault_of(judged(R"({"exp":940})", with(60s))) == "expired");
    CHECK(judged(R"({"nbf":1000})", with(0s)).has_value());
    CHECK(fault_of(judged(R"({"nbf":1001})", with(0s))) == "not yet valid");
    CHECK(judged(R"({"nbf":1060})", with(60s)).has_value());
    CHECK(fault_of(judged(R"({"nbf":1061})", with(60s))) == "not yet valid");
    CHECK(judged(R"({"nbf":1100})", with(0s)).error().text() == "for another 100 s");
}

TEST_CASE("verifier: times at the ends of what a claim may say overflow nothing", "[jwt][verifier][attack]") {
    auto const wide = verifier_options{.leeway = 60s, .required = {}};
    CHECK(judged(R"({"exp":9007199254740991,"nbf":-9007199254740991})", wide).has_value());
    CHECK(fault_of(judged(R"({"exp":-9007199254740991})", wide)) == "expired");
    CHECK(fault_of(judged(R"({"nbf":9007199254740991})", wide)) == "not yet valid");
    CHECK(fault_of(judged(R"({"exp":9223372036854775807})", wide)) == "wrong claim type");
    CHECK(fault_of(judged(R"({"exp":1e309})", wide)) == "wrong claim type");
    CHECK(fault_of(judged(R"({"exp":"9999999999"})", wide)) == "wrong claim type");
}

TEST_CASE("verifier: the leeway is at most a minute", "[jwt][verifier]") {
    CHECK_THROWS_AS((verifier{hmac_key(), {.leeway = 61s}}), std::invalid_argument);
    CHECK_THROWS_AS((verifier{hmac_key(), {.leeway = -1s}}), std::invalid_argument);
    CHECK_THROWS_AS((verifier{hmac_key(), {.leeway = std::chrono::seconds::max()}}), std::invalid_argument);
}

TEST_CASE("verifier: a token without an end is refused, unless it need not have one", "[jwt][verifier][attack]") {
    CHECK(fault_of(judged("{}")) == "missing claim");
    CHECK(judged("{}").error().text() == "exp");
    CHECK(judged("{}", {.required = {}}).has_value());
}

TEST_CASE("verifier: each required claim is asked for by name", "[jwt][verifier]") {
    for (auto const& [name, json] : {std::pair{"exp", R"({"exp":2000})"}, {"nbf", R"({"nbf":1})"}, {"iat", R"({"iat":1})"}, {"sub", R"({"sub":"x"})"},
                                     {"jti", R"({"jti":"x"})"}, {"iss", R"({"iss":"x"})"}, {"aud", R"({"aud":"x"})"}, {"role", R"({"role":null})"}}) {
        CAPTURE(name);
        auto options = lenient();
        options.required = {name};
        CHECK(judged(json, options).has_value());
        CHECK(judged("{}", options).error().text() == name);
        CHECK(fault_of(judged(R"({"x":{"exp":1,"nbf":1,"iat":1,"sub":"","jti":"","iss":"","aud":"","role":1}})", options)) == "missing claim");
    }
}

TEST_CASE("verifier: the issuer is one that it names", "[jwt][verifier][attack]") {
    verifier_options const options{.issuers = {"https://a", "https://b"}, .required = {}};
    CHECK(judged(R"({"iss":"https://a"})", options).has_value());
    CHECK(judged(R"({"iss":"https:\/\/b"})", options).has_value());
    CHECK(fault_of(judged(R"({"iss":"https://a/"})", options)) == "wrong issuer");
    CHECK(fault_of(judged(R"({"iss":"https://a\u0000"})", options)) == "wrong issuer");
    CHECK(fault_of(judged(R"({"iss":["https://a"]})", options)) == "wrong claim type");
    CHECK(fault_of(judged("{}", options)) == "missing claim");
    CHECK(judged(R"({"iss":"anybody"})", {.required = {}}).has_value());
}

TEST_CASE("verifier: the audience, a string or an array, holds one that it names", "[jwt][verifier][attack]") {
    verifier_options const options{.audiences = {"us", "them"}, .required = {}};
    CHECK(judged(R"({"aud":"us"})", options).has_value());
    CHECK(judged(R"({"aud":["others","them"]})", options).has_value());
    CHECK(fault_of(judged(R"({"aud":"others"})", options)) == "wrong audience");
    CHECK(fault_of(judged(R"({"aud":["others","US","us "]})", options)) == "wrong audience");
    CHECK(fault_of(judged(R"({"aud":[]})", options)) == "wrong audience");
    CHECK(fault_of(judged(R"({"aud":["us",1]})", options)) == "wrong claim type");
    CHECK(fault_of(judged("{}", options)) == "missing claim");
    CHECK(fault_of(judged(R"({"aud":"others"})", {.required = {}})) == "wrong audience");    // it is meant for somebody else
    CHECK(judged(R"({"aud":"others"})", lenient()).has_value());
    CHECK(fault_of(judged(R"({"aud":"others"})", {.audiences = {"us"}, .any_audience = true, .required = {}})) == "wrong audience");
}

TEST_CASE("verifier: typ is JWT or absent, or what is asked for", "[jwt][verifier][attack]") {
    for (auto const* type : {"", "JWT", "jwt", "application/jwt", "Application/JWT"}) CHECK(judged("{}", lenient(), type).has_value());
    for (auto const* type : {"at+jwt", "JOSE", "JWT ", "application/", "xJWT"}) CHECK(fault_of(judged("{}", lenient(), type)) == "wrong type");
    auto options = lenient();
    options.type = "at+jwt";
    for (auto const* type : {"at+jwt", "AT+JWT", "application/at+jwt"}) CHECK(judged("{}", options, type).has_value());
    for (auto const* type : {"", "JWT", "at", "logout+jwt"}) CHECK(fault_of(judged("{}", options, type)) == "wrong type");
    options.type = "application/at+jwt";
    CHECK(judged("{}", options, "at+jwt").has_value());
    options.type = "text/jwt";    // with another slash nothing may be left out
    CHECK(judged("{}", options, "text/jwt").has_value());
    CHECK(fault_of(judged("{}", options, "application/text/jwt")) == "wrong type");
}

TEST_CASE("verifier: claims are looked at only where the signature is good", "[jwt][verifier][attack]") {
    auto token = *sign(hmac_key(), R"({"exp":1,"exp":2})");
    CHECK(fault_of(verifier{hmac_key()}(token)) == "duplicate member");
    token[token.rfind('.') + 1] ^= 1;
    CHECK(fault_of(verifier{hmac_key()}(token)) == "bad signature");
    CHECK(fault_of(verifier{hmac_key()}(*sign(hmac_key(), "not json"))) == "bad JSON");
    CHECK(fault_of(verifier{hmac_key()}(*sign(hmac_key(), ""))) == "bad JSON");
}

TEST_CASE("verifier: is a task: each token of a batch gets its claims or its fault, in order", "[jwt][verifier]") {
    auto const set = *key_set::of({signing_key("a"), *key::ed25519_private("abcdefabcdefabcdefabcdefabcdefab", {.id = "b"})});
    std::vector<std::string> tokens;
    for (int i = 0; i < 60; ++i)
        tokens.push_back(*sign(set.keys()[static_cast<std::size_t>(i % 2)], R"({"sub":")" + std::to_string(i) + R"(","exp":)" +
                                                                              (i % 3 == 0 ? "1" : "9999999999") + "}"));
    tokens[7] = "no token";
    muster::thread_pool pool{2};
    auto const answers = muster::map(tokens, muster::on{pool} | verifier{set});
    REQUIRE(answers.size() == tokens.size());
    for (std::size_t i = 0; i < answers.size(); ++i) {
        CAPTURE(i);
        if (i == 7) {
            CHECK(fault_of(answers[i]) == "wrong segments");
            CHECK(answers[i].error().index() == 7);
        } else if (i % 3 == 0) {
            CHECK(fault_of(answers[i]) == "expired");
        } else {
            REQUIRE(answers[i]);
            CHECK(answers[i]->subject() == std::to_string(i));
        }
    }
}

TEST_CASE("verifier: a good HS256 token costs no allocation on the hot path", "[jwt][verifier]") {
    verifier const judge{*key_set::of({hmac_key("k")}), {.issuers = {"https://issuer.example"}, .audiences = {"api"}}};
    auto const token = *sign(hmac_key("k"), R"({"iss":"https://issuer.example","aud":["web","api"],"sub":"user-1234","jti":"a1b2c3d4","iat":1700000000,"exp":9999999999})",
                             {.type = "JWT"});
    REQUIRE(judge(token));    // from here on its header is known
    std::size_t good = 0;
    auto const before = allocations();
    for (int i = 0; i < 1'000; ++i) good += judge(token).has_value();
    CHECK(allocations() - before == 0);
    CHECK(good == 1'000);
}

static_assert(muster::transportable<claims>);
static_assert(muster::transportable_callable<verifier>);

TEST_CASE("verifier: behind isolate it answers the same claims and refuses the same way", "[jwt][verifier][forks]") {
    muster::process_pool cells{{.workers = 1, .start = muster::start_method::copy_anyway, .warm_up = [] {
        static verifier const held{hmac_key(), {.issuers = {"joe"}, .clock = [] { return at(1'000); }, .name = "verifier of a worker"}};
    }}};
    verifier const here{hmac_key(), {.issuers = {"joe"}, .clock = [] { return at(1'000); }}};
    auto const there = muster::isolate{cells} | verifier::called("verifier of a worker");
    std::vector<std::string> const tokens{*sign(hmac_key(), R"({"iss":"joe","sub":"x","exp":2000})"), *sign(hmac_key(), R"({"iss":"joe","exp":900})"),
                                          *sign(hmac_key(), R"({"iss":"jim","exp":2000})"), "x", *sign(hmac_key(), "{"),
                                          *sign(hmac_key(), R"({"iss":"joe","exp":2000,"x":")" + std::string(3'000, 'x') + "\"}"),
                                          *sign(hmac_key("k"), R"({"iss":"joe","exp":2000})", {.type = "at+jwt"})};
    auto const answers = muster::map(tokens, there), alone = muster::map(tokens, here);
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        CAPTURE(i);
        CHECK(fault_of(answers[i]) == fault_of(alone[i]));
        if (alone[i]) {
            CHECK(answers[i]->payload() == alone[i]->payload());
            CHECK(answers[i]->subject() == alone[i]->subject());
            CHECK(answers[i]->expires() == alone[i]->expires());
        } else {
            CHECK(answers[i].error().text() == alone[i].error().text());
            CHECK(answers[i].error().is(muster::cause::invalid_input));
        }
    }
    CHECK(verifier::called("verifier of a worker")(tokens[0]).error().is(muster::cause::unavailable));    // not here
    CHECK(muster::map(tokens, muster::isolate{cells} | here)[0].error().is(muster::cause::invalid_input));    // it has no name
    CHECK(muster::map(tokens, muster::isolate{cells} | verifier::called("nobody"))[0].error().is(muster::cause::unavailable));
}
