// The reader of tokens, under whatever bytes a fuzzer thinks of:
//
//     clang++-14 -std=c++20 -O1 -g -fsanitize=fuzzer,address,undefined -Iinclude -Itests tests/fuzz/token.cpp -lcrypto -lsodium -o token_fuzz
//     python3 tests/fuzz/jwt_seeds.py corpus && ./token_fuzz corpus/token
//
// The first byte says what the rest is. A token as it stands; or a header and, after a line break, a payload, which are signed with the
// key, as an attacker could whom it was given: so that the fuzzer gets behind the signature. Each is judged twice, the second time with
// a header that may be known, and by a reference on OpenSSL and nlohmann-json, which takes and refuses the same. What is taken has
// segments that are what their bytes encode to.
#include <cstdio>
#include <cstdlib>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <muster/workloads/jwt/decode_unverified.hpp>
#include <muster/workloads/jwt/jws.hpp>
#include <muster/workloads/jwt/verifier.hpp>

#include "workloads/jwt/reference.hpp"

namespace {

using namespace muster::jwt;

void require(bool holds, char const* what) {
    if (holds) return;
    std::fprintf(stderr, "token: %s\n", what);
    std::abort();
}

std::string const secret = "0123456789abcdef0123456789abcdef";

// Judges by three verifiers: of one key without a name, of one with a name, of a set of two.
struct judges {
    verifier task;
    reference::rules rules;
    std::vector<reference::key> keys;
};

std::vector<judges> const& all() {
    static auto const made = [] {
        auto const clock = [] { return std::chrono::sys_seconds{std::chrono::seconds{1'000}}; };
        verifier_options const options{.audiences = {"us"}, .leeway = std::chrono::seconds{5}, .clock = clock};
        reference::rules const rules{.audiences = {"us"}, .leeway = 5, .now = 1'000};
        verifier_options const lenient{.any_audience = true, .type = "at+jwt", .required = {}, .clock = clock};
        reference::rules const lenient_rules{.any_audience = true, .type = "at+jwt", .required = {}, .now = 1'000};
        auto const key_of = [](char const* id) { return *key::hmac(algorithm::hs256, secret, {.id = id}); };
        auto const other = *key::hmac(algorithm::hs512, secret + secret, {.id = "b"});
        reference::key const unnamed{"HS256", "", secret}, a{"HS256", "a", secret}, b{"HS512", "b", secret + secret};
        return std::vector<judges>{{verifier{key_of(""), options}, rules, {unnamed}},
                                   {verifier{key_of("a"), lenient}, lenient_rules, {a}},
                                   {verifier{*key_set::of({key_of("a"), other}), options}, rules, {a, b}}};
    }();
    return made;
}

void check(std::string const& token) {
    for (auto const& by : all()) {
        auto const first = by.task(token), again = by.task(token);
        require(first.has_value() == again.has_value(), "judged otherwise once its header is known");
        if (!first) require(first.error().code() == again.error().code(), "another fault once its header is known");
        if (!first) require(first.error().code().category() == fault_category(), "refused with something that is no fault");
        auto const same = reference::judge(token, by.keys, by.rules);
        if (same.what != reference::answer::verdict::unknown)
            require(first.has_value() == (same.what == reference::answer::verdict::accepted), first ? "takes what the other refuses" : "refuses what the other takes");
        if (!first) continue;
        require(first->payload() == same.payload, "another payload");
        auto const cut = token.find('.'), end = token.rfind('.');
        require(reference::to_base64url(first->payload()) == token.substr(cut + 1, end - cut - 1), "two texts for one payload");
        auto const seen = decode_unverified(token);
        require(seen && seen->said.payload() == first->payload(), "cannot be shown");
    }
    (void)decode_unverified(token);
    std::vector<char> room(payload_room(token.size()));
    auto const payload = verify_into(*key::hmac(algorithm::hs256, secret), token, room);
    if (payload) require(reference::to_base64url(*payload) == token.substr(token.find('.') + 1, token.rfind('.') - token.find('.') - 1), "payload");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    if (size == 0) return 0;
    std::string const input{reinterpret_cast<char const*>(data) + 1, size - 1};
    if (data[0] % 4 == 0) {
        check(input);
        return 0;
    }
    auto const cut = input.find('\n');
    auto const header = input.substr(0, cut), payload = cut == input.npos ? std::string{} : input.substr(cut + 1);
    // With the bytes as they are, or as segments that the fuzzer wrote: a signature is over any bytes.
    auto const coded = [&](std::string const& bytes) { return data[0] % 4 == 3 ? bytes : reference::to_base64url(bytes); };
    auto token = coded(header) + "." + coded(payload);
    auto const longer = data[0] % 4 == 2;
    char mac[detail::longest_hash];
    auto const right = longer ? detail::hmac_states{secret + secret, 64}.mac(token, mac) : detail::hmac_states{secret, 32}.mac(token, mac);
    token += "." + reference::to_base64url(right);
    check(token);
    return 0;
}
