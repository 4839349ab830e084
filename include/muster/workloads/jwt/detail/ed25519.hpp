#pragma once

#include <array>          // keys
#include <cstddef>        // size_t
#include <optional>       // what is wrong with it
#include <string_view>    // string_view

#include <sodium.h>    // crypto_sign_verify_detached

#include <muster/adapt/sodium.hpp>             // start_sodium
#include <muster/workloads/jwt/fault.hpp>      // fault

namespace muster::jwt::detail {

[[nodiscard]] inline unsigned char const* unsigned_bytes(std::string_view of) noexcept {
    return reinterpret_cast<unsigned char const*>(of.data());
}

// An Ed25519 key: its public part, and the private one where it is known, which is wiped.
class ed25519_key {
public:
    static constexpr std::size_t signature_size = 64;

    explicit ed25519_key(std::array<unsigned char, 32> const& public_part) noexcept : public_(public_part) {}

    static ed25519_key from_seed(std::string_view seed) noexcept {
        ed25519_key made{std::array<unsigned char, 32>{}};
        crypto_sign_seed_keypair(made.public_.data(), made.secret_.data(), unsigned_bytes(seed));
        made.is_private_ = true;
        return made;
    }
    ed25519_key(ed25519_key const&) noexcept = default;
    ed25519_key& operator=(ed25519_key const&) noexcept = default;
    ~ed25519_key() { sodium_memzero(secret_.data(), secret_.size()); }

    [[nodiscard]] bool is_private() const noexcept { return is_private_; }
    [[nodiscard]] std::array<unsigned char, 32> const& public_part() const noexcept { return public_; }

    // 64 bytes into `out`.
    void sign(std::string_view message, char* out) const noexcept {
        crypto_sign_detached(reinterpret_cast<unsigned char*>(out), nullptr, unsigned_bytes(message), message.size(), secret_.data());
    }

    [[nodiscard]] std::optional<fault> verify(std::string_view message, std::string_view signature) const noexcept {
        if (signature.size() != signature_size) return fault::wrong_signature_length;
        if (!below_order(unsigned_bytes(signature) + 32)) return fault::signature_out_of_range;
        if (crypto_sign_verify_detached(unsigned_bytes(signature), unsigned_bytes(message), message.size(), public_.data()) != 0)
            return fault::bad_signature;
        return std::nullopt;
    }

private:
    // S of a signature, least byte first, against L = 2^252 + 27742317777372353535851937790883648493. Both are public.
    static bool below_order(unsigned char const* number) noexcept {
        static constexpr std::array<unsigned char, 32> order{
            0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
            0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};
        for (std::size_t i = order.size(); i-- > 0;)
            if (number[i] != order[i]) return number[i] < order[i];
        return false;
    }

    std::array<unsigned char, 32> public_;
    std::array<unsigned char, 64> secret_{};
    bool is_private_ = false;
};

}  // namespace muster::jwt::detail
