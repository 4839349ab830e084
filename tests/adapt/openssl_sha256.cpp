#include <muster/adapt/openssl_sha256.hpp>

#include "catch.hpp"

#include <string>
#include <type_traits>

#include <openssl/evp.h>

using muster::openssl_sha256;

static_assert(std::is_trivially_copyable_v<openssl_sha256>);

TEST_CASE("openssl_sha256: agrees with what OpenSSL advises in its place, in any pieces", "[adapt][openssl]") {
    std::string text;
    for (int size = 0; size <= 300; ++size, text += static_cast<char>(size * 7)) {
        openssl_sha256::digest_type theirs{};
        REQUIRE(EVP_Digest(text.data(), text.size(), theirs.data(), nullptr, EVP_sha256(), nullptr) == 1);
        openssl_sha256 whole, halves;
        whole.add(text);
        halves.add(std::string_view{text}.substr(0, text.size() / 2));
        auto copy = halves;    // goes on from where its original is
        halves.add(std::string_view{text}.substr(text.size() / 2));
        copy.add("another end");
        CHECK(whole.finish() == theirs);
        CHECK(halves.finish() == theirs);
        CHECK(copy.finish() != theirs);
    }
}

TEST_CASE("openssl_sha256: nothing is left of a state that was wiped", "[adapt][openssl]") {
    openssl_sha256 state;
    state.add("a secret");
    state.wipe();
    auto const* const bytes = reinterpret_cast<unsigned char const*>(&state);
    CHECK(std::string(bytes, bytes + sizeof state) == std::string(sizeof state, '\0'));
}
