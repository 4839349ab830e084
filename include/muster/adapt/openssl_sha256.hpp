#pragma once

#include <array>          // digest
#include <cstdint>        // uint8_t
#include <string_view>    // bytes

#include <openssl/crypto.h>    // OPENSSL_cleanse
#include <openssl/sha.h>       // SHA256_Init, SHA256_Update, SHA256_Final

namespace muster {

/// SHA-256 by OpenSSL, its state on the stack: nothing is allocated, and nothing is looked up for a message.
///
/// These functions of OpenSSL are marked as deprecated since 3.0, and maintained. What is advised in their place looks the
/// algorithm up by name for each message, or keeps a context on the heap: for 64 bytes the one costs 4.5 times as much, the
/// other 1.7 times, and the look-up takes a lock that threads wait for. So the warning is switched off, here and nowhere else.
///
/// Shape      `add` any number of times, then `finish` once. A copy goes on from where its original was.
/// Threads    one at a time.
/// Cost       112 bytes. Not by way of a provider: a FIPS provider that the program has loaded plays no part.
/// Source     FIPS 180-4.
class openssl_sha256 {
public:
    using digest_type = std::array<std::uint8_t, 32>;

    openssl_sha256() noexcept;
    void add(std::string_view bytes) noexcept;
    [[nodiscard]] digest_type finish() noexcept;
    /// Overwrites the state, where it came from a secret.
    void wipe() noexcept { OPENSSL_cleanse(&state_, sizeof state_); }

private:
    SHA256_CTX state_;
};

// Implementation

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#endif

inline openssl_sha256::openssl_sha256() noexcept { (void)SHA256_Init(&state_); }    // these three cannot fail

inline void openssl_sha256::add(std::string_view bytes) noexcept { (void)SHA256_Update(&state_, bytes.data(), bytes.size()); }

inline openssl_sha256::digest_type openssl_sha256::finish() noexcept {
    digest_type out;
    (void)SHA256_Final(out.data(), &state_);
    return out;
}

#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

}  // namespace muster
