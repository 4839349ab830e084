#include <muster/workloads/jwt/claims.hpp>

#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "tokens.hpp"

using namespace muster::jwt;
using namespace std::chrono_literals;
using tokens::fault_of;

namespace {

std::chrono::sys_seconds at(std::int64_t seconds) { return std::chrono::sys_seconds{std::chrono::seconds{seconds}}; }

claims parsed(std::string_view json) {
    auto said = claims::parse(json);
    REQUIRE(said);
    return *said;
}

}  // namespace

TEST_CASE("claims: the registered ones are found, and the others by name", "[jwt][claims]") {
    auto const said = parsed(R"({"iss":"joe","sub":"s","aud":"a","exp":20,"nbf":10,"iat":5,"jti":"j","admin":true,"roles":["x",{"y":1}],"n":"t"})");
    CHECK(said.issuer() == "joe");
    CHECK(said.subject() == "s");
    CHECK(said.id() == "j");
    CHECK(said.expires() == at(20));
    CHECK(said.not_before() == at(10));
    CHECK(said.issued_at() == at(5));
    CHECK(said.is_for("a"));
    CHECK(said.raw("admin") == "true");
    CHECK(said.raw("roles") == R"(["x",{"y":1}])");
    CHECK(said.raw("n") == "\"t\"");
    CHECK(said.text("n") == "t");
    CHECK_FALSE(said.text("admin"));
    CHECK_FALSE(said.raw("y"));
    CHECK(said.type().empty());
}

TEST_CASE("claims: what is not there is not there", "[jwt][claims]") {
    auto const said = parsed("{}");
    CHECK_FALSE(said.issuer());
    CHECK_FALSE(said.subject());
    CHECK_FALSE(said.id());
    CHECK_FALSE(said.expires());
    CHECK_FALSE(said.not_before());
    CHECK_FALSE(said.issued_at());
    CHECK_FALSE(said.has_audience());
    CHECK_FALSE(said.is_for(""));
    CHECK(said.audiences().empty());
    CHECK(parsed(R"({"iss":""})").issuer() == "");
}

TEST_CASE("claims: an audience is a string or an array of strings", "[jwt][claims]") {
    CHECK(parsed(R"({"aud":["a","b\u0063"]})").is_for("bc"));
    CHECK_FALSE(parsed(R"({"aud":["a","b"]})").is_for("ab"));
    CHECK_FALSE(parsed(R"({"aud":"a,b"})").is_for("a"));
    CHECK_FALSE(parsed(R"({"aud":"[\"a\"]"})").is_for("a"));
    CHECK(parsed(R"({"aud":["a","\ud83d\ude00"]})").audiences() == std::vector<std::string>{"a", "😀"});
    CHECK(parsed(R"({"aud":[]})").has_audience());
    for (auto const* wrong : {R"({"aud":1})", R"({"aud":null})", R"({"aud":{"a":"b"}})", R"({"aud":["a",1]})", R"({"aud":[["a"]]})", R"({"aud":true})"})
        CHECK(fault_of(claims::parse(wrong)) == "wrong claim type");
}

TEST_CASE("claims: a claim of the wrong type is refused", "[jwt][claims][attack]") {
    for (auto const* name : {"exp", "nbf", "iat"})
        for (auto const* value : {"\"1300819380\"", "null", "true", "[1]", "{}", "1e400", "9007199254740992", "-9007199254740992",
                                  "99999999999999999999", "1e300"})
            CHECK(fault_of(claims::parse(std::string{"{\""} + name + "\":" + value + "}")) == "wrong claim type");
    for (auto const* name : {"iss", "sub", "jti"})
        for (auto const* value : {"1", "null", "true", "[\"a\"]", "{}"})
            CHECK(fault_of(claims::parse(std::string{"{\""} + name + "\":" + value + "}")) == "wrong claim type");
}

TEST_CASE("claims: a fraction of a second is rounded so that the token is good for less long", "[jwt][claims]") {
    CHECK(parsed(R"({"exp":10.9})").expires() == at(10));
    CHECK(parsed(R"({"nbf":10.1})").not_before() == at(11));
    CHECK(parsed(R"({"exp":-0.5})").expires() == at(-1));
    CHECK(parsed(R"({"exp":1.3e9})").expires() == at(1'300'000'000));
    CHECK(parsed(R"({"exp":1E+1})").expires() == at(10));
    CHECK(parsed(R"({"exp":9007199254740991})").expires() == at(9'007'199'254'740'991));
    CHECK(parsed(R"({"exp":-0})").expires() == at(0));
}

TEST_CASE("claims: names and texts may be written with escapes", "[jwt][claims]") {
    auto const said = parsed(R"({"\u0069ss":"j\u006fe","s\u0075b":"\"\\\/","jt\u0069":"\ud83d\ude00","http:\/\/x":1})");
    CHECK(said.issuer() == "joe");
    CHECK(said.subject() == "\"\\/");
    CHECK(said.id() == "😀");
    CHECK(said.raw("http://x") == "1");
    CHECK(said.payload() == R"({"\u0069ss":"j\u006fe","s\u0075b":"\"\\\/","jt\u0069":"\ud83d\ude00","http:\/\/x":1})");
}

TEST_CASE("claims: strict JSON", "[jwt][claims][attack]") {
    CHECK(fault_of(claims::parse(R"({"exp":1,"exp":2})")) == "duplicate member");
    CHECK(fault_of(claims::parse(R"({"exp":1,"\u0065xp":2})")) == "duplicate member");
    CHECK(fault_of(claims::parse(R"({"x":{"a":1,"a":1}})")) == "duplicate member");
    CHECK(fault_of(claims::parse("{} x")) == "trailing bytes");
    CHECK(fault_of(claims::parse("{\"iss\":\"\xc3\"}")) == "bad UTF-8");
    CHECK(fault_of(claims::parse("\"text\"")) == "bad JSON");
    CHECK(fault_of(claims::parse("")) == "bad JSON");
    CHECK(fault_of(claims::parse(R"({"a":)" + std::string(50, '[') + std::string(50, ']') + "}")) == "too deep");
    CHECK(fault_of(claims::parse(R"({"a":")" + std::string(13'000, 'x') + "\"}")) == "too long");
}

TEST_CASE("claims: copies and moves keep what they say, small and large", "[jwt][claims]") {
    for (std::size_t size : {0u, 10u, 240u, 250u, 1'000u, 12'000u}) {
        auto const json = R"({"iss":"joe","x":")" + std::string(size, 'x') + "\"}";
        auto said = parsed(json);
        auto copy = said;
        CHECK(copy.payload() == json);
        auto moved = std::move(said);
        CHECK(moved.issuer() == "joe");
        copy = parsed("{}");
        CHECK(copy.payload() == "{}");
        copy = std::move(moved);
        CHECK(copy.payload() == json);
        moved = copy;
        CHECK(moved.issuer() == "joe");
        auto& same = moved;
        moved = same;
        CHECK(moved.payload() == json);
    }
}

TEST_CASE("claims: travel with their parts, and come back as they were", "[jwt][claims]") {
    for (auto const* json : {R"({"iss":"joe","sub":"s\n","aud":["a","b"],"exp":20,"nbf":10,"iat":5,"jti":"j","admin":true})", "{}", R"({"aud":"x","exp":1.5})"}) {
        auto const said = parsed(json);
        auto const bytes = muster::encoded(said);
        auto const back = muster::decoded<claims>(bytes);
        REQUIRE(back);
        CHECK(back->payload() == said.payload());
        CHECK(back->issuer() == said.issuer());
        CHECK(back->subject() == said.subject());
        CHECK(back->id() == said.id());
        CHECK(back->audiences() == said.audiences());
        CHECK(back->has_audience() == said.has_audience());
        CHECK(back->expires() == said.expires());
        CHECK(back->not_before() == said.not_before());
        CHECK(back->issued_at() == said.issued_at());
        CHECK(back->raw("admin") == said.raw("admin"));
        CHECK(back->type() == said.type());
        CHECK(muster::encoded(*back) == bytes);
    }
    auto const large = parsed(R"({"sub":")" + std::string(5'000, 'x') + "\"}");
    CHECK(muster::decoded<claims>(muster::encoded(large))->subject()->size() == 5'000);
}

TEST_CASE("claims: bytes that are none are refused, and none lead outside of them", "[jwt][claims][attack]") {
    auto const said = parsed(R"({"iss":"joe","sub":"s\n","aud":["a","b"],"exp":20,"jti":"j"})");
    auto const bytes = muster::encoded(said);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        auto cut = bytes;
        cut.resize(i);
        CHECK_FALSE(muster::decoded<claims>(cut).has_value());
        for (int value : {0, 1, 0x7f, 0x80, 0xff}) {
            auto changed = bytes;
            changed[i] = static_cast<std::byte>(value);
            auto const back = muster::decoded<claims>(changed);
            if (!back) continue;
            // Whatever it says now, looking at it stays within it.
            (void)back->audiences();
            (void)back->raw("x");
            (void)back->is_for("a");
            CHECK(back->payload().size() + back->issuer().value_or("").size() + back->subject().value_or("").size() < 1'000);
        }
    }
}

TEST_CASE("claims: those that were moved from say nothing", "[jwt][claims]") {
    auto said = parsed(R"({"iss":"joe","aud":["a"],"x":"y"})");
    auto const moved = std::move(said);
    CHECK(moved.issuer() == "joe");
    CHECK_FALSE(said.issuer());    // NOLINT(bugprone-use-after-move)
    CHECK(said.payload().empty());
    CHECK(said.audiences().empty());
    CHECK_FALSE(said.is_for("a"));
    CHECK_FALSE(said.text("x"));
}
