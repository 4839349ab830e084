#pragma once

#include <cstddef>        // size_t
#include <cstring>        // memcpy
#include <string_view>    // string_view

#include <openssl/crypto.h>    // OPENSSL_cleanse, CRYPTO_memcmp
#include <openssl/sha.h>       // SHA256_Update

// OpenSSL's SHA-2 with its state on the stack. EVP is the way OpenSSL recommends, and calls these deprecated; but it allocates for
// each copy of a state, and copying the state is what makes an HMAC of a short text cost two blocks instead of four: 5.0 million
// a second on one thread against 3.2 (200 bytes), and nothing on the heap. They are part of OpenSSL 3 wherever it is not built
// without its deprecated functions. No other file names them.

namespace muster::jwt::detail {

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#endif

inline constexpr std::size_t longest_hash = 64;
inline constexpr std::size_t longest_block = 128;

// SHA-256, SHA-384 or SHA-512, named by the bytes of the hash.
class sha2 {
public:
    explicit sha2(std::size_t hash_size) noexcept : size_(hash_size) {
        if (size_ == 32) SHA256_Init(&small_);
        else if (size_ == 48) SHA384_Init(&large_);
        else SHA512_Init(&large_);
    }
    sha2(sha2 const&) noexcept = default;
    sha2& operator=(sha2 const&) noexcept = default;
    // A state is as good as the key that went into it.
    ~sha2() { OPENSSL_cleanse(size_ == 32 ? static_cast<void*>(&small_) : &large_, size_ == 32 ? sizeof small_ : sizeof large_); }

    [[nodiscard]] std::size_t block_size() const noexcept { return size_ == 32 ? 64 : 128; }

    void update(std::string_view bytes) noexcept {
        if (size_ == 32) SHA256_Update(&small_, bytes.data(), bytes.size());
        else SHA512_Update(&large_, bytes.data(), bytes.size());    // of both: the size of the hash is in the state
    }
    // Writes the hash into `out`, which has room for it.
    std::string_view finish(char* out) noexcept {
        auto* const to = reinterpret_cast<unsigned char*>(out);
        if (size_ == 32) SHA256_Final(to, &small_);
        else SHA512_Final(to, &large_);
        return {out, size_};
    }

private:
    std::size_t size_;
    union {
        SHA256_CTX small_;
        SHA512_CTX large_;
    };
};

#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

// HMAC by copies of the two states that the key makes, once.
//
// Source: RFC 2104.
class hmac_states {
public:
    hmac_states(std::string_view secret, std::size_t hash_size) noexcept : inner_(hash_size), outer_(hash_size) {
        char block[longest_block] = {};
        auto const length = inner_.block_size();
        if (secret.size() > length) {
            sha2 hash{hash_size};
            hash.update(secret);
            hash.finish(block);
        } else {
            if (!secret.empty()) std::memcpy(block, secret.data(), secret.size());
        }
        for (std::size_t i = 0; i < length; ++i) block[i] = static_cast<char>(block[i] ^ 0x36);
        inner_.update({block, length});
        for (std::size_t i = 0; i < length; ++i) block[i] = static_cast<char>(block[i] ^ 0x36 ^ 0x5c);
        outer_.update({block, length});
        OPENSSL_cleanse(block, sizeof block);
    }

    // Writes the MAC into `out`, which has room for `longest_hash`.
    std::string_view mac(std::string_view message, char* out) const noexcept {
        auto hash = inner_;
        hash.update(message);
        auto const first = hash.finish(out);
        auto again = outer_;
        again.update(first);
        return again.finish(out);
    }

private:
    sha2 inner_, outer_;
};

}  // namespace muster::jwt::detail
