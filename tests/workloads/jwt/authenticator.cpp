#include <muster/workloads/jwt/authenticator.hpp>

#include <atomic>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <unistd.h>

#include <muster/cache/memory_cache.hpp>
#include <muster/cache/shm_cache.hpp>
#include <muster/exec/thread_pool.hpp>
#include <muster/flow/map.hpp>
#include <muster/policy/batched.hpp>
#include <muster/policy/on.hpp>
#include <muster/testing/manual_time.hpp>
#include <muster/workloads/jwt/rotating_keys.hpp>
#include <muster/workloads/jwt/signer.hpp>

#include "allocations.hpp"
#include "catch.hpp"
#include "forked.hpp"
#include "tokens.hpp"

using namespace muster::jwt;
using namespace std::chrono_literals;
using muster::context;
using muster::memory_cache;
using muster::shm_cache;
using muster::testing::manual_time;
using tokens::fault_of;
using tokens::hmac_key;
using tokens::signing_key;

namespace {

using tokens_here = memory_cache<token_digest, claims>;
using tokens_shared = shm_cache<token_digest, claims>;

static_assert(!std::constructible_from<authenticator<tokens_here>, verifier, tokens_here>);    // a temporary cache does not bind

// A clock that a test moves, and a verifier by it.
struct clock_of_test {
    std::atomic<std::int64_t> seconds{1'000};
    [[nodiscard]] verifier_options asks(verifier_options options = {}) {
        options.clock = [this] { return std::chrono::sys_seconds{std::chrono::seconds{seconds.load()}}; };
        return options;
    }
};

std::string token_of(std::string const& subject, std::string const& more = R"("exp":2000)") {
    return *sign(signing_key(), R"({"sub":")" + subject + R"(",)" + more + "}", {.type = "JWT"});
}

// A name that no other test has, and that is gone in the end.
struct shared_name {
    std::string name = "muster-test-jwt-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
    shared_name() = default;
    shared_name(shared_name const&) = delete;
    shared_name& operator=(shared_name const&) = delete;
    ~shared_name() { (void)tokens_shared::unlink(name); }
    static inline int count = 0;
};

}  // namespace

TEST_CASE("authenticator: a good token is verified once, and answered as the verifier answers", "[jwt][authenticator]") {
    clock_of_test clock;
    verifier const judge{signing_key(), clock.asks()};
    tokens_here known;
    authenticator const auth{judge, known};
    auto const token = token_of("joe");
    for (int i = 0; i < 5; ++i) {
        auto const said = auth(token);
        REQUIRE(said);
        CHECK(said->subject() == "joe");
        CHECK(said->type() == "JWT");
        CHECK(said->payload() == judge(token)->payload());
        CHECK(said->expires() == judge(token)->expires());
    }
    CHECK(auth.stats().misses == 1);
    CHECK(auth.stats().hits == 4);
    CHECK(auth.stats().refused() == 0);
    CHECK(known.size() == 1);
}

TEST_CASE("authenticator: refused tokens are not remembered, and counted by their fault", "[jwt][authenticator][attack]") {
    clock_of_test clock;
    verifier const judge{signing_key(), clock.asks()};
    tokens_here known;
    authenticator const auth{judge, known};
    auto bad = token_of("joe");
    bad[bad.rfind('.') + 1] ^= 1;
    for (auto const& token : {std::string{"x"}, bad, token_of("joe", R"("exp":10)"), std::string(20'000, 'x')})
        for (int i = 0; i < 2; ++i) {
            auto const answer = auth(token), alone = judge(token);
            REQUIRE_FALSE(answer);
            CHECK(fault_of(answer) == fault_of(alone));
            CHECK(answer.error().text() == alone.error().text());
        }
    CHECK(known.size() == 0);
    auto const stats = auth.stats();
    CHECK(stats.misses == 8);
    CHECK(stats.hits == 0);
    CHECK(stats.refused() == 8);
    CHECK(stats.refused(fault::wrong_segments) == 2);
    CHECK(stats.refused(fault::bad_signature) == 2);
    CHECK(stats.refused(fault::expired) == 2);
    CHECK(stats.refused(fault::too_long) == 2);
    CHECK(stats.failed == 0);
}

TEST_CASE("authenticator: one letter more or less is another token", "[jwt][authenticator][attack]") {
    clock_of_test clock;
    tokens_here known;
    authenticator const auth{verifier{signing_key(), clock.asks()}, known};
    auto const token = token_of("joe");
    REQUIRE(auth(token));
    for (std::size_t i = 0; i < token.size(); ++i) {
        auto other = token;
        other[i] = other[i] == 'A' ? 'B' : 'A';
        CHECK_FALSE(auth(other).has_value());
        other.resize(i);
        CHECK_FALSE(auth(other).has_value());
    }
    CHECK_FALSE(auth(token + "A").has_value());
    CHECK(auth.stats().hits == 0);
}

TEST_CASE("authenticator: exp and nbf are judged at each hit", "[jwt][authenticator]") {
    clock_of_test clock;
    tokens_here known;
    authenticator const auth{verifier{signing_key(), clock.asks({.leeway = 10s})}, known};
    auto const token = token_of("joe", R"("exp":1100,"nbf":1005)");
    REQUIRE(auth(token));
    clock.seconds = 1'109;
    CHECK(auth(token).has_value());
    clock.seconds = 1'110;
    CHECK(fault_of(auth(token)) == "expired");
    CHECK(auth(token).error().text() == "10 s ago");
    clock.seconds = 994;    // it was put back
    CHECK(fault_of(auth(token)) == "not yet valid");
    CHECK(auth.stats().misses == 1);
    CHECK(auth.stats().hits == 1);
    CHECK(auth.stats().refused() == 3);
}

TEST_CASE("authenticator: nothing is remembered for longer than is said, nor much longer than the token is good", "[jwt][authenticator]") {
    clock_of_test clock;
    manual_time time;
    context cx{time};
    tokens_here known;
    authenticator const auth{verifier{signing_key(), clock.asks()}, known, {.longest = 300s}};
    auto const lasting = token_of("joe", R"("exp":99999999)"), brief = token_of("jim", R"("exp":1030)");
    REQUIRE(auth(lasting, cx));
    REQUIRE(auth(brief, cx));
    time.advance(299s);
    CHECK(auth(lasting, cx).has_value());
    CHECK(auth.stats().hits == 1);
    time.advance(1s);
    CHECK(auth(lasting, cx).has_value());
    CHECK(auth.stats().hits == 1);
    CHECK(auth.stats().misses == 3);
    CHECK(known.sweep(time.now()) == 1);    // the brief one has gone with its end
    CHECK_THROWS_AS((authenticator{verifier{signing_key()}, known, {.longest = 0s}}), std::invalid_argument);
}

TEST_CASE("authenticator: verifiers that ask differently share a cache and never an answer", "[jwt][authenticator][attack]") {
    clock_of_test clock;
    tokens_here known;
    auto const token = *sign(signing_key(), R"({"iss":"a","aud":"x","sub":"s","exp":1005})", {.type = "JWT"});
    auto const other_key = *key::ed25519_private("abcdefabcdefabcdefabcdefabcdefab");
    auto const set = *key_set::of({signing_key(), *key::ed25519_private("abcdefabcdefabcdefabcdefabcdefab", {.id = "b"})});
    std::vector<verifier> const judges{
        verifier{signing_key(), clock.asks({.audiences = {"x"}})},
        verifier{signing_key(), clock.asks({.audiences = {"y"}})},
        verifier{signing_key(), clock.asks({.audiences = {"x", "y"}})},
        verifier{signing_key(), clock.asks({.audiences = {"xy"}})},
        verifier{signing_key(), clock.asks({.issuers = {"x"}, .any_audience = true})},
        verifier{signing_key(), clock.asks({.issuers = {"a"}, .any_audience = true})},
        verifier{signing_key(), clock.asks({.issuers = {"b"}, .any_audience = true})},
        verifier{signing_key(), clock.asks()},
        verifier{signing_key(), clock.asks({.any_audience = true})},
        verifier{signing_key(), clock.asks({.any_audience = true, .type = "at+jwt"})},
        verifier{signing_key(), clock.asks({.any_audience = true, .type = "JWT"})},
        verifier{signing_key(), clock.asks({.any_audience = true, .leeway = 1s})},
        verifier{signing_key(), clock.asks({.any_audience = true, .required = {"exp", "jti"}})},
        verifier{signing_key(), clock.asks({.any_audience = true, .required = {}})},
        verifier{signing_key("k"), clock.asks({.any_audience = true})},
        verifier{other_key, clock.asks({.any_audience = true})},
        verifier{set, clock.asks({.any_audience = true})},
        verifier{hmac_key(), clock.asks({.any_audience = true})},
        verifier{*key::ed25519_private("0123456789abcdef0123456789abcdef", {.operations = {{"sign"}}}), clock.asks({.any_audience = true})},
    };
    std::mt19937 random{3};
    std::vector<authenticator<tokens_here>> all;
    for (auto const& judge : judges) all.emplace_back(judge, known);
    for (int i = 0; i < 400; ++i) {
        auto const which = random() % all.size();
        CAPTURE(which);
        CHECK(fault_of(all[which](token)) == fault_of(judges[which](token)));
    }
    for (std::size_t i = 0; i < all.size(); ++i) {
        CAPTURE(i);
        CHECK(all[i].stats().misses >= 1);    // none was given what another had found
        CHECK((all[i].stats().hits > 0) == judges[i](token).has_value());
    }
}

TEST_CASE("authenticator: two that ask the same share what they found", "[jwt][authenticator]") {
    clock_of_test clock;
    tokens_here known;
    authenticator const one{verifier{hmac_key("k"), clock.asks()}, known}, other{verifier{*key_set::of({hmac_key("k")}), clock.asks()}, known};
    auto const token = *sign(hmac_key("k"), R"({"exp":2000})");
    REQUIRE(one(token));
    REQUIRE(other(token));
    CHECK(other.stats().hits == 1);
}

TEST_CASE("authenticator: a rotation that takes a key away ends what was remembered by it", "[jwt][authenticator][attack]") {
    clock_of_test clock;
    manual_time time;
    context cx{time};
    std::vector<key> now{signing_key("a")};
    int asked = 0;
    rotating_keys keys{"", [&](std::string const&) {
        ++asked;
        return key_set::of(now);
    }, {.fresh_for = 100s}};
    tokens_here known;
    authenticator const auth{verifier{keys, clock.asks()}, known};
    auto const token = *sign(signing_key("a"), R"({"exp":2000})");
    for (int i = 0; i < 3; ++i) CHECK(auth(token, cx).has_value());
    CHECK(auth.stats().hits == 2);
    time.advance(100s);
    CHECK(auth(token, cx).has_value());    // fetched anew, and the same
    CHECK(asked == 2);
    CHECK(auth.stats().hits == 3);
    now = {*key::ed25519_private("abcdefabcdefabcdefabcdefabcdefab", {.id = "b"})};
    time.advance(100s);
    CHECK(fault_of(auth(token, cx)) == "unknown key");
    CHECK(asked == 4);    // the renewal, and one because its kid is unknown by then
}

TEST_CASE("authenticator: a token by a key that came with it is remembered by the new keys", "[jwt][authenticator]") {
    clock_of_test clock;
    manual_time time;
    context cx{time};
    std::vector<key> now{signing_key("a")};
    rotating_keys keys{"", [&](std::string const&) { return key_set::of(now); }};
    tokens_here known;
    authenticator const auth{verifier{keys, clock.asks()}, known};
    CHECK(auth(*sign(signing_key("a"), R"({"exp":2000})"), cx).has_value());
    now.push_back(*key::ed25519_private("abcdefabcdefabcdefabcdefabcdefab", {.id = "b"}));
    auto const token = *sign(now[1], R"({"exp":2000})");
    CHECK(auth(token, cx).has_value());
    CHECK(auth(token, cx).has_value());
    CHECK(auth.stats().hits == 1);
    std::vector<std::string> const both{token, token};
    CHECK(auth(std::span{both}, cx)[1].has_value());
    CHECK(auth.stats().hits == 3);
}

TEST_CASE("authenticator: without keys nobody is authenticated, and it is counted", "[jwt][authenticator]") {
    rotating_keys keys{"", [](std::string const&) -> muster::outcome<key_set> { return muster::failure{muster::cause::unavailable, "gone"}; }};
    tokens_here known;
    authenticator const auth{verifier{keys}, known};
    CHECK(auth("x").error().is(muster::cause::unavailable));
    std::vector<std::string> const two(2, "x");
    CHECK(auth(std::span{two})[1].error().is(muster::cause::unavailable));
    CHECK(auth.stats().failed == 3);
}

TEST_CASE("authenticator: what is revoked is asked at each hit and each miss", "[jwt][authenticator]") {
    clock_of_test clock;
    tokens_here known;
    std::atomic<int> asked{0};
    std::atomic<bool> taken_back{false};
    authenticator const auth{verifier{signing_key(), clock.asks()}, known, {.revoked = [&](claims const& said) {
        ++asked;
        return said.subject() == "joe" && taken_back.load();
    }}};
    auto const token = token_of("joe");
    CHECK(auth(token).has_value());
    CHECK(auth(token).has_value());
    CHECK(asked == 2);
    taken_back = true;
    CHECK(fault_of(auth(token)) == "revoked");
    CHECK(fault_of(auth(token_of("joe", R"("exp":2001)"))) == "revoked");
    CHECK(known.size() == 1);
    CHECK(auth(token_of("jim")).has_value());
    CHECK(fault_of(auth("x")) == "wrong segments");
    CHECK(asked == 5);    // not for what is no good in any case
    taken_back = false;
    CHECK(auth(token).has_value());
    CHECK(auth.stats().revoked() == 2);
    CHECK(auth.stats().hits == 2);
}

TEST_CASE("authenticator: where nobody can say whether it is revoked nobody passes", "[jwt][authenticator][attack]") {
    clock_of_test clock;
    tokens_here known;
    bool throws = true;
    authenticator const auth{verifier{signing_key(), clock.asks()}, known, {.revoked = [&](claims const&) -> bool {
        if (throws) throw std::runtime_error{"no list"};
        return false;
    }}};
    std::vector<std::string> const all{token_of("joe"), "x"};
    CHECK(auth(all[0]).error().is(muster::cause::threw));
    auto const answers = auth(std::span{all});
    CHECK(answers[0].error().is(muster::cause::threw));
    CHECK(fault_of(answers[1]) == "wrong segments");
    CHECK(auth.stats().failed == 2);
    throws = false;
    CHECK(auth(all[0]).has_value());
    throws = true;
    CHECK(auth(all[0]).error().text() == "no list");
}

TEST_CASE("authenticator: a batch is answered as its tokens are one by one", "[jwt][authenticator]") {
    clock_of_test clock;
    std::mt19937_64 random{5};
    std::vector<std::string> tokens;
    for (int i = 0; i < 60; ++i) tokens.push_back(token_of("user" + std::to_string(i), i % 5 == 0 ? R"("exp":10)" : R"("exp":2000)"));
    tokens.emplace_back("x");
    tokens.emplace_back(17'000, 'x');
    verifier const judge{signing_key(), clock.asks()};
    tokens_here known;
    authenticator const auth{judge, known};
    std::size_t differing = 0, asked = 0;
    for (int round = 0; round < 30; ++round) {
        std::vector<std::string> batch;
        for (std::size_t i = random() % 150; i > 0; --i) batch.push_back(tokens[random() % tokens.size()]);
        auto const answers = auth(std::span{std::as_const(batch)});
        REQUIRE(answers.size() == batch.size());
        asked += batch.size();
        for (std::size_t i = 0; i < batch.size(); ++i) {
            auto const alone = judge(batch[i]);
            differing += fault_of(answers[i]) != fault_of(alone) || (alone && alone->subject() != answers[i]->subject());
        }
    }
    CHECK(differing == 0);
    auto const stats = auth.stats();
    CHECK(stats.hits > asked / 2);
    CHECK(stats.hits + stats.misses == asked);
    CHECK(known.size() == 48);
}

TEST_CASE("authenticator: is a task, alone and behind batched", "[jwt][authenticator]") {
    clock_of_test clock;
    tokens_here known;
    authenticator const auth{verifier{signing_key(), clock.asks()}, known};
    std::vector<std::string> tokens;
    for (int i = 0; i < 200; ++i) tokens.push_back(i % 10 == 0 ? "x" : token_of("user" + std::to_string(i % 20)));
    muster::thread_pool pool{2};
    auto const one_by_one = muster::map(tokens, muster::on{pool} | auth);
    auto const together = muster::map(tokens, muster::on{pool} | muster::batched{64} | auth);
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        CAPTURE(i);
        CHECK(one_by_one[i].has_value() == (i % 10 != 0));
        CHECK(fault_of(one_by_one[i]) == fault_of(together[i]));
    }
    CHECK(auth.stats().refused(fault::wrong_segments) == 40);
    CHECK(auth.stats().hits >= 180);
}

TEST_CASE("authenticator: a token that is remembered costs no allocation", "[jwt][authenticator]") {
    tokens_here known;
    authenticator const auth{verifier{signing_key()}, known};
    auto const token = *sign(signing_key(), R"({"iss":"https://issuer.example","sub":"user-1234","jti":"a1b2c3d4","exp":9999999999})", {.type = "JWT"});
    REQUIRE(auth(token));
    auto const before = allocations();
    std::size_t good = 0;
    for (int i = 0; i < 100; ++i) good += auth(token).has_value();
    CHECK(allocations() - before == 0);
    CHECK(good == 100);
}

TEST_CASE("authenticator: over a shared cache what one process found another knows", "[jwt][authenticator][forks]") {
    shared_name const at;
    clock_of_test clock;
    auto const large = std::string(600, 'x');
    std::vector<std::string> const tokens{token_of("joe"), token_of(large), "x"};
    auto const options = muster::shm_cache_options{.entries = 1'000, .entry_bytes = 512};
    tokens_shared known{at.name, options};
    auto const child = in_child([&] {
        tokens_shared there{at.name, options};
        authenticator const auth{verifier{signing_key(), clock.asks()}, there};
        return auth(tokens[0]) && auth(tokens[1]) && !auth(tokens[2]) && auth.stats().misses == 3 ? 0 : 1;
    });
    CHECK(child == exits(0));
    authenticator const auth{verifier{signing_key(), clock.asks()}, known};
    auto const said = auth(tokens[0]);
    REQUIRE(said);
    CHECK(said->subject() == "joe");
    CHECK(said->type() == "JWT");
    CHECK(auth(tokens[1])->subject() == large);
    CHECK(fault_of(auth(tokens[2])) == "wrong segments");
    CHECK(auth.stats().hits == 2);
    authenticator const other{verifier{signing_key(), clock.asks({.issuers = {"somebody"}})}, known};
    CHECK(fault_of(other(tokens[0])) == "missing claim");
    clock.seconds = 2'000;
    CHECK(fault_of(auth(tokens[0])) == "expired");
}

TEST_CASE("authenticator: a token of a shared cache costs no allocation", "[jwt][authenticator][forks]") {
    shared_name const at;
    tokens_shared known{at.name, {.entries = 1'000, .entry_bytes = 512}};
    authenticator const auth{verifier{signing_key()}, known};
    auto const token = *sign(signing_key(), R"({"iss":"https://issuer.example","sub":"user-1234","jti":"a1b2c3d4","exp":9999999999})", {.type = "JWT"});
    REQUIRE(auth(token));
    REQUIRE(auth(token));
    auto const before = allocations();
    std::size_t good = 0;
    for (int i = 0; i < 100; ++i) good += auth(token).has_value();
    CHECK(allocations() - before == 0);
    CHECK(good == 100);
    CHECK(auth.stats().hits == 101);
}
