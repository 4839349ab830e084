#include <muster/workloads/jwt/verify_many.hpp>

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <muster/exec/thread_pool.hpp>
#include <muster/flow/map.hpp>
#include <muster/policy/batched.hpp>
#include <muster/policy/on.hpp>

#include "allocations.hpp"
#include "catch.hpp"
#include "tokens.hpp"

using namespace muster::jwt;
using tokens::encoded;
using tokens::fault_of;
using tokens::hmac_key;
using tokens::signing_key;

namespace {

// The answer in words: two are equal when the texts are.
std::string told(muster::outcome<claims> const& answer) {
    if (!answer) return fault_of(answer) + ": " + answer.error().text();
    return std::string{answer->payload()} + '|' + std::string{answer->type()} + '|' + std::string{answer->issuer().value_or("-")} + '|' +
           std::string{answer->subject().value_or("-")} + '|' +
           std::to_string(answer->expires() ? answer->expires()->time_since_epoch().count() : 0);
}

key generated(algorithm by, EVP_PKEY* made, char const* id) {
    muster::openssl_ptr<EVP_PKEY> const owner{made};
    muster::openssl_ptr<BIO> const text{BIO_new(BIO_s_mem())};
    REQUIRE(PEM_write_bio_PrivateKey(text.get(), made, nullptr, nullptr, 0, nullptr, nullptr) == 1);
    char* bytes = nullptr;
    auto const size = BIO_get_mem_data(text.get(), &bytes);
    return *key::from_pem(by, {bytes, static_cast<std::size_t>(size)}, {.id = id});
}

verifier_options asked() {
    return {.issuers = {"a"}, .any_audience = true, .clock = [] { return std::chrono::sys_seconds{std::chrono::seconds{1'000}}; }};
}

// Tokens of all these keys: good, expired, of another issuer, with escapes, of any size, and what an attacker makes of them.
std::vector<std::string> tokens_of(std::span<key const> keys, std::size_t count, std::mt19937_64& random) {
    auto const below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
    std::vector<std::string> all;
    for (std::size_t i = 0; i < 400; ++i) {
        auto payload = R"({"iss":")" + std::string{below(9) == 0 ? "b" : "a"} + R"(","sub":")" + (below(3) == 0 ? "\\u0041\\n" : "user") +
                       std::to_string(i) + R"(","exp":)" + (below(5) == 0 ? "999" : "2000");
        if (below(20) == 0) payload += R"(,"more":")" + std::string(below(11'000), 'x') + '"';
        if (below(20) == 0) payload += R"(,"exp":1)";
        all.push_back(*sign(keys[below(keys.size())], payload + "}", {.type = below(9) == 0 ? "at+jwt" : "JWT"}));
    }
    while (all.size() < count) {
        auto token = all[below(400)];
        switch (below(6)) {
            case 0: token[below(token.size())] = static_cast<char>(below(256)); break;
            case 1: token.resize(below(token.size())); break;
            case 2: token.insert(below(token.size()), 1, '.'); break;
            case 3: token = encoded(R"({"alg":"EdDSA","kid":"nobody"})") + token.substr(token.find('.')); break;
            case 4: token = token.substr(0, token.rfind('.') + 1) + all[below(400)].substr(0, below(2'000)); break;
            default: break;
        }
        all.push_back(std::move(token));
    }
    return all;
}

void check_as_alone(verifier const& judge, std::vector<std::string> const& tokens, std::mt19937_64& random) {
    verify_many const together{judge};
    std::size_t good = 0, differing = 0;
    for (std::size_t first = 0; first < tokens.size();) {
        auto const count = std::min<std::size_t>(random() % 150, tokens.size() - first);
        auto const answers = together(std::span<std::string const>{tokens}.subspan(first, count));
        REQUIRE(answers.size() == count);
        for (std::size_t i = 0; i < count; ++i) {
            auto const alone = judge(tokens[first + i]);
            good += alone.has_value();
            differing += told(answers[i]) != told(alone);
        }
        first += count;
    }
    CHECK(differing == 0);
    CHECK(good > tokens.size() / 10);
    CHECK(good < tokens.size() * 8 / 10);
}

}  // namespace

TEST_CASE("verify_many: each of 10,000 tokens, good and bad, of several keys and algorithms, is judged as alone", "[jwt][verify_many]") {
    std::mt19937_64 random{6};
    auto const set = *key_set::of({signing_key("a"), *key::ed25519_private("abcdefabcdefabcdefabcdefabcdefab", {.id = "b"}),
                                   generated(algorithm::es256, EVP_EC_gen("P-256"), "c"), generated(algorithm::ps256, EVP_RSA_gen(2048), "d"),
                                   *key::ed25519_private("ABCDEFabcdefabcdefabcdefabcdefab", {.id = "no use", .operations = {{"sign"}}})});
    check_as_alone(verifier{set, asked()}, tokens_of(set.keys(), 7'000, random), random);
    auto const one = hmac_key("k");
    check_as_alone(verifier{one, asked()}, tokens_of({&one, 1}, 3'000, random), random);
}

TEST_CASE("verify_many: the longest tokens there are go through a batch of 64 as any others", "[jwt][verify_many]") {
    auto const token = *sign(signing_key(), R"({"exp":9999999999,"sub":"\n","x":")" + std::string(12'000, 'x') + R"("})");
    REQUIRE(token.size() > 16'000);
    std::vector<std::string> const all(64, token);
    std::size_t good = 0;
    for (auto const& answer : verify_many{verifier{signing_key()}}(std::span<std::string const>{all})) good += answer && answer->subject() == "\n";
    CHECK(good == 64);
}

TEST_CASE("verify_many: an empty span has no answers", "[jwt][verify_many]") {
    CHECK(verify_many{verifier{signing_key()}}(std::span<std::string const>{}).empty());
}

TEST_CASE("verify_many: map hands it batches, and each token gets its answer", "[jwt][verify_many]") {
    std::vector<std::string> tokens;
    for (int i = 0; i < 300; ++i)
        tokens.push_back(*sign(signing_key(), R"({"sub":")" + std::to_string(i) + R"(","exp":)" + (i % 3 == 0 ? "1}" : "9999999999}")));
    muster::thread_pool pool{2};
    auto const answers = muster::map(tokens, muster::on{pool} | muster::batched{64} | verify_many{verifier{signing_key()}});
    REQUIRE(answers.size() == tokens.size());
    for (std::size_t i = 0; i < answers.size(); ++i) {
        CAPTURE(i);
        if (i % 3 == 0) {
            CHECK(fault_of(answers[i]) == "expired");
            CHECK(answers[i].error().index() == i);
        } else {
            CHECK(answers[i]->subject() == std::to_string(i));
        }
    }
}

TEST_CASE("verify_many: a batch of good tokens costs one allocation, for its answers", "[jwt][verify_many]") {
    verify_many const judge{verifier{hmac_key()}};
    std::vector<std::string> const all(64, *sign(hmac_key(), R"({"sub":"user-1234","exp":9999999999})"));
    std::vector<std::string_view> const views{all.begin(), all.end()};
    (void)judge(std::span{views});    // from here on the header is known
    auto const before = allocations();
    auto const answers = judge(std::span{views});
    CHECK(allocations() - before == 1);
    CHECK(answers.back().has_value());
}
