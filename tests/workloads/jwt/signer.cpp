#include <muster/workloads/jwt/signer.hpp>

#include <stdexcept>
#include <string>
#include <vector>

#include <muster/exec/thread_pool.hpp>
#include <muster/flow/map.hpp>
#include <muster/policy/isolate.hpp>
#include <muster/policy/on.hpp>
#include <muster/process/process_pool.hpp>
#include <muster/workloads/jwt/verifier.hpp>

#include "catch.hpp"
#include "tokens.hpp"

using namespace muster::jwt;
using namespace std::chrono_literals;
using tokens::fault_of;
using tokens::hmac_key;
using tokens::signing_key;

namespace {

std::chrono::sys_seconds at(std::int64_t seconds) { return std::chrono::sys_seconds{std::chrono::seconds{seconds}}; }
auto const noon = [] { return at(43'200); };

std::string payload(draft const& of, signer_options options = {}) {
    options.clock = noon;
    return verify(hmac_key(), *signer{hmac_key(), options}(of)).value();
}

}  // namespace

TEST_CASE("signer: writes what the draft says, and what all its tokens say where the draft does not", "[jwt][signer]") {
    CHECK(payload({}) == R"({"exp":44100,"iat":43200})");
    signer_options const options{.issuer = "us", .audience = {"api"}, .lifetime = 60s};
    CHECK(payload({.subject = "joe", .id = "1"}, options) == R"({"iss":"us","sub":"joe","aud":"api","exp":43260,"iat":43200,"jti":"1"})");
    CHECK(payload({.issuer = "me", .audience = {"a", "b"}, .expires = at(3), .not_before = at(2), .issued_at = at(1)}, options) ==
          R"({"iss":"me","aud":["a","b"],"exp":3,"nbf":2,"iat":1})");
    CHECK(payload({.issued_at = at(100)}, options) == R"({"iss":"us","aud":"api","exp":160,"iat":100})");
}

TEST_CASE("signer: texts are escaped, and what is not UTF-8 is made so", "[jwt][signer]") {
    auto const text = payload({.subject = "a\"b\\c\n\x7f é", .id = "\xff"});
    CHECK(text == "{\"sub\":\"a\\\"b\\\\c\\n\\u007f é\",\"exp\":44100,\"iat\":43200,\"jti\":\"\xef\xbf\xbd\"}");
    CHECK(claims::parse(text)->subject() == "a\"b\\c\n\x7f é");
}

TEST_CASE("signer: further claims are JSON, and none is said twice", "[jwt][signer]") {
    CHECK(payload({.more = {{"admin", "true"}, {"a\"b", "[1]"}}}) == R"({"exp":44100,"iat":43200,"admin":true,"a\"b":[1]})");
    signer const by{hmac_key()};
    CHECK(fault_of(by(draft{.more = {{"exp", "1"}}})) == "duplicate member");
    CHECK(fault_of(by(draft{.more = {{"y", "3"}, {"y", "4"}}})) == "duplicate member");
    CHECK(fault_of(by(draft{.more = {{"x", "tru"}}})) == "bad JSON");
    CHECK(fault_of(by(draft{.more = {{"x", "1}"}}})) == "trailing bytes");
    CHECK(fault_of(by(draft{.subject = std::string(20'000, 'x')})) == "too long");
}

TEST_CASE("signer: the value of a further claim is one value, and brings no claims of its own", "[jwt][signer][attack]") {
    signer const by{hmac_key()};
    CHECK(fault_of(by(draft{.more = {{"name", R"("x","admin":true)"}}})) == "trailing bytes");
    CHECK(fault_of(by(draft{.more = {{"name", R"(1,"admin":true,"z":{"q":1)"}, {"more", "2}"}}})) == "trailing bytes");
    CHECK(fault_of(by(draft{.more = {{"name", R"({"q":1)"}, {"more", R"(2},"admin":true)"}}})) == "bad JSON");
    CHECK(fault_of(by(draft{.more = {{"name", ""}}})) == "bad JSON");
    CHECK(payload({.more = {{"name", " [1, {\"a\":2}]\t"}}}) == "{\"exp\":44100,\"iat\":43200,\"name\": [1, {\"a\":2}]\t}");
    CHECK(fault_of(by(draft{.more = {{"deep", std::string(31, '[') + std::string(31, ']')}}})) == "accepted");
    CHECK(fault_of(by(draft{.more = {{"deep", std::string(32, '[') + std::string(32, ']')}}})) == "too deep");
}

TEST_CASE("signer: signs no time that a verifier would not read, and none overflows", "[jwt][signer][attack]") {
    auto const latest = at((std::int64_t{1} << 53) - 1);
    signer const by{hmac_key(), {.clock = noon}};
    CHECK(by(draft{.expires = latest, .not_before = -latest.time_since_epoch() + at(0), .issued_at = at(0)}).has_value());
    auto const most = std::chrono::sys_seconds::max(), least = std::chrono::sys_seconds::min();
    for (auto const& when : {most, least, latest + 1s}) {
        CHECK(fault_of(by(draft{.expires = when})) == "wrong claim type");
        CHECK(fault_of(by(draft{.not_before = when})) == "wrong claim type");
        CHECK(fault_of(by(draft{.issued_at = when})) == "wrong claim type");
        CHECK(fault_of(signer{hmac_key(), {.clock = [when] { return when; }}}(draft{})) == "wrong claim type");
    }
    CHECK(fault_of(by(draft{.issued_at = latest})) == "wrong claim type");    // its end is not
    CHECK(by(draft{.expires = at(1), .issued_at = latest}).has_value());
    CHECK_THROWS_AS((signer{hmac_key(), {.lifetime = std::chrono::seconds::max()}}), std::invalid_argument);
}

TEST_CASE("signer: refuses what could not sign when it is made", "[jwt][signer]") {
    auto const bytes = tokens::decoded("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    CHECK_THROWS_AS(signer{*key::ed25519_public(bytes)}, std::invalid_argument);
    CHECK_THROWS_AS((signer{hmac_key(), {.lifetime = 0s}}), std::invalid_argument);
}

TEST_CASE("signer: is a task, and a verifier takes what it made", "[jwt][signer]") {
    std::vector<draft> drafts;
    for (int i = 0; i < 40; ++i) drafts.push_back({.subject = std::to_string(i)});
    muster::thread_pool pool{2};
    auto const tokens = muster::map(drafts, muster::on{pool} | signer{signing_key("k"), {.issuer = "us", .audience = {"api"}}});
    verifier const judge{signing_key("k"), {.issuers = {"us"}, .audiences = {"api"}}};
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        REQUIRE(tokens[i]);
        auto const said = judge(*tokens[i]);
        REQUIRE(said);
        CHECK(said->subject() == std::to_string(i));
        CHECK(said->type() == "JWT");
    }
}

namespace {

struct asked_elsewhere {
    muster::process_pool cells;
    explicit asked_elsewhere(void (*warm_up)() = nullptr) : cells{{.workers = 1, .start = muster::start_method::copy_anyway, .warm_up = warm_up}} {}
};

std::chrono::sys_seconds always() { return std::chrono::sys_seconds{std::chrono::seconds{1'000}}; }

std::vector<draft> some_drafts() {
    return {{.subject = "joe"}, {.subject = "jim", .audience = {"a", "b"}, .more = {{"admin", "true"}}}, {.more = {{"x", "no json"}}},
            {.more = {{"exp", "1"}}}, {.subject = std::string(20'000, 'x')}, {.id = "j", .expires = always(), .not_before = always(), .issued_at = always()}};
}

template <class One, class Other>
void check_same(One const& there, Other const& here) {
    REQUIRE(there.size() == here.size());
    for (std::size_t i = 0; i < here.size(); ++i) {
        CAPTURE(i);
        CHECK(fault_of(there[i]) == fault_of(here[i]));
        if (here[i] && there[i]) CHECK(*there[i] == *here[i]);
        else CHECK(there[i].error().text() == here[i].error().text());
    }
}

}  // namespace

static_assert(muster::transportable<draft>);
static_assert(muster::transportable_callable<signer>);

TEST_CASE("signer: behind isolate it makes the same tokens and fails the same way", "[jwt][signer][forks]") {
    signer const here{signing_key("k"), {.issuer = "me", .clock = always, .name = "signer of a copy"}};
    asked_elsewhere other;    // a copy of this process, so it has that signer
    auto const drafts = some_drafts();
    auto const there = muster::map(drafts, muster::isolate{other.cells} | here);
    check_same(there, muster::map(drafts, here));
    CHECK(fault_of(there[2]) == "bad JSON");
    CHECK(fault_of(there[3]) == "duplicate member");
    CHECK(fault_of(there[4]) == "too long");
    check_same(muster::map(drafts, muster::on{other.cells} | here), there);
}

TEST_CASE("signer: this process needs no key where the workers have one", "[jwt][signer][forks]") {
    asked_elsewhere other{[] { static signer const held{signing_key("k"), {.clock = always, .name = "signer of a worker"}}; }};
    auto const by_name = signer::called("signer of a worker");
    CHECK(by_name(draft{}).error().is(muster::cause::unavailable));    // not here
    auto const there = muster::map(some_drafts(), muster::isolate{other.cells} | by_name);
    check_same(there, muster::map(some_drafts(), signer{signing_key("k"), {.clock = always}}));
    auto const nobody = muster::map(some_drafts(), muster::isolate{other.cells} | signer::called("nobody"));
    CHECK(nobody[0].error().is(muster::cause::unavailable));
    CHECK(nobody[0].error().text().find("\"nobody\"") != std::string::npos);
}

TEST_CASE("signer: what travels is its name, and without one it stays", "[jwt][signer][forks]") {
    signer const named{signing_key(), {.name = "short"}};
    CHECK(muster::encoded(named).size() == 6);
    CHECK(muster::decoded<signer>(muster::encoded(named))->operator()(draft{.subject = "x"}).has_value());
    asked_elsewhere other;
    auto const refused = muster::map(some_drafts(), muster::isolate{other.cells} | signer{signing_key()});
    CHECK(refused[0].error().is(muster::cause::invalid_input));
    CHECK_THROWS_AS((signer{signing_key(), {.name = "short"}}), std::invalid_argument);
}

TEST_CASE("signer: a name is free again when the last copy of who had it is gone", "[jwt][signer]") {
    for (int i = 0; i < 2; ++i) {
        signer const one{signing_key(), {.name = "again"}};
        auto const copy = one;
        CHECK(signer::called("again")(draft{}).has_value());
        CHECK(copy(draft{}).has_value());
    }
    CHECK_FALSE(signer::called("again")(draft{}).has_value());
}
