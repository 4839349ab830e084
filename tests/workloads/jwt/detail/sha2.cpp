#include <muster/workloads/jwt/detail/sha2.hpp>

#include <cstddef>
#include <memory>
#include <new>
#include <string>

#include "catch.hpp"

using namespace muster::jwt::detail;

namespace {

std::string hex(std::string_view bytes) {
    std::string text;
    for (auto const byte : bytes) {
        text += "0123456789abcdef"[static_cast<unsigned char>(byte) >> 4];
        text += "0123456789abcdef"[static_cast<unsigned char>(byte) & 15];
    }
    return text;
}

}  // namespace

TEST_CASE("hmac_states: RFC 4231, test cases 2 and 6: a short key, and one that is longer than the block", "[jwt][sha2]") {
    char out[longest_hash];
    hmac_states const shorter{"Jefe", 32};
    for (int i = 0; i < 2; ++i)    // the states are copied, not used up
        CHECK(hex(shorter.mac("what do ya want for nothing?", out)) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    CHECK(hex(hmac_states{"Jefe", 48}.mac("what do ya want for nothing?", out)) ==
          "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649");
    CHECK(hex(hmac_states{"Jefe", 64}.mac("what do ya want for nothing?", out)) ==
          "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737");
    CHECK(hex(hmac_states{std::string(131, '\xaa'), 32}.mac("Test Using Larger Than Block-Size Key - Hash Key First", out)) ==
          "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST_CASE("hmac_states: nothing of the key is left when they go", "[jwt][sha2]") {
    for (std::size_t const hash : {32u, 48u, 64u}) {
        alignas(hmac_states) std::byte room[sizeof(hmac_states)] = {};
        std::destroy_at(new (room) hmac_states{std::string(64, 'k'), hash});
        std::size_t left = 0;
        for (auto const byte : room) left += byte != std::byte{0};
        CHECK(left == 2);    // the size of the hash, twice
    }
}
