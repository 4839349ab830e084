#pragma once

#include <array>          // keys
#include <cstddef>        // size_t
#include <optional>       // what is wrong with it
#include <string_view>    // string_view

#include <sodium.h>    // crypto_sign_verify_detached

#include <muster/adapt/sodium.hpp>                           // start_sodium
#include <muster/workloads/jwt/detail/earned_table.hpp>      // earned_table
#include <muster/workloads/jwt/detail/scalar25519.hpp>       // below_order
#include <muster/workloads/jwt/fault.hpp>                    // fault

namespace muster::jwt::detail {

[[nodiscard]] inline unsigned char const* unsigned_bytes(std::string_view of) noexcept {
    return reinterpret_cast<unsigned char const*>(of.data());
}

// An Ed25519 key: its public part, and the private one where it is known, which is wiped. libsodium signs, and verifies until the
// key has earned a table.
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
    ed25519_key& operator=(ed25519_key const&) = delete;
    ~ed25519_key() { sodium_memzero(secret_.data(), secret_.size()); }

    [[nodiscard]] bool is_private() const noexcept { return is_private_; }
    [[nodiscard]] std::array<unsigned char, 32> const& public_part() const noexcept { return public_; }

    // 64 bytes into `out`.
    void sign(std::string_view message, char* out) const noexcept {
        crypto_sign_detached(reinterpret_cast<unsigned char*>(out), nullptr, unsigned_bytes(message), message.size(), secret_.data());
    }

    [[nodiscard]] std::optional<fault> verify(std::string_view message, std::string_view signature) const noexcept {
        if (signature.size() != signature_size) return fault::wrong_signature_length;
        auto const* const by = unsigned_bytes(signature);
        if (!below_order(by + 32)) return fault::signature_out_of_range;
        auto const* const ready = table();
        auto const good = ready ? ready->verify(message, by)
                                : crypto_sign_verify_detached(by, unsigned_bytes(message), message.size(), public_.data()) == 0;
        return good ? std::nullopt : std::optional{fault::bad_signature};
    }

    // For `verify_each`, where the key has earned one by now; null until then. It judges as `verify` does, and is the key's.
    [[nodiscard]] ed25519_table const* table(std::size_t uses = 1) const noexcept { return earned_.use(public_, uses); }

private:
    std::array<unsigned char, 32> public_;
    std::array<unsigned char, 64> secret_{};
    bool is_private_ = false;
    earned_table earned_{};
};

}  // namespace muster::jwt::detail
