#include <muster/workloads/jwt/rotating_keys.hpp>

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <muster/exec/inline_executor.hpp>
#include <muster/exec/thread_pool.hpp>
#include <muster/policy/retry.hpp>
#include <muster/testing/manual_time.hpp>
#include <muster/workloads/jwt/verifier.hpp>
#include <muster/workloads/jwt/verify_many.hpp>

#include "allocations.hpp"
#include "catch.hpp"
#include "tokens.hpp"

using namespace muster::jwt;
using namespace std::chrono_literals;
using muster::context;
using muster::outcome;
using muster::testing::manual_time;
using tokens::encoded;
using tokens::fault_of;
using tokens::hmac_key;
using tokens::signing_key;

namespace {

key set_key(std::string const& id) {
    auto seed = "0123456789abcdef0123456789abcde" + id.substr(0, 1);
    return *key::ed25519_private(seed, {.id = id});
}

std::string token_of(std::string const& id) { return *sign(set_key(id), R"({"exp":9999999999})"); }

// The issuer: what it has, how often it was asked, and whether it is there.
struct issuer {
    std::vector<std::string> ids{"a"};
    std::atomic<int> asked{0};
    bool gone = false;
    void (*meanwhile)() = nullptr;

    outcome<key_set> fetch(std::string const&, context&) {
        ++asked;
        if (gone) return muster::failure{muster::cause::unavailable, "the issuer is gone"};
        std::vector<key> keys;
        for (auto const& id : ids) keys.push_back(set_key(id));
        return key_set::of(std::move(keys));
    }
    [[nodiscard]] auto task() {
        return [this](std::string const& source, context& cx) { return fetch(source, cx); };
    }
};

// Keeps what it is given.
struct later_executor {
    std::vector<std::function<void()>> jobs;
    [[nodiscard]] static std::size_t width() { return 1; }
    template <class Body>
    static void bulk(std::size_t, std::size_t, Body const&) {}
    template <class Job>
    void post(Job job) { jobs.emplace_back(std::move(job)); }
};

}  // namespace

static_assert(!std::constructible_from<verifier, rotating_keys>);    // a temporary would be gone before the first token
static_assert(std::constructible_from<verifier, rotating_keys&>);

TEST_CASE("rotating_keys: the first token fetches the keys, the others find them", "[jwt][rotating_keys]") {
    manual_time time;
    context cx{time};
    issuer from;
    rotating_keys keys{"https://issuer", from.task()};
    verifier const judge{keys};
    CHECK(from.asked == 0);
    for (int i = 0; i < 10; ++i) CHECK(judge(token_of("a"), cx).has_value());
    CHECK(from.asked == 1);
    CHECK(keys.describe() == "rotating keys, fetches: 1");
    CHECK(keys.current(cx)->keys().size() == 1);
}

TEST_CASE("rotating_keys: the task is given the source, and may answer the text of a JWKS", "[jwt][rotating_keys]") {
    std::string asked_for;
    rotating_keys keys{"https://issuer/jwks.json", muster::retry{.attempts = 2} | [&](std::string const& source) {
        asked_for = source;
        return R"({"keys":[{"kty":"OKP","crv":"Ed25519","kid":"x","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})";
    }};
    context cx;
    REQUIRE(keys.current(cx));
    CHECK(keys.current(cx)->find("x") != nullptr);
    CHECK(asked_for == "https://issuer/jwks.json");
    rotating_keys none{"", [](std::string const&) { return std::string{"<html>"}; }};
    CHECK(fault_of(none.current(cx)) == "bad JSON");
}

TEST_CASE("rotating_keys: newer keys are fetched ahead of the end, once", "[jwt][rotating_keys]") {
    manual_time time;
    context cx{time};
    issuer from;
    rotating_keys keys{"", from.task(), {.fresh_for = 100s, .ahead = 0.2}};
    verifier const judge{keys};
    CHECK(judge(token_of("a"), cx).has_value());
    time.advance(79s);
    CHECK(judge(token_of("a"), cx).has_value());
    CHECK(from.asked == 1);
    time.advance(1s);
    for (int i = 0; i < 10; ++i) CHECK(judge(token_of("a"), cx).has_value());
    CHECK(from.asked == 2);
    time.advance(79s);
    CHECK(judge(token_of("a"), cx).has_value());
    CHECK(from.asked == 2);
}

TEST_CASE("rotating_keys: with an executor nobody waits for a renewal", "[jwt][rotating_keys]") {
    later_executor pool;
    manual_time time;
    context cx{time};
    issuer from;
    rotating_keys keys{"", from.task(), {.fresh_for = 100s}, pool};
    verifier const judge{keys};
    CHECK(judge(token_of("a"), cx).has_value());    // nothing is there: it waits
    CHECK(from.asked == 1);
    time.advance(90s);
    from.ids = {"b"};
    for (int i = 0; i < 10; ++i) CHECK(judge(token_of("a"), cx).has_value());
    CHECK(from.asked == 1);
    REQUIRE(pool.jobs.size() == 1);
    pool.jobs[0]();
    CHECK(from.asked == 2);
    CHECK(fault_of(judge(token_of("a"), cx)) == "unknown key");
    CHECK(judge(token_of("b"), cx).has_value());
}

TEST_CASE("rotating_keys: a key that appears is taken after one renewal, and one that is gone refused", "[jwt][rotating_keys]") {
    manual_time time;
    context cx{time};
    issuer from;
    rotating_keys keys{"", from.task()};
    verifier const judge{keys};
    CHECK(judge(token_of("a"), cx).has_value());
    from.ids = {"b", "c"};
    CHECK(judge(token_of("a"), cx).has_value());    // nobody knows yet
    CHECK(judge(token_of("b"), cx).has_value());
    CHECK(from.asked == 2);
    CHECK(judge(token_of("c"), cx).has_value());
    CHECK(fault_of(judge(token_of("a"), cx)) == "unknown key");
    CHECK(from.asked == 2);
}

TEST_CASE("rotating_keys: an unknown kid asks at most once in unknown_kid_every", "[jwt][rotating_keys][attack]") {
    manual_time time;
    context cx{time};
    issuer from;
    rotating_keys keys{"", from.task(), {.unknown_kid_every = 60s}};
    verifier const judge{keys};
    CHECK(judge(token_of("a"), cx).has_value());
    for (int i = 0; i < 100; ++i) CHECK(fault_of(judge(token_of("x"), cx)) == "unknown key");
    CHECK(from.asked == 2);
    time.advance(59s);
    CHECK(fault_of(judge(token_of("x"), cx)) == "unknown key");
    CHECK(from.asked == 2);
    time.advance(1s);
    CHECK(fault_of(judge(token_of("x"), cx)) == "unknown key");
    CHECK(from.asked == 3);
    CHECK(judge(token_of("a"), cx).has_value());
}

TEST_CASE("rotating_keys: 1,000 tokens with made-up kids from 8 threads cause one fetch", "[jwt][rotating_keys][attack]") {
    manual_time time;
    issuer from;
    rotating_keys keys{"", from.task()};
    verifier const judge{keys};
    {
        context cx{time};
        REQUIRE(judge(token_of("a"), cx));
    }
    from.asked = 0;
    std::atomic<int> refused{0};
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 8; ++t)
            threads.emplace_back([&, t] {
                context cx{time};
                for (int i = 0; i < 125; ++i) {
                    auto const header = R"({"alg":"EdDSA","kid":")" + std::to_string(t * 125 + i) + R"("})";
                    refused += fault_of(judge(encoded(header) + ".e30.AAAA", cx)) == "unknown key";
                }
            });
    }
    CHECK(refused == 1'000);
    CHECK(from.asked == 1);
}

TEST_CASE("rotating_keys: who names a new key while it is fetched waits for that fetch, and is taken", "[jwt][rotating_keys]") {
    manual_time time;
    issuer from;
    muster::wait_point go;
    bool slow = false;    // changed between the runs
    rotating_keys keys{"", [&](std::string const& source, context& cx) {
        if (slow) cx.wait(go);
        return from.fetch(source, cx);
    }};
    verifier const judge{keys};
    context cx{time};
    REQUIRE(judge(token_of("a"), cx));
    slow = true;
    from.ids = {"b"};
    std::atomic<int> good{0};
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t)
            threads.emplace_back([&] {
                context own{time};
                good += judge(token_of("b"), own).has_value();
            });
        time.until_waiting(4);    // one in the fetch, three for it
        CHECK(judge(token_of("a"), cx).has_value());    // whose key is there does not
        go.wake();
    }
    CHECK(good == 4);
    CHECK(from.asked == 2);
}

TEST_CASE("rotating_keys: a fetch that fails keeps the old keys until they are over, and is not tried at once again", "[jwt][rotating_keys]") {
    manual_time time;
    context cx{time};
    issuer from;
    rotating_keys keys{"", from.task(), {.fresh_for = 100s, .stale_for = 50s, .retry_every = 10s}};
    verifier const judge{keys};
    CHECK(judge(token_of("a"), cx).has_value());
    from.gone = true;
    time.advance(100s);
    for (int i = 0; i < 5; ++i) CHECK(judge(token_of("a"), cx).has_value());
    CHECK(from.asked == 2);
    time.advance(10s);
    for (int i = 0; i < 5; ++i) CHECK(judge(token_of("a"), cx).has_value());
    CHECK(from.asked == 3);
    time.advance(40s);
    for (int i = 0; i < 5; ++i) CHECK(judge(token_of("a"), cx).error().is(muster::cause::unavailable));
    CHECK(judge(token_of("a"), cx).error().text() == "the issuer is gone");
    CHECK(from.asked == 4);
    CHECK(keys.failed() == 3);
    from.gone = false;
    time.advance(10s);
    CHECK(judge(token_of("a"), cx).has_value());
    CHECK(from.asked == 5);
}

TEST_CASE("rotating_keys: a caller whose own patience ends leaves the fetch to the next", "[jwt][rotating_keys]") {
    manual_time time{manual_time::jumping};
    issuer from;
    rotating_keys keys{"", [&](std::string const& source, context& cx) -> outcome<key_set> {
        if (auto slow = cx.pause(1s); !slow) return slow.error();
        return from.fetch(source, cx);
    }};
    context hurried{time}, patient{time};
    {
        auto const soon = hurried.change_deadline(muster::later(time.now(), 10ms));
        CHECK(keys.current(hurried).error().is(muster::cause::timed_out));
    }
    CHECK(keys.current(patient).has_value());
    CHECK(keys.failed() == 0);
}

TEST_CASE("rotating_keys: a key that stays is the one that it was", "[jwt][rotating_keys]") {
    manual_time time;
    context cx{time};
    issuer from;
    rotating_keys keys{"", from.task(), {.fresh_for = 100s}};
    auto const before = *keys.current(cx);
    time.advance(100s);
    CHECK(&keys.current(cx)->keys()[0].record() == &before.keys()[0].record());
    CHECK(keys.current(cx)->keys().data() == before.keys().data());    // nothing has changed
    from.ids = {"b", "a"};
    time.advance(100s);
    CHECK(from.asked == 2);
    auto const after = *keys.current(cx);
    CHECK(after.keys().size() == 2);
    CHECK(&after.find("a")->record() == &before.keys()[0].record());
}

TEST_CASE("rotating_keys: with the keys there a token costs no allocation", "[jwt][rotating_keys]") {
    rotating_keys keys{"", [](std::string const&) { return key_set::of({hmac_key("k")}); }};
    verifier const judge{keys};
    auto const token = *sign(hmac_key("k"), R"({"exp":9999999999})");
    context cx;
    REQUIRE(judge(token, cx));
    auto const before = allocations();
    std::size_t good = 0;
    for (int i = 0; i < 100; ++i) good += judge(token, cx).has_value();
    CHECK(allocations() - before == 0);
    CHECK(good == 100);
}

TEST_CASE("rotating_keys: a batch whose tokens name a new key fetches once", "[jwt][rotating_keys][verify_many]") {
    manual_time time;
    context cx{time};
    issuer from;
    rotating_keys keys{"", from.task()};
    verify_many const judge{verifier{keys}};
    std::vector<std::string> const old(3, token_of("a"));
    CHECK(judge(std::span{old}, cx)[2].has_value());
    from.ids = {"a", "b"};
    std::vector<std::string> const mixed{token_of("b"), token_of("a"), token_of("b"), token_of("x")};
    auto const answers = judge(std::span{mixed}, cx);
    CHECK(answers[0].has_value());
    CHECK(answers[1].has_value());
    CHECK(answers[2].has_value());
    CHECK(fault_of(answers[3]) == "unknown key");
    CHECK(from.asked == 2);
}

TEST_CASE("rotating_keys: readers on several threads and renewals between them never see half a set", "[jwt][rotating_keys]") {
    std::atomic<int> round{0};
    rotating_keys keys{"", [&](std::string const&) {
        auto const n = std::to_string(++round);
        return key_set::of({set_key("a"), set_key("k" + n)});
    }, {.fresh_for = 1us, .stale_for = 1h}};
    verifier const judge{keys};
    auto const token = token_of("a");
    std::atomic<int> good{0};
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t)
            threads.emplace_back([&] {
                for (int i = 0; i < 200; ++i) good += judge(token).has_value();
            });
    }
    CHECK(good == 800);
    CHECK(round > 1);
}

TEST_CASE("rotating_keys: options out of range are refused", "[jwt][rotating_keys]") {
    auto const none = [](std::string const&) { return std::string{}; };
    CHECK_THROWS_AS((rotating_keys{"", none, {.fresh_for = 0s}}), std::invalid_argument);
    CHECK_THROWS_AS((rotating_keys{"", none, {.stale_for = -1s}}), std::invalid_argument);
    CHECK_THROWS_AS((rotating_keys{"", none, {.ahead = 1.5}}), std::invalid_argument);
    CHECK_THROWS_AS((rotating_keys{"", none, {.unknown_kid_every = 0s}}), std::invalid_argument);
    CHECK_THROWS_AS((rotating_keys{"", none, {.retry_every = 0s}}), std::invalid_argument);
}
