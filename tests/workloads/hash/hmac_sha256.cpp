#include <muster/workloads/hash/hmac_sha256.hpp>

#include "promises.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <muster/workloads/hash/hex.hpp>

using namespace muster::hashing;

static_assert(!std::is_default_constructible_v<hmac_sha256>);    // there is no HMAC without a secret

TEST_CASE("hmac_sha256: the examples of RFC 4231", "[hash][hmac]") {
    auto const hex_of = [](std::string_view secret, std::string_view message) { return to_hex(hmac_sha256{secret}(message)); };
    CHECK(hex_of(std::string(20, '\x0b'), "Hi There") == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    CHECK(hex_of("Jefe", "what do ya want for nothing?") == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    CHECK(hex_of(std::string(20, '\xaa'), std::string(50, '\xdd')) == "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    std::string counted;
    for (char c = 1; c <= 25; ++c) counted += c;
    CHECK(hex_of(counted, std::string(50, '\xcd')) == "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
    CHECK(hex_of(std::string(20, '\x0c'), "Test With Truncation").substr(0, 32) == "a3b6167473100ee06e0c796c2955552b");
    std::string const larger(131, '\xaa');
    CHECK(hex_of(larger, "Test Using Larger Than Block-Size Key - Hash Key First") ==
          "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    CHECK(hex_of(larger, "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be "
                         "hashed before being used by the HMAC algorithm.") ==
          "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

TEST_CASE("hmac_sha256: agrees with OpenSSL's HMAC for secrets and messages of every length", "[hash][hmac]") {
    std::mt19937_64 random{13};
    for (std::size_t size = 0; size <= 130; ++size) {
        CAPTURE(size);
        auto const secret = random_key(random, size), message = random_key(random, random() % 300);
        digest<32> theirs;
        unsigned length = 0;
        REQUIRE(HMAC(EVP_sha256(), secret.data(), static_cast<int>(size), reinterpret_cast<unsigned char const*>(message.data()), message.size(),
                     theirs.bytes.data(), &length));
        CHECK(hmac_sha256{secret}(message) == theirs);
    }
}

TEST_CASE("hmac_sha256: keeps what every hash promises", "[hash][hmac]") { check_promises(hmac_sha256{"a secret"}); }

TEST_CASE("hmac_sha256: matches its own digest, and none that differs in a bit", "[hash][hmac]") {
    hmac_sha256 const hash{"a secret"};
    auto claimed = hash("message");
    CHECK(hash.matches("message", claimed));
    CHECK_FALSE(hash.matches("massage", claimed));
    CHECK_FALSE(hmac_sha256{"another"}.matches("message", claimed));
    for (std::size_t bit = 0; bit < 256; ++bit) {
        auto other = claimed;
        other.bytes[bit / 8] = static_cast<std::uint8_t>(other.bytes[bit / 8] ^ 1u << bit % 8);
        CHECK_FALSE(hash.matches("message", other));
    }
}

TEST_CASE("hmac_sha256: a copy outlives its original", "[hash][hmac]") {
    auto original = std::make_unique<hmac_sha256>("a secret");
    auto const right = (*original)("message");
    hmac_sha256 const copy = *original;
    original.reset();
    CHECK(copy("message") == right);
}
